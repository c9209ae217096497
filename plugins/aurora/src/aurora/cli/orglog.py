"""`aurora log`: one log over the checkpoints of an organisation's repositories."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.main import Lazy, emit, logs_option, shown
from remembrancer.errors import BadInput, EnvironmentTrouble, RemembrancerError

if TYPE_CHECKING:
    from aurora.foreign.snapshot import Snapshot
    from aurora.logs import Log
    from aurora.orglog import Failed
    from remembrancer.tlog import SignerKey, VerifierKey

AT_ONCE = 8  # repositories that are fetched at a time
VARIABLE = "AURORA_LOG_KEY"


@click.group(
    cls=Lazy,
    table={
        "key": ("aurora.cli.orglog:key", "Make the key of a log of logs."),
        "update": ("aurora.cli.orglog:update", "Enter the newest checkpoints of the repositories."),
        "prove": ("aurora.cli.orglog:prove", "Write the proof that a repository's checkpoint is in it."),
        "verify": ("aurora.cli.orglog:verify", "Check the way up that a proof file carries."),
    },
    epilog="Example: aurora log update --root ./org-log --logs logs.txt --key org.key",
)
def log() -> None:
    """One log over many: whoever witnesses it has seen every repository in it."""


root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The log's own repository. Default: here.",
)
repositories_option = logs_option("Lines `log <verifier key> <url>` (tlog-policy): the repositories and their keys.")


@click.command(epilog="Example: aurora log key --origin log.example.org/all --to org.key")
@click.option("--origin", required=True, help="The log's name, a URL without its scheme.")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A new file, mode 0600."
)
@shown
def key(origin: str, target: Path, output: str) -> None:
    """Write a private key to a file and print the public one."""
    from aurora.keys import write_keys
    from remembrancer.tlog import NoteError, SignerKey

    try:
        made = SignerKey.generate(origin)
    except NoteError as error:
        raise BadInput("input.field", str(error)) from None
    write_keys(target, [made])
    emit({"key": str(made.verifier())}, output, str(made.verifier()))


@click.command(epilog="Example: aurora log update --root ./org-log --logs logs.txt --key org.key --evidence ./evidence")
@root_option
@repositories_option
@click.option(
    "--key",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Its private key; without it, the variable {VARIABLE} holds it.",
)
@click.option(
    "--evidence", type=click.Path(path_type=Path), metavar="DIR", help="Where the evidence of a fork is written."
)
@shown
def update(root: Path, *, logs: Path, file: Path | None, evidence: Path | None, output: str) -> int:
    """Fetch every repository of --logs that has a URL, and enter its checkpoint if it extends the one before.

    Exits with 1 if a repository forked or shrank, which is named and stays out, with 4 if one could not be reached;
    the others are entered all the same.
    """
    from aurora import logs as known
    from aurora import orglog as room

    listed = known.read(logs)
    urls = [one.url for one in listed.values() if one.url]
    if not urls:
        raise BadInput("witness.logs", f"{logs} has no URL")
    signer = _key(file)
    if not root.is_dir():
        raise BadInput("input.root", f"there is no folder {root}", f"Begin the repository of this log: git init {root}")
    unreachable: list[room.Failed] = []
    with ExitStack() as stack:
        sources: dict[str, Snapshot] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for url, got in zip(urls, pool.map(_fetched, urls), strict=True):
                if isinstance(got, EnvironmentTrouble):
                    unreachable.append(room.Failed(url, got))
                else:
                    sources[url] = stack.enter_context(got)
        done = room.update(root, signer, listed, sources)
    failed = [*done.failed, *unreachable]
    lines = [
        f"{one.origin}: {'unchanged' if one.leaf is None else f'leaf {one.leaf}'} at size {one.size}"
        for one in done.entered
    ]
    rows: list[dict[str, object]] = [one._asdict() for one in done.entered]
    for one in failed:
        lines.append(f"{one.name}: {one.error.message} [{one.error.code}]{_kept(one, evidence)}")
        rows.append({"name": one.name, "code": one.error.code, "message": one.error.message})
    status = _status([one.error for one in failed])
    emit({"repositories": rows, "size": done.size, "exitCode": status}, output, *lines, f"the log has size {done.size}")
    return status


@click.command(
    epilog="Example: aurora log prove log.example.org/my-svc --root ./org-log --logs logs.txt "
    "--into my-svc-1.0.0.tar.gz.proof.json"
)
@click.argument("origin")
@root_option
@repositories_option
@click.option(
    "--to",
    "target",
    metavar="NAME",
    type=click.Path(path_type=Path),
    help="Writes NAME.checkpoint and NAME.tlog-proof.",
)
@click.option(
    "--into", "proof_file", metavar="PROOF", type=click.Path(path_type=Path), help="Adds the way up to a proof file."
)
@shown
def prove(origin: str, root: Path, *, logs: Path, target: Path | None, proof_file: Path | None, output: str) -> None:
    """Write a repository's newest checkpoint in the log, and the c2sp.org/tlog-proof that it is in there.

    Together with the log's cosigned checkpoint, which the proof carries, they lead from an artifact of the repository
    up to the witnesses of the log. With --into, the file that `remembrancer export-proof` wrote carries the way up from
    its own checkpoint; `aurora log verify` checks it.
    """
    from aurora import logs as known
    from aurora import orglog as room

    if (target is None) == (proof_file is None):
        raise BadInput("input.name", "say where to with --to NAME or --into PROOF, one of them")
    listed = known.read(logs)
    if proof_file is not None:
        if origin not in listed:
            raise BadInput("witness.logs", f"{logs} does not name {origin}")
        _into(proof_file, root, listed[origin])
        emit({"files": [str(proof_file)]}, output, str(proof_file))
    elif target is not None:
        leaf, proof = room.prove(root, listed, origin)
        files = {target.with_name(f"{target.name}.checkpoint"): leaf.note}
        files[target.with_name(f"{target.name}.tlog-proof")] = proof.format()
        for path, data in files.items():
            path.write_bytes(data)
        emit({"leaf": leaf.number, "files": [str(path) for path in files]}, output, *map(str, files))


@click.command(
    epilog="Example: aurora log verify my-svc-1.0.0.tar.gz.proof.json --key log.example.org/all+3f5b1c2d+AbCd..."
)
@click.argument("proof_file", metavar="PROOF", type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="The log's key, from its owner and not the file.")
@click.option(
    "--witness", "witnesses", multiple=True, metavar="VKEY", help="A witness that must have cosigned; repeatable."
)
@shown
def verify(proof_file: Path, *, keys: tuple[str, ...], witnesses: tuple[str, ...], output: str) -> None:
    """Check, offline, that every receipt in a proof file leads up to the log of logs, and who has cosigned that.

    It exits with 1 if the way is of another log, leads elsewhere or is cut off. Whether the receipts prove the artifact
    is what `remembrancer verify-proof` says, under the policy of its owner; ask both.
    """
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.verify import climb, parse_portable

    log_keys, cosigners = _vkeys("--key", keys), _vkeys("--witness", witnesses)
    portable = parse_portable(_proof(proof_file))
    if not log_keys:
        raise Unverifiable("evidence.no-key", "nothing says which key signs for the log of logs")
    found = climb(portable, [*log_keys, *cosigners])
    upper = found.upper.checkpoint
    cosigned = {(one.name, one.key_id) for one in found.upper.cosignatures}
    missing = [one.name for one in cosigners if (one.name, one.key_id) not in cosigned]
    if missing:
        raise Rejected("log.unwitnessed", f"{upper.origin} is not cosigned by {', '.join(missing)}")
    emit(
        {
            "origin": found.origin,
            "size": found.size,
            "log": {"origin": upper.origin, "size": upper.size, "cosigned": [one.name for one in cosigners]},
            "verdict": "verified",
        },
        output,
        f"{found.origin} at size {found.size} is in {upper.origin} at size {upper.size}",
        *(f"  cosigned by {one.name}" for one in cosigners),
    )


def _into(proof_file: Path, root: Path, log: "Log") -> None:
    """Write the way up into a proof file, which appears whole or stays as it was."""
    from aurora import orglog as room
    from aurora.foreign.snapshot import Snapshot
    from remembrancer.audit.travel import write_proof

    with ExitStack() as stack:
        data = room.above(root, log, _proof(proof_file), lambda url: stack.enter_context(Snapshot(url)))
    write_proof(proof_file, data)


def _proof(path: Path) -> bytes:
    from aurora.files import read_given
    from remembrancer.verify.bundle import MAX_BYTES

    return read_given(path, MAX_BYTES)


def _vkeys(option: str, texts: tuple[str, ...]) -> "list[VerifierKey]":
    from remembrancer.tlog import VerifierKey

    try:
        return [VerifierKey.parse(text) for text in texts]
    except ValueError as error:
        raise BadInput("input.field", f"{option}: {error}") from None


def _fetched(url: str) -> "Snapshot | EnvironmentTrouble":
    """Return what a repository publishes, or why it could not be had."""
    from aurora.foreign.snapshot import Snapshot

    try:
        return Snapshot(url)
    except EnvironmentTrouble as error:
        return error


def _kept(failed: "Failed", folder: Path | None) -> str:
    """Write the evidence of a fork, and say where."""
    from hashlib import sha256

    from aurora import orglog as room

    found = room.evidence(failed)
    if found is None or folder is None:
        return ""
    data = found.format()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fork-{sha256(data).hexdigest()[:16]}.json"
    path.write_bytes(data)
    return f"; the evidence is {path}"


def _status(errors: list[RemembrancerError]) -> int:
    return next((one for one in (1, 4, 2, 3) if one in {error.exit_code for error in errors}), 0)


def _key(file: Path | None) -> "SignerKey":
    from aurora.keys import read_keys
    from remembrancer.tlog import NoteError, SignerKey
    from remembrancer.tlog.key import ED25519

    try:
        keys = read_keys(file) if file else [SignerKey.parse(os.environ.get(VARIABLE, "").strip())]
    except NoteError:
        raise BadInput("input.field", f"neither --key nor {VARIABLE} says what to sign with") from None
    if len(keys) != 1 or keys[0].algorithm != ED25519:
        raise BadInput("input.field", "a log of logs is signed with one Ed25519 key (type 0x01)")
    return keys[0]
