"""Findings of an audit, bounded: of each reason code the first thousand, and then how many more there are."""

from collections import Counter
from dataclasses import dataclass, field

from remembrancer.findings import Finding, Outcome

_LIMIT = 1_000


@dataclass(slots=True)
class Notes:
    """A list of findings that cannot fill the memory, however broken a repository is."""

    _kept: list[Finding] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)
    _last: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep a finding, or only count it."""
        self._count[finding.code] += 1
        if self._count[finding.code] <= _LIMIT:
            self._kept.append(finding)
        else:
            self._last[finding.code] = finding

    def extend(self, other: "Notes") -> None:
        """Take over what another list holds."""
        for finding in other._kept:
            self.add(finding)
        for code, last in other._last.items():
            self._count[code] += other._count[code] - _LIMIT
            self._last[code] = last

    def all(self) -> tuple[Finding, ...]:
        """Return the findings kept, and for each code with more a last one that says how many."""
        more = []
        for code, last in self._last.items():
            message = f"And {self._count[code] - _LIMIT} more like this, the last of them here."
            more.append(Finding(last.check, last.outcome, code, last.subject, message))
        return (*self._kept, *more)


def failed(code: str, subject: str, message: str) -> Finding:
    """Return a failure that an audit found; `subject` is a path from the repository's root."""
    return Finding("audit", Outcome.FAILED, code, subject, message)


def notice(code: str, subject: str, message: str) -> Finding:
    """Return something that an audit met and that no verdict depends on."""
    return Finding("audit", Outcome.VERIFIED, code, subject, message)
