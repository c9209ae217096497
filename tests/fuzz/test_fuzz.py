"""Mutated inputs for every reader: only the package's own exceptions escape, and work grows with the input's size.

The mutations begin at valid material and know the formats' words; `make fuzz` goes on from the same corpus with
coverage as its guide. Everything is derived from fixed seeds, so a failure here fails everywhere.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fuzz.mutate import mutate
from fuzz.targets import CORPUS, PLANTED, TARGETS, Target

RUNS = 400
BY_NAME = {target.name: target for target in TARGETS}
SETTINGS = settings(
    max_examples=RUNS,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def campaign(target: Target, seeds: list[bytes]) -> int:
    """Run the target on mutations and return how many it had; whatever it must not raise comes through."""
    count = 0

    @SETTINGS
    @given(number=st.integers(0, 1 << 64))
    def run(number: int) -> None:
        nonlocal count
        count += 1
        target.takes(mutate(number, seeds, target.words))

    run()
    return count


@pytest.mark.parametrize("name", BY_NAME)
def test_only_its_own_exceptions_escape(name: str) -> None:
    target = BY_NAME[name]
    assert campaign(target, target.corpus()) >= RUNS


@pytest.mark.parametrize("name", BY_NAME)
def test_the_corpus_is_replayed(name: str) -> None:
    """Every target has material that it takes, so that mutations begin behind its first checks."""
    target = BY_NAME[name]
    taken = [target.takes(data) for data in target.corpus()]
    assert any(taken)


FOUND = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/found-*"))


def test_what_was_found_is_kept() -> None:
    assert {name.split("/")[0] for name in FOUND} >= {"bundle", "policy", "waivers"}


@pytest.mark.parametrize("name", FOUND)
def test_what_once_escaped_is_refused(name: str) -> None:
    """Half a surrogate pair in a proof file, times outside of the calendar in UTC, keys with a thousand dots."""
    assert not BY_NAME[name.split("/", maxsplit=1)[0]].takes((CORPUS / name).read_bytes())


def test_a_planted_bug_is_found() -> None:
    with pytest.raises(IndexError):
        campaign(PLANTED, [b"\x03abc\x02de\x00"])
