"""`drift`: which standard built this repository, and is it unmodified?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit, emit_json

if TYPE_CHECKING:
    from remembrancer.cli.basis import Basis
    from remembrancer.findings import Finding
    from remembrancer.standard.drift import Drift, File, Generation, Waiver
    from remembrancer.standard.proven import Recorded
    from remembrancer.trust.establish import Trusted

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
    from remembrancer.cli.basis import from_ledger, from_proof, tags
    from remembrancer.cli.portable import trusted_under
    from remembrancer.errors import BadInput, Rejected, Unverifiable
    from remembrancer.verify.artifact import negative, trust_finding

    if proof and target:
        raise BadInput("input.file", "--export writes a proof and --proof reads one; say one of them")
    try:
        trusted = trusted_under(session, policy_file)
    except (Rejected, Unverifiable) as error:
        finding = negative("trust", str(policy_file or "ops/trust/policy.toml"), error)
        return emit(Report("drift", str(session.root), "", [finding], notices=session.notices), session.output)
    findings = [trust_finding(trusted)]
    try:
        basis = (
            from_proof(session, trusted, findings, proof) if proof else from_ledger(session, trusted, findings, target)
        )
    except Rejected as error:
        findings.append(negative("standard", str(proof or "ops/receipts/ledger"), error))
        return _end(session, trusted, findings, {})
    findings += tags(session, trusted, basis, template_keys)
    return _compare(session, trusted, basis, findings, diff=diff)


def _compare(
    session: Session,
    trusted: "Trusted",
    basis: "Basis",
    findings: "list[Finding]",
    *,
    diff: bool,
) -> int:
    from remembrancer.standard.drift import current, judge
    from remembrancer.standard.drift import findings as judged
    from remembrancer.standard.proven import listed_waivers, on_disk, standard_findings

    generations, recorded = basis.generations, basis.recorded
    newest = current(generations)
    disk = on_disk(session.root, list(newest.values()))
    result = judge(generations, disk, listed_waivers(session.repository), recorded.waivers(), session.clock.now())
    findings += standard_findings(newest, recorded.size)
    findings += judged(result, newest)
    if session.output == "text":
        _tell(session, result, newest)
    if diff:
        _show_differences(session, result)
    return _end(session, trusted, findings, _data(result, newest, recorded) if session.output == "json" else {})


def _end(session: Session, trusted: "Trusted", findings: "Sequence[Finding]", data: dict[str, Any]) -> int:
    report = Report("drift", str(session.root), str(trusted.policy.profile), findings, data, session.notices)
    return emit_json(report) if session.output == "json" else emit(report, "text")


def _tell(session: Session, result: "Drift", newest: "dict[str, Generation]") -> None:
    """Print what people want to know besides the findings: waived files, and the counts of each layer."""
    for one in result.files:
        if one.waiver is not None and not one.code:
            print(f"waived  {one.path} until {one.waiver.expires} by {one.waiver.owner}: {one.waiver.reason}")
        elif session.verbose:
            print(f"{one.status}  {one.path}")
    for layer in newest:
        counts = ", ".join(f"{count} {status}" for status, count in result.counts(layer).items() if count)
        seeded = [one for one in result.seeded if one.layer == layer]
        edited = [one.path for one in seeded if one.edited]
        print(f"{layer}: {counts or 'nothing'}; {len(seeded)} seeded files are the team's ({len(edited)} edited)")
        for path in edited if session.verbose else ():
            print(f"seeded  {path}")


def _show_differences(session: Session, result: "Drift") -> None:
    from remembrancer.standard.rendered import differences

    for line in differences(session.root, [one for one in result.files if one.status in {"changed", "behind"}]):
        click.echo(line, nl=False, err=session.output == "json")


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
