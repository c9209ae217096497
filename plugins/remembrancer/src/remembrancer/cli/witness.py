"""`witness`: ask others to vouch that the ledger has only grown."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import PathName, Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.errors import RemembrancerError, counted

if TYPE_CHECKING:
    from remembrancer.record.cosigning import Said

_SECONDS = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)(s|m)?", re.ASCII)


def _wait(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    match = _SECONDS.fullmatch(value)
    seconds = float(match[1]) * (60 if match[2] == "m" else 1) if match else 0.0
    if not 0 < seconds <= 600:
        raise click.BadParameter(f"{value!r} is not a time of at most ten minutes, such as 5s or 1m")
    return seconds


@click.command(epilog="Example: remembrancer witness --wait 5s")
@click.option("--wait", default="5s", callback=_wait, metavar="DURATION", help="For all answers together. Default: 5s.")
@click.option(
    "--evidence", type=PathName(), metavar="DIR", help="Where to keep what contradicts the log. Default: your state."
)
@command(trust=True)
def witness(session: Session, shown: Shown, *, wait: float, evidence: Path | None) -> int:
    """Ask every witness of the policy at once to cosign the published checkpoint, and keep what they answer.

    Push first: a checkpoint that was cosigned and is thrown away ends the log at that witness. Exit status: 0 when as
    many as the policy requires have cosigned, 1 when not or when one has seen another tree, 4 when none could be asked.
    """
    from remembrancer.record.cosigning import ask_witnesses

    trusted = session.trusted()
    asked = ask_witnesses(session, trusted, wait=wait, evidence=evidence)
    if not asked.said:
        lines = ["the policy lists no witness, so nobody was asked"]
    else:
        lines = [_line(one, asked.size) for one in asked.said]
        listed = counted(len(asked.said), "witness", "witnesses")
        asked_for = trusted.policy.quorum.required != "none"
        enough = "which is enough" if asked.held else "which is not enough"
        enough = enough if asked_for else "and the policy requires none"
        verb = "has" if len(asked.said) == 1 else "have"
        lines.append(f"{asked.cosigned} of {listed} {verb} cosigned size {asked.size}, {enough}")
        lines += dict.fromkeys(f"  {_advice(one.trouble)}" for one in asked.said if one.trouble)
    data = {"size": asked.size, "held": asked.held, "witnesses": [_data(one) for one in asked.said]}
    report = Report("witness", data=data, notices=session.notices, plain_status=asked.status)
    return say(report, shown.format, *lines)


def _line(said: "Said", size: int) -> str:
    if said.trouble is None:
        return f"{said.name} has cosigned size {size}"
    return f"{said.name} has not: {said.trouble.message} [{said.trouble.code}]"


def _advice(trouble: RemembrancerError) -> str:
    from remembrancer.reasons import REASONS

    return f"{trouble.code}: {trouble.remedy or REASONS[trouble.code].remedy}"


def _data(said: "Said") -> dict[str, Any]:
    found: dict[str, Any] = {"name": said.name, "cosigned": said.cosigned}
    if said.trouble:
        found |= {"code": said.trouble.code, "message": said.trouble.message}
    if said.evidence:
        found["evidence"] = str(said.evidence)
    return found
