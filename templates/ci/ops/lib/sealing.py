"""Seal for a pipeline, or only try it, and say what is left out and what to do about it.

Prints one word for the scripts: `whole`; `waiting` where this release (or, with no release, another one) waits for its
other signers; `left` where a receipt of somebody else's was refused. A refused receipt of this very release is an
error: nothing is published then. With --audit, the sealed ledger is judged, and only what waits may be pending; with
--waits, a version that could not be verified is said to wait, where that is why; with --prove, a version is verified
but for its witnesses, who are asked only about what is published. With --sealed, the exit status says whether this
version needs nothing but its witnesses; with --witness, they are asked where it does.
"""

import argparse
import sys
import tomllib
from typing import Any

import evidence
import service
from service import EXIT_ENVIRONMENT, EXIT_FAILED, Service, Trouble

REMEMBRANCER = "ops/bin/remembrancer"
WAITS = "receipt.waiting"
UNWITNESSED = "log.unwitnessed"
UNPUBLISHED = "log.unpublished"


def asked(*words: str) -> dict[str, Any]:
    """Return what a command of the Remembrancer reports, whatever its verdict is.

    Raises:
        Trouble: it gave none; the sentence is its own.
    """
    path = evidence.recorder()
    code, output = evidence.program([str(path or REMEMBRANCER), *words, "--format", "json"])
    report = evidence.parsed(output)
    error = report.get("error")
    if isinstance(error, dict):
        said = f"{error.get('message')} [{error.get('code')}]"
        remedy = f"\n  {error['remedy']}" if error.get("remedy") else ""
        raise Trouble(f"{said}{remedy}", code or EXIT_FAILED)
    if not report:
        lines = [line for line in output.splitlines() if line.strip()] or ["no output"]
        raise Trouble(f"'remembrancer {words[0]}' says: {lines[-1].strip()[:200]}", code or EXIT_ENVIRONMENT)
    return report


def published(path: str, branch: str) -> bool:
    """Tell whether the published branch has a file."""
    try:
        service.git("cat-file", "-e", f"refs/remotes/origin/{branch}:./{path}")
    except Trouble:
        return False
    return True


def deploy_receipt(found: Service, version: str) -> str:
    """Return the path of the deploy receipt of a version, relative to the root."""
    return f"ops/receipts/deploy/{found.component}-{version}.receipt"


def seal(found: Service, branch: str, *, release: str, dry_run: bool) -> str:
    """Seal what is pending, or try it, and return the word for what is left.

    Args:
        found: the repository.
        branch: the published branch; what it does not have was made by this release.
        release: the version that is released, "" for none.
        dry_run: write nothing.

    Raises:
        Trouble: nothing can be sealed here, or what this release made was refused.
    """
    data = asked("seal", *(["--dry-run"] if dry_run else []))["data"]
    if not dry_run:
        print(f"sealed: {len(data['receipts'])}; the ledger has size {data['size']}", file=sys.stderr)
    own = [one for one in data["refused"] if release and not published(one["subject"], branch)]
    for one in data["refused"]:
        print(f"refused: {one['subject']}: {one['message']} [{one['code']}]", file=sys.stderr)
        if one not in own:
            way_out = f'{REMEMBRANCER} set-aside {one["subject"]} --reason "why"'
            print(f"  it is left out; what cannot be mended is taken out with: {way_out}", file=sys.stderr)
    if own:
        raise Trouble(f"{own[0]['subject']} is of this release and would never be sealed; nothing was published")
    held = [one for one in data["held"] if one["code"] == WAITS]
    for one in held:
        print(f"waiting: {one['message']}", file=sys.stderr)
    if release:
        return "waiting" if deploy_receipt(found, release) in {one["subject"] for one in held} else "whole"
    return "left" if data["refused"] else "waiting" if held else "whole"


def audit() -> None:
    """Judge the whole ledger; a release that waits for its other signers is pending, and nothing else may be.

    Raises:
        Trouble: anything else is not verified.
    """
    waiting = {one["subject"] for one in asked("seal", "--dry-run")["data"]["held"] if one["code"] == WAITS}
    findings = asked("verify-audit", "--require", "production").get("findings", [])
    wrong = [one for one in findings if one["outcome"] != "verified"]
    others = [one for one in wrong if (one["code"], one["subject"] in waiting) != ("log.pending", True)]
    for one in others:
        print(f"{one['code']}: {one['subject']}: {one['message']}", file=sys.stderr)
    if others:
        raise Trouble(f"the audit found {len(others)} that do not hold; the first is [{others[0]['code']}]")
    print("the audit holds" + (", but for what waits" if wrong else ""), file=sys.stderr)


def prove(found: Service, version: str) -> None:
    """Verify a version before it is published.

    Raises:
        Trouble: something else than the witnesses is missing.
    """
    wrong, others = lacking(found, version, "--require", "production")
    for one in others:
        print(f"{one['code']}: {one['subject']}: {one['message']}", file=sys.stderr)
    if others:
        code = others[0]["code"]
        raise Trouble(f"{found.component} {version} does not verify [{code}]; nothing was published")
    print(f"{found.component} {version} verifies" + (", but for its witnesses" if wrong else ""), file=sys.stderr)


