"""`query`: plain questions, ranked passages."""

import shutil
import textwrap
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, emit_json, say
from remembrancer.cli.terminal import put

if TYPE_CHECKING:
    from remembrancer.memory.ask import Answer
    from remembrancer.memory.standing import Standing

_FLAGS = ("-v", "--verbose", "-h", "--help")
_VALUED = ("--format", "--root", "--limit", "--trust", "--require", "--origin")


class _Question(click.Command):
    """A command whose text may hold anything: what is not one of its own options, in full, is text."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options: list[str] = []
        text: list[str] = []
        rest = iter(args)
        for one in rest:
            if one == "--":
                text += rest
            elif one in _FLAGS or one.startswith(tuple(f"{name}=" for name in _VALUED)):
                options.append(one)
            elif one in _VALUED:
                options += [one, *[value for value in [next(rest, None)] if value is not None]]
            else:
                text.append(one)
        return super().parse_args(ctx, [*options, "--", *text])


@click.command(cls=_Question, epilog='Example: remembrancer query "why did we choose postgres?"')
@click.argument("text", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=5, metavar="N", help="At most so many. Default: 5.")
@command(trust=True)
def query(session: Session, shown: Shown, *, text: tuple[str, ...], limit: int) -> int:
    """Answer a question in plain words with passages from decisions and receipts, best first.

    Each answer says how it stands: sealed, pending, unrecorded, failed, or unproven (no pinned trust).
    Exits with 1 when nothing is found; verify-audit verifies everything.
    """
    from contextlib import closing

    from remembrancer.memory.ask import ask
    from remembrancer.memory.index import opened
    from remembrancer.memory.standing import Seals

    question = " ".join(text)
    with closing(opened(session.root)) as base:
        answers = ask(base, question, limit)
    seals = Seals(session) if answers else None
    stands = [seals.of_file(one.path) for one in answers] if seals else []
    data = {"items": [_row(one, standing) for one, standing in zip(answers, stands, strict=True)]}
    report = Report("query", data=data, notices=session.notices, plain_status=0 if answers else 1)
    if shown.format == "json":
        return emit_json(report)
    if not answers:
        put("nothing is recorded about that")
        put("  Ask in other words, or look at `remembrancer timeline` and `remembrancer list adrs`.", "  ")
    for number, (one, standing) in enumerate(zip(answers, stands, strict=True), 1):
        _show(number, one, standing)
    if seals is not None and seals.trouble is not None:
        report = report._replace(notices=[*report.notices, f"{seals.trouble.message} [{seals.trouble.code}]"])
    return say(report, "text")


def _row(one: "Answer", standing: "Standing") -> dict[str, object]:
    """Return an answer for programs."""
    return {
        "file": one.path,
        "kind": one.kind,
        "title": one.title,
        "section": one.section,
        "passage": one.passage,
        "date": one.date,
        "status": one.status,
        "replacedBy": one.replaced_by,
        "coverage": one.coverage,
        "proof": {"state": str(standing.state), "code": standing.code, "leaf": standing.leaf},
    }


def _show(number: int, one: "Answer", standing: "Standing") -> None:
    """Print one answer, nothing wider than the terminal."""
    from remembrancer.cli.terminal import escaped

    width = max(40, min(100, shutil.get_terminal_size().columns))
    facts = ", ".join(fact for fact in (one.status, one.date) if fact)
    replaced = [f"replaced by {one.replaced_by}"] if one.replaced_by else []
    proof = str(standing.state)
    if standing.state in ("failed", "pending"):
        proof += f" [{standing.code}]"
    lines = [f"{number}. {one.title} ({facts})", *replaced, f"{one.section}: {one.passage}", f"{one.path}: {proof}"]
    for place, line in enumerate(lines):
        indent = "   " if place else ""
        fitted = textwrap.wrap(
            escaped(line), width, initial_indent=indent, subsequent_indent="   ", break_on_hyphens=False
        )
        print("\n".join(fitted))
