"""`aurora witness keys`, `once` and `collect`: witnessing over Git alone, as a pipeline's job does it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.main import emit, logs_option, shown
from aurora.cli.witness import generate, name_option, types_option
from remembrancer.errors import BadInput, RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.tlog import SignerKey, VerifierKey
    from remembrancer.trust.policy import Policy

VARIABLE = "AURORA_WITNESS_KEYS"


@click.command(epilog="Example: aurora witness keys --name witness.example.org/w1 --to witness.keys")
@name_option
@types_option
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A new file, mode 0600."
)
@shown
def keys(name: str, types: tuple[str, ...], target: Path, output: str) -> None:
    """Write private keys to a file and print the public ones."""
    from aurora.keys import write_keys

    made = generate(name, types)
    write_keys(target, made)
    public = [str(key.verifier()) for key in made]
    emit({"keys": public}, output, *public)


@click.command(
    epilog="Example: aurora witness once --state git@git.example.org:us/witness.git --logs logs.txt --keys w.keys"
)
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY]...")
@click.option("--state", required=True, metavar="URL", help="The witness's own Git repository.")
@click.option("--branch", default="witness", show_default=True, help="The branch that holds its state.")
@logs_option("Lines `log <verifier key> [<url>]` (tlog-policy): whose checkpoints it cosigns.")
@click.option(
    "--keys",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Its private keys; without it, the variable {VARIABLE} holds them.",
)
@click.option("--begin", is_flag=True, help="Make the branch first; only once in a witness's life.")
@shown
def once(
    repositories: tuple[str, ...], *, state: str, branch: str, logs: Path, file: Path | None, begin: bool, output: str
) -> int:
    """Fetch each repository (default: every URL in --logs), prove that its log only grew, cosign, and push.

    The cosigned checkpoints are `<SHA-256 of the origin>/checkpoint` on the branch. What one of these repositories
    carries of another's log is compared too. Exits with 1 if a log forked or shrank, with 4 if one could not be
    reached; the others are cosigned all the same.
    """
    from aurora import logs as known
    from aurora.gossip import hear
    from aurora.witness.once import GitWitness
    from remembrancer.clock import SystemClock

    listed = known.read(logs)
    urls = repositories or tuple(log.url for log in listed.values() if log.url)
    if not urls:
        raise BadInput("witness.logs", f"{logs} has no URL, and no repository was named")
    witness = GitWitness(state, branch, _keys(file), SystemClock())
    if begin:
        witness.begin()
    rows: list[dict[str, object]] = []
    lines, statuses = [], {0}
    heard = hear({url: url for url in urls})
    for url in urls:
        try:
            seen = witness.look(url, listed, heard)
        except RemembrancerError as error:
            if error.code.startswith("witness."):
                raise
            statuses.add(error.exit_code)
            rows.append({"repository": url, "code": error.code, "message": error.message})
            lines.append(f"{url}: {error.message} [{error.code}]")
        else:
            rows.append({"repository": url, "origin": seen.origin, "size": seen.size, "cosigned": seen.cosigned})
            lines.append(f"{seen.origin}: {'cosigned' if seen.cosigned else 'unchanged'} at size {seen.size}")
    status = next((one for one in (1, 4, 2, 3) if one in statuses), 0)
    emit({"logs": rows, "exitCode": status}, output, *lines)
    return status


@click.command(
    epilog="Example: aurora witness collect https://git.example.org/us/witness.git --key w.example.org/w1+5cf1..."
)
@click.argument("url", metavar="[REPOSITORY]", default="")
@click.option("--key", "vkeys", multiple=True, metavar="VKEY", help="A public key of the witness, from its operator.")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead: lines `witness <name> <vkey> <url>` (tlog-policy), the URL a witness's Git repository.",
)
@click.option("--branch", default="witness", show_default=True, help="The branch that holds its state.")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The repository whose checkpoint is cosigned. Default: here.",
)
@click.option(
    "--trust", "owners", multiple=True, metavar="FPR", help="Trust this owner in this run. Default: the pinned owners."
)
@shown
def collect(
    url: str,
    *,
    vkeys: tuple[str, ...],
    file: Path | None,
    branch: str,
    root: Path,
    owners: tuple[str, ...],
    output: str,
) -> int:
    """Add witnesses' cosignatures to the ledger; commit and push it then.

    Where the policy of a pinned owner says that they are enough, the checkpoint becomes the newest witnessed one, also
    if the log has grown since. Exits with 3 while a witness has cosigned nothing that helps, with 1 if one has seen
    another log; what the others cosigned is taken all the same.
    """
    from aurora.collect import collect as take
    from remembrancer.errors import counted

    if bool(file) == bool(url) or bool(url) != bool(vkeys):
        raise BadInput("input.field", "give REPOSITORY with each --key of its witness, or --from FILE")
    witnesses = _witnesses(file) if file else {url: _verifiers(vkeys)}
    policy = _policy(root, owners)
    enough = {None: "", True: ", as many as the policy requires", False: ", fewer than the policy requires"}
    failed: list[RemembrancerError] = []
    rows: list[dict[str, object]] = []
    lines = []
    for where, keys in witnesses.items():
        try:
            done = take(root, where, f"refs/heads/{branch}", keys, policy)
        except RemembrancerError as error:
            failed.append(error)
            rows.append({"repository": where, "code": error.code, "message": error.message})
            lines.append(f"{error.message} [{error.code}]")
        else:
            rows.append({"repository": where, **done._asdict()})
            new = counted(done.new, "new cosignature")
            lines.append(f"{done.origin}: {new} at size {done.size}{enough[done.witnessed]}")
    if failed and not file:
        raise failed[0]
    status = next((one for one in (1, 4, 2, 3) if one in {error.exit_code for error in failed}), 0)
    emit({"witnesses": rows, "exitCode": status}, output, *(lines or [f"{file} names no witness"]))
    return status


def _verifiers(vkeys: tuple[str, ...]) -> "tuple[VerifierKey, ...]":
    from remembrancer.tlog import VerifierKey

    try:
        return tuple(VerifierKey.parse(one) for one in vkeys)
    except ValueError as error:
        raise BadInput("input.field", f"--key: {error}") from None


def _witnesses(file: Path) -> "dict[str, tuple[VerifierKey, ...]]":
    """Return the keys of the witnesses in a tlog-policy file by where their state is."""
    from aurora.logs import text_of
    from remembrancer.tlog import quorum

    try:
        found = quorum.parse(text_of(file))
    except BadInput as error:
        why = error.message.removeprefix("witness policy: ").encode("utf-8", "backslashreplace").decode()
        raise BadInput("witness.logs", f"{file}: {why}", "Correct it as c2sp.org/tlog-policy describes it.") from None
    if found.witnesses and not found.urls:
        remedy = "Put the URL of its witness's Git repository at the end of each `witness` line."
        raise BadInput("witness.logs", f"{file} has no URL of a witness, so nothing was looked up", remedy)
    return {
        url: tuple(key for name, key in found.witnesses.items() if found.urls.get(name) == url)
        for name, url in found.urls.items()
        if name in found.witnesses
    }


def _policy(root: Path, owners: tuple[str, ...]) -> "Policy | None":
    """Return the policy under this user's trust, None where nobody is pinned: then nothing is said about a quorum."""
    from remembrancer.audit import Session
    from remembrancer.errors import Rejected, Unverifiable

    try:
        return Session(root, owners=owners).trusted().policy
    except (Rejected, Unverifiable):
        if owners:
            raise
        return None


def _keys(file: Path | None) -> "Sequence[SignerKey]":
    from aurora.keys import cosigners, parse_keys, read_keys

    if file:
        return cosigners(read_keys(file))
    text = os.environ.get(VARIABLE, "")
    if not text:
        raise BadInput("input.field", f"neither --keys nor {VARIABLE} says what to sign with")
    try:
        return cosigners(parse_keys(text))
    except ValueError:
        raise BadInput("input.field", f"{VARIABLE} does not hold the keys of a witness") from None
