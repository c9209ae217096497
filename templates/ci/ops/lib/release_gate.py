"""Say whether this pipeline may release: production policy, protected ref of the own repository, version not recorded.

Prints one sentence, and appends `release=true` or `release=false` to the file that --output names. Exits with 0 when
the answer is clear, and with another code when the policy cannot be read: broken is never "not configured".
"""

import argparse
import contextlib
import os
import tomllib
from pathlib import Path

import service
from service import EXIT_USAGE, ROOT, Service, Trouble


def profile() -> str:
    """Return the profile of ops/trust/policy.toml, or "" where there is no policy.

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


def recorded(found: Service, branch: str) -> bool:
    """Tell whether the published branch already holds the receipt of this version."""
    receipt = f"ops/receipts/deploy/{found.component}-{service.version(found)}.receipt"
    if branch:
        for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
            with contextlib.suppress(Trouble):
                service.git("cat-file", "-e", f"{ref}:./{receipt}")
                return True
    return (ROOT / receipt).exists()


def reason_not_to(found: Service) -> str:
    """Return why nothing is released, or "" when this is a release."""
    if profile() != "production":
        return (
            "not configured: run init --production (ops/bin/remembrancer), then add the secrets; nothing was released"
        )
    if os.environ.get("RELEASE_FORK", "false") != "false":
        return "this is a fork; only the repository itself signs, timestamps and records, so this stops before signing"
    if os.environ.get("RELEASE_PROTECTED", "false") != "true":
        return "this ref is not protected; protect the branch in the repository's settings to release from it"
    if recorded(found, os.environ.get("RELEASE_BRANCH", "")):
        return f"{service.version(found)} is recorded already; 'make bump VERSION=…' begins the next release"
    return ""


def main(arguments: list[str]) -> int:
    """Print the answer; return 0."""
    parser = argparse.ArgumentParser(prog="ops/bin/release-gate", description="May this pipeline release?")
    parser.add_argument("--output", type=Path, help="append release=true or release=false to this file")
    options = parser.parse_args(arguments)
    found = service.load()
    why = reason_not_to(found)
    print(f"release-gate: {why or f'this releases {found.component} {service.version(found)}'}.")
    if options.output:
        with options.output.open("a", encoding="utf-8") as file:
            file.write(f"release={'false' if why else 'true'}\n")
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/release-gate", main)