def lacking(found: Service, version: str, *more: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what a version lacks, and what of that is more than its witnesses; without a finding, that is lacking."""
    words = ("verify-full", *more, "--component", found.component, "--version", version)
    report = asked(*words, f"dist/{found.component}-{version}.tar.gz")
    findings = report.get("findings") or [
        {"outcome": "failed", "code": "no finding", "subject": version, "message": "nothing was judged"}
    ]
    wrong = [one for one in findings if one["outcome"] != "verified"]
    return wrong, [one for one in wrong if one["code"] != UNWITNESSED]


def sealed(found: Service) -> bool:
    """Say whether this version is released, or needs nothing more than its witnesses."""
    version = service.version(found)
    try:
        wrong, others = lacking(found, version)
    except Trouble:
        return False
    if not others:
        print(f"{found.component}-{version} is {'sealed' if wrong else 'released'} already.")
    return not others


def listed() -> bool:
    """Tell whether the policy lists witnesses; one that cannot be read does not, as the verdict that follows says."""
    try:
        return "witnesses" in tomllib.loads((service.ROOT / "ops/trust/policy.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def witness(found: Service) -> None:
    """Ask the witnesses where the policy lists some and this version lacks nothing else.

    Raises:
        Trouble: what was sealed is not published yet, or they are fewer than the policy requires.
    """
    if not listed():
        return
    version = service.version(found)
    name = f"{found.component} {version}"
    try:
        wrong, others = lacking(found, version)
    except Trouble:  # the verdict that follows says it
        return
    if wrong and not others:
        commit = f'git add ops/receipts && git commit -m "[{found.component}] chore: record {version}" && git push'
        ask(name, commit, "make witness")


def ask(name: str, publish: str, again: str) -> None:
    """Ask the witnesses about a release that lacks nothing else; `publish` and `again` are what a person runs.

    Raises:
        Trouble: what was sealed is not published yet, or they are fewer than the policy requires.
    """
    try:
        data = asked("witness")["data"]
    except Trouble as error:
        if UNPUBLISHED not in str(error):
            raise
        raise Trouble(
            f"{name} verifies, but for its witnesses, who are asked only about what is published\n  {publish}\n"
            f"  then {again}: it asks them, and verifies",
            EXIT_FAILED,
        ) from None
    for one in data["witnesses"]:
        if "code" in one:
            print(f"{one['name']}: {one['message']} [{one['code']}]", file=sys.stderr)
    if not data["witnesses"]:
        raise Trouble(
            f"{name} verifies, but for its witnesses, who look by themselves\n"
            f"  take in what they cosigned with `aurora witness collect`, then {again}",
            EXIT_FAILED,
        )
    if not data["held"]:
        raise Trouble(
            f"{name} verifies, but for its witnesses: fewer have cosigned than the policy requires (above)\n"
            f"  {again} asks them again",
            EXIT_FAILED,
        )
    print("the witnesses have cosigned; commit and push that as well", file=sys.stderr)


def waits(found: Service) -> None:
    """Say that this version waits for its other signers, and what each of them runs, where that is so."""
    version = service.version(found)
    for one in asked("seal", "--dry-run")["data"]["held"]:
        if (one["code"], one["subject"]) == (WAITS, deploy_receipt(found, version)):
            print(f"{found.component} {version} is not released yet: {one['message']}", file=sys.stderr)
            print(f"  each of them, in a clone that has it: make approve VERSION={version} KEY=NAME", file=sys.stderr)


def main(arguments: list[str]) -> int:
    """Print the word; return 0."""
    parser = argparse.ArgumentParser(prog="ops/lib/sealing.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--branch", default="", help="the published branch")
    parser.add_argument("--release", default="", help="the version that is released")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; needs no log key")
    parser.add_argument("--audit", action="store_true", help="judge what is sealed instead")
    parser.add_argument(
        "--sealed", action="store_true", help="exit with 1 where this version needs more than witnesses"
    )
    parser.add_argument("--witness", action="store_true", help="ask the witnesses where this version needs only them")
    parser.add_argument("--prove", default="", metavar="VERSION", help="verify this version before it is published")
    parser.add_argument("--waits", action="store_true", help="say for whom this version waits instead")
    options = parser.parse_args(arguments)
    if options.sealed:
        return 0 if sealed(service.load()) else EXIT_FAILED
    if options.witness:
        witness(service.load())
    elif options.audit:
        audit()
    elif options.waits:
        waits(service.load())
    elif options.prove:
        prove(service.load(), options.prove)
    else:
        print(seal(service.load(), options.branch, release=options.release, dry_run=options.dry_run))
    return 0


if __name__ == "__main__":
    service.run_main("seal", main)
