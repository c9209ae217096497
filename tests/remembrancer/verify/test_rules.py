"""Under which rule a release was made: from the stamps of its checkpoints alone, and as docs/formats.md says."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from independent_verifier import required
from remembrancer.tlog.note import SignerKey
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.verify import stamps as stamps_module
from remembrancer.verify.log import LogView, Stamp
from remembrancer.verify.stamps import StampedTimes, agreed_under

START = datetime(2026, 1, 1, tzinfo=UTC)
LOG = SignerKey.from_seed("example.com/my-svc", bytes(32)).verifier()
NAMES = ("a", "b", "c", "own")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def written(changes: Iterable[tuple[int, int, int]], profile: str = "production") -> str:
    """Return a policy that asks for one of each at first, then for what changes from a day on."""
    text = f'''version = 1\nprofile = "{profile}"\nowner = "{"A" * 40}"\norigin = "example.com/my-svc"\n[require]
signatures = 1\ntimestamps = 1\n[[log-key]]\nkey = "{LOG}"\n'''
    for start, signatures, timestamps in changes:
        text += f"[[require.change]]\nfrom = {day(start).isoformat()}\n"
        text += f"signatures = {signatures}\ntimestamps = {timestamps}\n"
    for number, name in enumerate(NAMES):
        text += f'[[signer]]\nname = "{name}"\nfingerprint = "{number}{"B" * 39}"\nkey-sha256 = "{"1" * 64}"\n'
        text += f'[[authority]]\nname = "{name}"\nurl = "https://tsa.example/"\nroots-sha256 = ["{str(number) * 64}"]\n'
        text += "self-asserted = true\n" if name == "own" else ""
    return text


def ours(text: str, stamps: list[tuple[str, datetime]], now: datetime) -> tuple[int, int]:
    """Ask the verifier, with stamps whose tokens hold and say these times."""
    listed = [Stamp(size, name, b"", time.isoformat().encode()) for size, (name, time) in enumerate(stamps, 1)]
    trusted = Trusted(policy.parse(text.encode()), "A" * 40, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:

        def check(_view: LogView, stamp: Stamp, _trusted: Trusted) -> tuple[object, object]:
            time = datetime.fromisoformat(stamp.response.decode())
            return SimpleNamespace(gen_time=time, latest=time), trusted.policy.authority(stamp.authority)

        patch.setattr(stamps_module, "check_stamp", check)
        rule = StampedTimes(cast(LogView, None), listed, trusted, now).rule(0)
    return rule.signatures, rule.timestamps


RAISED = [(10, 2, 2)]
LOWERED = [(10, 2, 2), (20, 1, 1)]


@pytest.mark.parametrize(
    ("what", "changes", "stamps", "now", "rule"),
    [
        ("before", RAISED, [("a", 9)], 30, (1, 1)),
        ("at the moment", RAISED, [("a", 10)], 30, (2, 2)),
        ("after", RAISED, [("a", 11), ("b", 11)], 30, (2, 2)),
        ("undated", RAISED, [], 30, (2, 2)),
        ("undated before a moment to come", RAISED, [], 5, (1, 1)),
        ("only the signer's own authority", RAISED, [("own", 9)], 30, (2, 2)),
        ("the own one says earlier", RAISED, [("own", 9), ("a", 11)], 30, (2, 2)),
        ("between, by two", LOWERED, [("a", 11), ("b", 12)], 30, (2, 2)),
        ("between, by one of two", LOWERED, [("a", 11)], 30, (1, 1)),
        ("after both", LOWERED, [("a", 21), ("b", 21)], 30, (1, 1)),
    ],
)
def test_the_rule_of_a_release(
    what: str, changes: list[tuple[int, int, int]], stamps: list[tuple[str, int]], now: int, rule: tuple[int, int]
) -> None:
    text, dated = written(changes), [(name, day(number)) for name, number in stamps]
    assert ours(text, dated, day(now)) == rule, what
    assert required(text, dated, day(now)) == rule, f"{what}, says the document"


def test_development_has_only_its_own_authority() -> None:
    text = written(RAISED, "development")
    assert ours(text, [("own", day(9))], day(30)) == required(text, [("own", day(9))], day(30)) == (1, 1)


NUMBERS = st.integers(1, 3)


# how long it takes says what else the machine does
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 40), NUMBERS, NUMBERS), unique_by=lambda one: one[0]).map(sorted),
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 50)), max_size=6),
    st.integers(0, 50),
)
def test_the_document_says_the_same(
    changes: list[tuple[int, int, int]], stamps: list[tuple[str, int]], now: int
) -> None:
    text, dated = written(changes), [(name, day(number)) for name, number in stamps]
    # a stamp from the future dates nothing
    dated = [(name, time) for name, time in dated if time <= day(now)]
    assert ours(text, dated, day(now)) == required(text, dated, day(now))


@pytest.mark.parametrize(
    ("changes", "times", "proven"),
    [
        ([], {"a": 5, "b": 7}, 5),
        (RAISED, {"a": 5}, 5),
        (RAISED, {"a": 12}, None),
        (RAISED, {"a": 12, "b": 13}, 13),
        (LOWERED, {"a": 12}, 20),
        (LOWERED, {"a": 12, "b": 13}, 13),
    ],
)
def test_as_many_date_a_signature_as_were_asked_for_then(
    changes: list[tuple[int, int, int]], times: dict[str, int], proven: int | None
) -> None:
    require = policy.parse(written(changes).encode()).require
    found = agreed_under({name: day(number) for name, number in times.items()}, require)
    assert found == (None if proven is None else day(proven))
