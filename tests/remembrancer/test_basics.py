"""Errors, findings and time: the small things that everything else stands on."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from remembrancer import errors
from remembrancer.clock import FixedClock, SystemClock, parse_rfc3339, rfc3339
from remembrancer.findings import Finding, Outcome, exit_code


def finding(outcome: Outcome) -> Finding:
    return Finding("hash", outcome, "hash.mismatch", "x", "It is.")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ("", 1),
        ("v", 0),
        ("vv", 0),
        ("vu", 3),
        ("vf", 1),
        ("uf", 1),
        ("fu", 1),
        ("u", 3),
    ],
)
def test_failed_outranks_unverifiable_and_nothing_is_no_success(outcomes: str, code: int) -> None:
    names = {"v": Outcome.VERIFIED, "f": Outcome.FAILED, "u": Outcome.UNVERIFIABLE}
    assert exit_code(finding(names[one]) for one in outcomes) == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.RemembrancerError, 2),
        (errors.BadInput, 2),
        (errors.Refused, 2),
        (errors.Rejected, 1),
        (errors.Unverifiable, 3),
        (errors.EnvironmentTrouble, 4),
    ],
)
def test_every_error_has_its_exit_code(kind: type[errors.RemembrancerError], code: int) -> None:
    error = kind("log.root", "It is not.", "Do this.")
    assert (error.exit_code, error.code, error.message, error.remedy, str(error)) == (
        code,
        "log.root",
        "It is not.",
        "Do this.",
        "It is not.",
    )


def test_times_are_whole_seconds_in_utc() -> None:
    moment = datetime(2026, 1, 2, 4, 4, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-01-02T03:04:05Z"
    assert parse_rfc3339("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert rfc3339(datetime(33, 1, 2, tzinfo=UTC)) == "0033-01-02T00:00:00Z"
    assert FixedClock(moment).now() == moment
    assert FixedClock(moment).now().tzinfo is UTC
    assert SystemClock().now().tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 1, 2))  # noqa: DTZ001 - the point of the test


OTHER_SPELLINGS = [
    "",
    "2026-01-02",
    "2026-01-02 03:04:05Z",
    "2026-01-02T03:04:05",
    "2026-01-02T03:04:05+00:00",
    "2026-1-2T03:04:05Z",
    "2026-01-02T03:04:05.1Z",
    "2026-02-30T00:00:00Z",
    "2026-01-02T03:04:05Z\n",
    "٢026-01-02T03:04:05Z",
]


@pytest.mark.parametrize("text", OTHER_SPELLINGS)
def test_any_other_spelling_of_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)
