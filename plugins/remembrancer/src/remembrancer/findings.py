"""What a check found: one of three outcomes, with a stable reason code."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from remembrancer.errors import RemembrancerError, Unverifiable
from remembrancer.named import NamedTuple


class Outcome(StrEnum):
    """The only three answers of a check."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"


class Finding(NamedTuple):
    """One answer of one check.

    `check` names the check (hash, signature, timestamp, inclusion, ...), `code` is a key of `reasons.REASONS`
    or `<check>.ok` when verified, `subject` is the file or artifact meant, `message` one sentence, `details`
    strings for the JSON report.
    """

    check: str
    outcome: Outcome
    code: str
    subject: str
    message: str
    remedy: str = ""
    details: Mapping[str, str] = {}


def outcome_of(error: RemembrancerError) -> Outcome:
    """Return the outcome that a check's exception stands for."""
    return Outcome.UNVERIFIABLE if isinstance(error, Unverifiable) else Outcome.FAILED


def negative(check: str, subject: str, error: RemembrancerError) -> Finding:
    """Return the finding for a check that did not hold."""
    return Finding(check, outcome_of(error), error.code, subject, error.message, error.remedy)


def positive(check: str, subject: str, message: str, who: str = "", when: str = "", **more: str) -> Finding:
    """Return the finding for a check that held, with who vouches and when."""
    return Finding(check, Outcome.VERIFIED, f"{check}.ok", subject, message, "", {"who": who, "when": when, **more})


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the process status of a set of findings: 1 if any failed, else 3 if any is unverifiable, else 0.

    No findings at all is a failure, because nothing was verified.
    """
    outcomes = {finding.outcome for finding in findings}
    if not outcomes or Outcome.FAILED in outcomes:
        return 1
    return 3 if Outcome.UNVERIFIABLE in outcomes else 0
