"""Begin the ledger of this repository: ops/bin/begin ANSWERS.toml [--dry-run].

The answers are those of `remembrancer init --production --answers`: domain, owner, signers, log-key-file, authorities.
The policy is signed, every decision is recorded and sealed, all of it is committed, and the hooks are installed; a
failure on the way leaves the checkout as it was. No private key is ever inside the repository.
"""

import argparse
import subprocess
import tomllib
from pathlib import Path

from shared import ROOT

import aside
import service
from service import EXIT_USAGE, Trouble

COMPONENT = "vaultmesh"
POLICY = "ops/trust/policy.toml"


def said_in(answers: Path) -> tuple[str, Path]:
    """Return the owner and the file of the log key that a file of answers names.

    Raises:
        Trouble: it cannot be read, or names none.
    """
    try:
        values = tomllib.loads(answers.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Trouble(f"{answers} cannot be read: {error}", EXIT_USAGE) from error
    owner, key = values.get("owner"), values.get("log-key-file")
    if not (isinstance(owner, str) and owner and isinstance(key, str) and key):
        raise Trouble(f"{answers} does not say both owner and log-key-file", EXIT_USAGE)
    return owner, answers.parent / key


def record_decisions(folder: Path) -> int:
    """Write the receipt of each decision below a checkout, and return how many; a draft is none yet.

    Raises:
        Trouble: one is superseded, which takes a second name, or is not in the standard's form.
    """
    from remembrancer.adr.decide import decide, records
    from remembrancer.clock import SystemClock
    from remembrancer.errors import RemembrancerError
    from remembrancer.repository.store import Store

    store, count = Store(folder), 0
    for one in records(store):
        if one.adr.status == "Superseded":
            raise Trouble(f"{one.path} is superseded; write Accepted, begin, and record 'adr supersede' after that")
        if one.adr.status in ("Accepted", "Rejected"):
            try:
                decide(store, one, one.adr.status, SystemClock())
            except RemembrancerError as error:
                raise Trouble(f"{error.message} [{error.code}]") from error
            count += 1
    return count


def main(arguments: list[str]) -> int:
    """Begin the ledger, or say what would be done; return 0."""
    parser = argparse.ArgumentParser(prog="ops/bin/begin", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("answers", type=Path, help="the answers of init --production, a TOML file outside of here")
    parser.add_argument("--dry-run", action="store_true", help="ask keys and authorities, and change nothing")
    options = parser.parse_args(arguments)
    answers: Path = options.answers.resolve()
    if answers.is_relative_to(ROOT):
        raise Trouble(f"{answers} lies in this repository; keys and their answers stay outside", EXIT_USAGE)
    if (ROOT / POLICY).exists():
        raise Trouble("the ledger has begun already; change it with ops/bin/remembrancer trust", EXIT_USAGE)
    branch, (owner, key) = aside.clean(), said_in(answers)
    with aside.beside() as tree:
        known = aside.Aside(tree.folder, ("--trust", owner), key)
        init = ("init", "--production", "--component", COMPONENT, "--answers", str(answers))
        if options.dry_run:
            print(tree.remembrancer(*init, "--dry-run"), end="")
            return 0
        said = tree.remembrancer(*init)
        recorded = record_decisions(tree.folder)
        known.remembrancer("seal")
        commit = tree.commit("[repo] chore: begin the ledger", "ops/receipts", "ops/trust")
        known.remembrancer("verify-audit", "--require", "production")
        aside.take(branch, commit)
    print(said, end="")
    decisions = "1 decision" if recorded == 1 else f"{recorded} decisions"
    print(f"recorded {decisions}, sealed and committed: {commit[:12]}")
    subprocess.run([ROOT / "ops/bin/hooks", "install"], cwd=ROOT, check=False)
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/begin", main)
