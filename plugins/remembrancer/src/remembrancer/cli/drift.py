"""`drift`: which standard built this repository, and is it unmodified?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import emit_verdict

if TYPE_CHECKING:
    from remembrancer.standard.drift import Drift, File, Generation, Waiver
    from remembrancer.standard.proven import Recorded

FILE = click.Path(path_type=Path)


@click.command(epilog="Example: remembrancer drift --diff")
@click.option("--diff", is_flag=True, help="Show how changed files differ from what the standard rendered.")
@click.option("--export", "target", type=FILE, metavar="FILE", help="Write a proof that a third party can check.")
@click.option("--proof", type=FILE, metavar="FILE", help="Compare with such a proof instead of the ledger here.")
@click.option(
    "--template-key",
    "template_keys",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Certificate of who must have signed the template's tag. Default: the policy's signers for `templates`.",
)
@click.option("--policy", "policy_file", type=FILE, metavar="FILE", help="With --proof: the owner's policy.toml.")
@command(trust=True)
def drift(
    session: Session,
    shown: Shown,
    *,
    diff: bool,
    target: Path | None,
    proof: Path | None,
    template_keys: tuple[Path, ...],
    policy_file: Path | None,
) -> int:
    """Compare every file of the standard with what the ledger proves was rendered. Needs no network.

    Exit status: 0 nothing drifted, 1 something did or a proof does not hold, 3 no pinned trust.
    """
    from remembrancer.errors import BadInput
    from remembrancer.standard.judge import judge_drift

    if proof and target:
        raise BadInput("input.file", "--export writes a proof and --proof reads one; say one of them")
    verdict, compared = judge_drift(
        session, proof=proof, target=target, template_keys=template_keys, policy_file=policy_file
    )
    if compared is None:
        return emit_verdict("drift", verdict, session, shown.format)
    if shown.format == "text":
        _tell(shown, compared.drift, compared.newest)
    if diff:
        _show_differences(session, shown, compared.drift)
    if shown.format == "json":
        verdict = verdict._replace(data=_data(*compared))
    return emit_verdict("drift", verdict, session, shown.format)


def _tell(shown: Shown, result: "Drift", newest: "dict[str, Generation]") -> None:
    """Print what people want to know besides the findings: waived files, and the counts of each layer."""
    for one in result.files:
        if one.waiver is not None and not one.code:
            print(f"waived  {one.path} until {one.waiver.expires} by {one.waiver.owner}: {one.waiver.reason}")
        elif shown.verbose:
            print(f"{one.status}  {one.path}")
    for layer in newest:
        counts = ", ".join(f"{count} {status}" for status, count in result.counts(layer).items() if count)
        seeded = [one for one in result.seeded if one.layer == layer]
        edited = [one.path for one in seeded if one.edited]
        print(f"{layer}: {counts or 'nothing'}; {len(seeded)} seeded files are the team's ({len(edited)} edited)")
        for path in edited if shown.verbose else ():
            print(f"seeded  {path}")


def _show_differences(session: Session, shown: Shown, result: "Drift") -> None:
    from remembrancer.standard.rendered import differences

    for line in differences(session.root, [one for one in result.files if one.status in {"changed", "behind"}]):
        click.echo(line, nl=False, err=shown.format == "json")


def _data(result: "Drift", newest: "dict[str, Generation]", recorded: "Recorded") -> dict[str, Any]:
    return {
        "ledgerSize": recorded.size,
        "standards": [
            {
                "layer": layer,
                "template": dict(one.receipt.predicate["template"]),
                "recordedAt": one.receipt.predicate["recordedAt"],
                "receipt": one.receipt.digest,
                "index": one.leaf,
                "counts": result.counts(layer),
            }
            for layer, one in sorted(newest.items())
        ],
        "files": [_file(one) for one in result.files],
        "seeded": [one._asdict() for one in result.seeded],
    }


def _file(one: "File") -> dict[str, Any]:
    stated: dict[str, Any] = {
        "path": one.path,
        "layer": one.layer,
        "status": str(one.status),
        "rendered": one.rendered,
        "disk": one.disk,
    }
    if one.version:
        stated["behind"] = one.version
    if one.waiver is not None:
        stated["waiver"] = _waiver(one.waiver)
    return stated


def _waiver(waiver: "Waiver") -> dict[str, str]:
    return {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires}
