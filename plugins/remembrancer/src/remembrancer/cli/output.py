"""What commands print: a verdict as a table for people, or one JSON report (schemas/report.json) for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from remembrancer.cli.terminal import REPORT_SCHEMA, escaped, put
from remembrancer.findings import Finding, Outcome, exit_code
from remembrancer.named import NamedTuple

if TYPE_CHECKING:
    from remembrancer.audit.session import Session
    from remembrancer.audit.verdict import Verdict

WORDS = {Outcome.VERIFIED: "PASS", Outcome.FAILED: "FAIL", Outcome.UNVERIFIABLE: "OPEN"}
VERDICTS = {0: "verified", 1: "failed", 3: "unverifiable"}
STYLES = {"PASS": "green", "FAIL": "bold red", "OPEN": "yellow"}
UNPINNED = "trust.unpinned"
_REASON = 40  # columns that a reason needs beside the others to be read in a table
PROFILE_NOTES = {
    "development": "development trust: throw-away keys of this user; it proves integrity here, nothing to anyone else",
    "production": "production trust",
    "": "no trust: no pinned owner has signed a policy here",
}


class Report(NamedTuple):
    """The result of a command: findings make a verdict, `data` is whatever else there is to say."""

    command: str
    subject: str = ""
    profile: str | None = None
    findings: Sequence[Finding] = ()
    data: Mapping[str, Any] = MappingProxyType({})
    notices: Sequence[str] = ()
    plain_status: int = 0
    about: str = ""

    @property
    def status(self) -> int:
        """The exit status: that of the findings, or `plain_status` for a command that judges nothing."""
        return exit_code(self.findings) if self.profile is not None or self.findings else self.plain_status


def emit_verdict(command: str, verdict: "Verdict", session: "Session", output: str) -> int:
    """Print the verdict of a question with the session's notices, and return its exit status."""
    subject, findings, profile, data, about = verdict
    return emit(Report(command, subject, profile, findings, data, session.notices, about=about), output)


def emit_json(report: Report) -> int:
    """Print a report as JSON and return its exit status."""
    document: dict[str, Any] = {
        "schema": REPORT_SCHEMA,
        "command": report.command,
        "exitCode": report.status,
    }
    if report.subject:
        document["subject"] = report.subject
    if report.profile is not None or report.findings:
        document["profile"] = report.profile or "none"
        document["verdict"] = VERDICTS[report.status]
        document["findings"] = [
            {
                "check": finding.check,
                "outcome": str(finding.outcome),
                "code": finding.code,
                "subject": finding.subject,
                "message": finding.message,
                "remedy": remedy(finding),
                "details": dict(finding.details),
            }
            for finding in report.findings
        ]
    if report.data:
        document["data"] = dict(report.data)
    if report.notices:
        document["notices"] = list(report.notices)
    print(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True))
    return report.status


def emit(report: Report, output: str) -> int:
    """Print a verdict and return its exit status; notices go to stderr."""
    if output == "json":
        return emit_json(report)
    if report.findings:
        rows = [
            (
                finding.check,
                WORDS[finding.outcome],
                finding.details.get("who", "") or "-",
                finding.details.get("when", "") or "-",
                finding.message if finding.outcome is Outcome.VERIFIED else _negative(finding),
            )
            for finding in report.findings
        ]
        verdicts(rows)
        said = {finding.code: remedy(finding) for finding in report.findings if finding.outcome is not Outcome.VERIFIED}
        for code, advice in said.items():
            if advice:
                put(f"  {code}: {advice}", "    ")
    if report.profile is not None:
        verdict = VERDICTS[report.status].upper()
        note = PROFILE_NOTES.get(report.profile, report.profile)
        why = next((finding.code for finding in report.findings if finding.check == "trust"), UNPINNED)
        if not report.profile and why != UNPINNED:
            note = f"no trust: see {why} above"
        about = f": {report.about}" if report.about and not report.status else ""
        put(f"{f'{verdict} {report.subject}'.rstrip()} ({note}){about}")
    for notice in report.notices:
        put(f"note: {notice}", "  ", sys.stderr)
    return report.status


def _negative(finding: Finding) -> str:
    """Return what is wrong, and with what: a reader who is told only the first has nothing to look at."""
    named = not finding.subject or finding.subject in finding.message
    return f"{finding.code}: {'' if named else f'{finding.subject}: '}{finding.message}"


def remedy(finding: Finding) -> str:
    """Return what to do about a finding: its own remedy, else the one of its reason code."""
    if finding.outcome is Outcome.VERIFIED:
        return ""
    from remembrancer.reasons import REASONS

    return finding.remedy or (REASONS[finding.code].remedy if finding.code in REASONS else "")


def verdicts(rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Print findings (check, word, who, when, reason): a table, or on a narrow terminal one below the other."""
    if sys.stdout.isatty():
        import shutil

        safe = [[escaped(cell) for cell in row] for row in rows]
        width = shutil.get_terminal_size().columns
        if sum(max(len(row[column]) for row in safe) + 2 for column in range(4)) + _REASON > width:
            _stacked(safe, max(30, width))
            return
    table(("proof", "", "who", "when", "reason"), rows)


def _stacked(rows: Sequence[Sequence[str]], width: int) -> None:
    """Print the word, the check and the reason of each row, and below it who and when."""
    import textwrap

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=width)
    longest = max(len(row[0]) for row in rows)
    for check, word, who, when, reason in rows:
        first = f"{word}  {check:{longest}}  {reason}"
        indent = " " * min(longest + 8, width // 3)
        lines = textwrap.wrap(first, width, subsequent_indent=indent, break_on_hyphens=False)
        shown = Text("\n".join(lines))
        shown.stylize(STYLES[word], 0, len(word))
        known = "  ".join(part for part in (who, when) if part != "-")
        for line in textwrap.wrap(known, width - 6, break_on_hyphens=False):
            shown.append(f"\n      {line}", "dim")
        console.print(shown)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with rich on a terminal, else as aligned plain text."""
    safe = [[escaped(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(head, safe)
        return
    widths = [max(len(row[column]) for row in [list(head), *safe]) for column in range(len(head))]
    for row in [list(head), *safe]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False)
    for name in head:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(grid)


def say(report: Report, output: str, *lines: str) -> int:
    """Print the result of a command that judges nothing: the lines for people, `data` for programs."""
    if output == "json":
        return emit_json(report)
    for line in lines:
        put(line)
    for notice in report.notices:
        put(f"note: {notice}", "  ", sys.stderr)
    return report.status
