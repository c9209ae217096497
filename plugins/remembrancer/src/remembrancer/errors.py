"""The exceptions that a command turns into one sentence and an exit code (never a traceback)."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 receipt, 2 receipts; `plural` is for nouns that take more than an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


class RemembrancerError(Exception):
    """What every expected failure is: a stable reason code, one sentence, and what to do about it.

    Takes the code (a key of `reasons.REASONS`), the message (one sentence) and an optional remedy that is
    more specific than the one in the table. `exit_code` is the process status that the failure leads to.
    """

    exit_code = 2

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


class BadInput(RemembrancerError):
    """The caller gave something that cannot be used (exit 2)."""


class Refused(RemembrancerError):
    """A recording that would contradict what is already recorded (exit 2)."""


class Rejected(RemembrancerError):
    """A proof that does not hold (exit 1); its code is the verdict's reason code."""

    exit_code = 1


class Unverifiable(RemembrancerError):
    """Nothing is known to be wrong, but a needed fact is missing (exit 3)."""

    exit_code = 3


class EnvironmentTrouble(RemembrancerError):
    """The network, the disk or a lock failed (exit 4); nothing half-written stays behind."""

    exit_code = 4
