"""A short sample of `make fuzz`: every reader under atheris, with coverage as its guide, each in its own process."""

import pytest

from fuzz.campaign import LONGEST, campaign
from fuzz.targets import PLANTED, TARGETS

pytestmark = pytest.mark.system
RUNS = 2_500


def test_no_file_of_the_corpus_is_cut() -> None:
    assert max(len(data) for target in TARGETS for data in target.corpus()) <= LONGEST


def test_no_target_breaks_within_its_executions() -> None:
    results = campaign([target.name for target in TARGETS], RUNS)
    assert [one.target for one in results] == [target.name for target in TARGETS]
    assert [f"{one.target}: {one.found!r} {one.said}" for one in results if one.found is not None] == []
    assert [f"{one.target}: {one.said}" for one in results if one.runs < RUNS] == []


def test_a_planted_bug_is_found() -> None:
    (result,) = campaign([PLANTED.name], RUNS)
    assert result.found is not None, result.said
    with pytest.raises(IndexError):
        PLANTED.takes(result.found)
    assert "IndexError" in result.said
