"""A log key counts for the tree sizes that the policy gives it, and for no others."""

import pytest

from remembrancer.errors import Rejected
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.note import SignerKey, sign_note
from remembrancer.trust.policy import LogKey, parse
from remembrancer.verify.log import open_checkpoint
from worked_ledger import ORIGIN, keys, policy_text

OLD, _ = keys()
NEW = SignerKey.from_seed(ORIGIN, bytes(32))
TEXT = policy_text()
POLICY = parse((TEXT[: TEXT.index("witnesses")] + TEXT[TEXT.index("[require]") :]).encode())
# both are responsible at size 10, where the new one takes over
ROTATED = POLICY._replace(log_keys=(LogKey(OLD.verifier(), 0, 10), LogKey(NEW.verifier(), 10, None)))


def note(size: int, *signers: SignerKey) -> bytes:
    return sign_note(Checkpoint(ORIGIN, size, bytes(32)).format(), signers)


@pytest.mark.parametrize(
    ("size", "signers"),
    [(9, (OLD,)), (9, (OLD, NEW)), (10, (OLD, NEW)), (10, (NEW, OLD)), (11, (NEW,)), (11, (OLD, NEW))],
)
def test_every_responsible_key_has_signed(size: int, signers: tuple[SignerKey, ...]) -> None:
    assert open_checkpoint(note(size, *signers), ROTATED).checkpoint.size == size


@pytest.mark.parametrize(("size", "signers"), [(9, (NEW,)), (10, (OLD,)), (10, (NEW,)), (11, (OLD,))])
def test_a_key_outside_its_range_does_not_count(size: int, signers: tuple[SignerKey, ...]) -> None:
    with pytest.raises(Rejected) as caught:
        open_checkpoint(note(size, *signers), ROTATED)
    assert caught.value.code == "log.key-range"


def test_a_note_that_was_stamped_needs_one_of_them() -> None:
    assert open_checkpoint(note(10, OLD), ROTATED, stamped=True).checkpoint.size == 10
    with pytest.raises(Rejected) as caught:
        open_checkpoint(note(11, OLD), ROTATED, stamped=True)
    assert caught.value.code == "log.key-range"


def test_a_size_that_no_key_is_responsible_for() -> None:
    closed = POLICY._replace(log_keys=(LogKey(OLD.verifier(), 0, 10),))
    with pytest.raises(Rejected) as caught:
        open_checkpoint(note(11, OLD), closed)
    assert caught.value.code == "log.key-range"
