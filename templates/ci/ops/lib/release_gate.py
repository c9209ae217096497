"""Say what this pipeline may do: release this version, or seal what waits on the published branch.

What waits is a receipt, or a newest checkpoint for which witnesses that can be asked have not vouched yet.

Prints one sentence for each, and appends `release=` and `seal=` with true or false to the file that --output names.
Exits with 0 when the answer is clear, and with another code when the trust policy is broken or nobody vouches for it:
broken is never "not configured". The profile is the one that the Remembrancer verified, never what a file says alone.
"""

import argparse
import contextlib
import os
import tomllib
from pathlib import Path
from typing import Any

import evidence
import lines
import service
from service import EXIT_ENVIRONMENT, EXIT_USAGE, ROOT, Service, Trouble

NOT_CONFIGURED = (
    "not configured: run init --production (ops/bin/remembrancer), then add the secrets; nothing was released"
)
DEVELOPMENT = b"dev.invalid/"  # what every development log's origin begins with


def profile() -> str:
    """Return the profile that ops/trust/policy.toml states, or "" where there is no policy.

    Raises:
        Trouble: the file cannot be parsed or names no known profile.
    """
    path = ROOT / "ops" / "trust" / "policy.toml"
    if not path.exists():
        return ""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8")).get("profile")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"ops/trust/policy.toml cannot be parsed: {error}", EXIT_USAGE) from error
    if value not in ("development", "production"):
        raise Trouble("ops/trust/policy.toml names no profile (development or production)", EXIT_USAGE)
    return str(value)


def configured() -> bool:
    """Tell whether there is production trust, which a production log must have.

    Raises:
        Trouble: the log is a production log and the policy does not say production.
    """
    stated = profile()
    checkpoint = ROOT / "ops" / "receipts" / "ledger" / "checkpoint"
    begun = checkpoint.is_file() and not checkpoint.read_bytes().startswith(DEVELOPMENT)
    if begun and stated != "production":
        said = f"says {stated}" if stated else "is missing"
        raise Trouble(f"the log is a production log, and ops/trust/policy.toml {said}; restore ops/trust from git")
    return stated == "production"


def asked(*words: str) -> dict[str, Any]:
    """Return what a command of the Remembrancer reports.

    Raises:
        Trouble: it cannot be run, or its answer is not a success; the sentence is its own.
    """
    report = evidence.remembrancer_json(*words)
    if report and report.get("exitCode") == 0:
        return report
    code, said, codes = evidence.verdict(*words)
    shown = f" [{', '.join(sorted(codes))}]" if codes else ""
    known = code if 0 < code < 5 else EXIT_ENVIRONMENT
    raise Trouble(f"'remembrancer {' '.join(words[:2])}' says: {said.rstrip('.')}{shown}", known)


def published(found: Service, branch: str) -> set[str]:
    """Return the versions whose deploy receipts the published branch holds; those of HEAD where there is no branch."""
    for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}", "HEAD"):
        with contextlib.suppress(Trouble):
            listed = service.git("ls-tree", "--name-only", ref, "./ops/receipts/deploy/").decode()
            names = (name.rpartition("/")[2].removesuffix(".receipt") for name in listed.splitlines())
            found_versions = {name.removeprefix(f"{found.component}-") for name in names}
            return {one for one in found_versions if service.VERSION.fullmatch(one)}
    return set()


def outside() -> str:
    """Return why nothing may be signed here at all, or ""."""
    if os.environ.get("RELEASE_FORK", "false") != "false":
        return "this is a fork; only the repository itself signs, timestamps and records, so this stops before signing"
    if os.environ.get("RELEASE_PROTECTED", "false") != "true":
        return "this ref is not protected; protect the branch in the repository's settings to release from it"
    return ""


def answers(found: Service) -> dict[str, str]:
    """Return, for `release` and `seal`, why it is not done, or "" where it is.

    Raises:
        Trouble: the trust policy is broken, or this version does not belong on this branch.
    """
    if why := (outside() if configured() else NOT_CONFIGURED):
        return {"release": why, "seal": why}
    asked("trust", "show", "--require", "production")
    branch, ref = os.environ.get("RELEASE_BRANCH", ""), os.environ.get("RELEASE_REF", "")
    version = service.version(found)
    known = published(found, branch)
    if version in known:
        why = f"{version} is recorded already; 'make bump VERSION=…' begins the next release"
    else:
        lines.check(found, version, ref if ref != branch else "")
        why = ""
    for one in lines.left_out(found, version, known):
        print(f"release-gate: {one.version} was left out: run the pipeline of {one.commit[:12]} again to release it.")
    idle = "" if ref != branch or waits(asked("status")["data"]) else "nothing waits to be sealed"
    return {"release": why, "seal": idle if ref == branch else f"what waits is sealed on {branch}"}


def waits(stands: dict[str, Any]) -> bool:
    """Tell whether a run that releases nothing has work: receipts to seal, or witnesses that were not reached before.

    `witnessed` is there only while the newest checkpoint lacks witnesses; those without a URL can't be asked.
    """
    return bool(stands["pending"]) or ("witnessed" in stands and stands["witnesses"] > 0)


def main(arguments: list[str]) -> int:
    """Print the answers; return 0."""
    parser = argparse.ArgumentParser(prog="ops/ci/release-gate", description="What may this pipeline release or seal?")
    parser.add_argument("--output", type=Path, help="append release= and seal= with true or false to this file")
    options = parser.parse_args(arguments)
    found = service.load()
    said = answers(found)
    print(f"release-gate: {said['release'] or f'this releases {found.component} {service.version(found)}'}.")
    if said["seal"] != said["release"]:
        print(f"release-gate: {said['seal'] or 'this seals what waits and asks the witnesses'}.")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        with options.output.open("a", encoding="utf-8") as file:
            file.writelines(f"{what}={'false' if why else 'true'}\n" for what, why in said.items())
    return 0


if __name__ == "__main__":
    service.run_main("ops/ci/release-gate", main)
