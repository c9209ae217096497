"""Make the release archive with DIST_COMMAND, and put it below dist/.

With --for, what would end in a contradiction is refused before anything is built, signed or deployed: no trust policy,
changes that no commit has, keys that are not here, and a version that is recorded with other bytes, whose archive then
stays as it was.
With --again, the archive that an earlier job left is made again of the commit and must have the same bytes, because
that job ran tests and builders, and what it left is what would be signed.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import dist
import evidence
import service
from release_gate import profile
from service import EXIT_USAGE, RECORDS, ROOT, Service, Trouble

# A command of the repository's own needs none of them.
SECRETS = ("REMEMBRANCER_GPG_KEY", "REMEMBRANCER_LOG_KEY", "RELEASE_TOKEN", "REGISTRY_PASSWORD", "GHCR_TOKEN")


def recorded_digest(found: Service, version: str) -> str:
    """Return the SHA-256 that the deploy receipt of a version names, or "" where it is not recorded.

    Raises:
        Trouble: the receipt cannot be read.
    """
    path = ROOT / "ops" / "receipts" / "deploy" / f"{found.component}-{version}.receipt"
    if not path.exists():
        return ""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["subject"][0]["digest"]["sha256"])
    except (ValueError, LookupError, TypeError) as error:
        raise Trouble(f"{path.relative_to(ROOT)} is no deploy receipt; restore it from git", EXIT_USAGE) from error


def untracked() -> list[str]:
    """Return files that git neither has nor ignores, records and dist/ aside."""
    outside = [f":(exclude){path}" for path in (*RECORDS, "dist", "**/dist")]
    return service.git("ls-files", "--others", "--exclude-standard", "--", ".", *outside).decode().splitlines()


def check(purpose: str) -> None:
    """Refuse what cannot be recorded in the end.

    Raises:
        Trouble: there is no trust policy, files differ from HEAD, or a receipt that HEAD has is gone or edited.
    """
    if not profile():
        raise Trouble(
            f"a {purpose} ends in a record, and the ledger is not begun; run 'ops/bin/remembrancer init --dev' "
            "(or --production) first",
            EXIT_USAGE,
        )
    changed = dist.unrecorded_changes() + (untracked() if purpose == "deployment" else [])
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise Trouble(f"{changed[0]}{more} differs from HEAD; commit the changes first, a {purpose} is of a commit")
    receipts = ("diff", "--name-only", "--relative", "--no-renames", "--diff-filter=DM", "HEAD", "--")
    if gone := service.git(*receipts, ":(glob)ops/receipts/**/*.receipt").decode().splitlines():
        raise Trouble(
            f"{gone[0]} is not as HEAD has it; commit what 'init --dev --again' archived, or restore it from git: "
            f"a {purpose} adds to what is recorded"
        )


def ask_for_keys(found: Service) -> None:
    """Refuse where the signing key or the log key is not here: hours may lie between now and the signature.

    Raises:
        Trouble: one is not here, or the seal would be refused; the sentence is the Remembrancer's own.
    """
    words = [str(evidence.recorder() or "ops/bin/remembrancer"), "sign", "--check", str(found.artifact)]
    code, output = evidence.program(words)
    if code:
        said = "\n".join(line for line in output.splitlines() if line.strip())
        raise Trouble(said.removeprefix("remembrancer: ") or f"'{' '.join(words)}' failed with {code}", code)


def make(found: Service, recorded: str) -> None:
    """Run DIST_COMMAND; an archive of other bytes than the recorded ones does not stay.

    Raises:
        Trouble: the command failed, made no archive, or made other bytes than are recorded.
    """
    target = ROOT / found.artifact
    made = found.folder / found.artifact
    before = made.read_bytes() if recorded and made.is_file() else None
    kept = False
    try:
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        done = subprocess.run(["sh", "-c", found.dist_command], cwd=found.folder, env=environment, check=False)
        if done.returncode:
            raise Trouble(f"'{found.dist_command}' failed with {done.returncode}")
        if not made.is_file():
            raise Trouble(
                f"'{found.dist_command}' made no {found.artifact}; put the right command into ops/settings.mk"
            )
        if recorded and hashlib.sha256(made.read_bytes()).hexdigest() != recorded:
            raise Trouble(
                f"{found.component} {service.version(found)} is recorded with another digest ({recorded[:12]}...); "
                "'make bump VERSION=patch' and a commit begin the next version"
            )
        kept = True
    finally:
        if recorded and not kept:
            restore(made, before)
    if made != target:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, target)


def again(found: Service) -> None:
    """Make the archive of the commit again; it must be what an earlier job left, byte for byte.

    Raises:
        Trouble: the archive is missing, a link, or has other bytes than the commit makes.
    """
    path = ROOT / found.artifact
    if path.is_symlink() or not path.is_file():
        raise Trouble(f"{found.artifact} is missing or not a regular file; the build makes it")
    left = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    make(found, "")
    made = hashlib.sha256(path.read_bytes()).hexdigest()
    if made != left:
        raise Trouble(
            f"{found.artifact} of an earlier job has the digest {left[:12]}..., and its commit makes {made[:12]}...; "
            "nothing is signed: find the job that changed it, or make DIST_COMMAND reproducible"
        )


def restore(path: Path, content: bytes | None) -> None:
    """Give a file the content that it had; None says that it was not there."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)


def main(arguments: list[str]) -> int:
    """Make the archive; return 0."""
    parser = argparse.ArgumentParser(prog="ops/bin/artifact", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--for", dest="purpose", choices=("release", "deployment"), help="refuse what cannot be recorded"
    )
    parser.add_argument("--again", action="store_true", help="refuse an archive that the commit does not make")
    options = parser.parse_args(arguments)
    purpose, found = options.purpose, service.load()
    if options.again:
        again(found)
        return 0
    if purpose:
        check(purpose)
    recorded = recorded_digest(found, service.version(found)) if purpose else ""
    # a release that is recorded may need neither key: the archive, once it is made, is judged first
    if purpose == "deployment" or (purpose and not recorded):
        ask_for_keys(found)
    make(found, recorded)
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/artifact", main)
