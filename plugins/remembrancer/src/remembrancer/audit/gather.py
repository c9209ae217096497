"""Finding the evidence about one artifact in a repository, for `verify` to judge."""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.paths import LEDGER, RECEIPTS
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse
from remembrancer.repository.reader import Repository
from remembrancer.system.digests import sha256_file
from remembrancer.timestamp.response import MAX_RESPONSE_BYTES
from remembrancer.tlog.note import MAX_NOTE
from remembrancer.trust.policy import Policy
from remembrancer.verify.artifact import ANYTHING
from remembrancer.verify.asked import Asked, stem
from remembrancer.verify.asked import named as called
from remembrancer.verify.evidence import Artifact, Entry, Evidence, Log
from remembrancer.verify.log import LogView, Stamp, open_log

PROOFS = ("deploy", "sign", "timestamp")
_FEW = 1 << 16


def open_ledger(repository: Repository, policy: Policy) -> Log:
    """Return the repository's log under a policy, or why it cannot be used."""
    try:
        data = repository.ledger_file("checkpoint")
    except FileNotFoundError:
        return Log(None, Rejected("log.missing", f"there is no ledger ({LEDGER}/checkpoint)"))
    try:
        return Log(open_log(data, repository.ledger_reader, policy))
    except Rejected as error:
        return Log(None, error)


def stamps(repository: Repository) -> tuple[Stamp, ...]:
    """Return the timestamps of checkpoints that lie beside the ledger.

    A file that is a link or larger than any is no evidence, and keeps no verdict from the others; the audit names it.
    """
    folder = repository.root / LEDGER / "timestamps"
    found = []
    notes: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.tsr")) if folder.is_dir() else []:
        size, _, authority = path.name.removesuffix(".tsr").partition(".")
        if not (size.isascii() and size.isdigit() and authority):
            continue
        try:
            if size not in notes:
                notes[size] = repository.read(f"{LEDGER}/timestamps/{size}.note", MAX_NOTE)
            response = repository.read(f"{LEDGER}/timestamps/{path.name}", MAX_RESPONSE_BYTES)
        except (FileNotFoundError, Rejected):
            continue
        found.append(Stamp(int(size), authority, notes[size], response))
    return tuple(found)


def expected_digest(repository: Repository, name: str) -> str:
    """Return the SHA-256 that the deploy receipt named like the artifact states, "" when there is none: a guess."""
    named = _named(repository, name)
    return named.receipt.subject[0].sha256 if named else ""


def gather(repository: Repository, path: Path, digest: str, log: Log, asked: Asked = ANYTHING) -> Evidence:
    """Return what is found about an artifact file whose SHA-256 (hex) is given; raises EnvironmentTrouble, Rejected.

    What is on the record under the file's name, or under the component and version that are `asked` for, contradicts
    other bytes.
    """
    artifact = Artifact(path.name, digest, path)
    found_as = [_named(repository, path.name)]
    if asked.complete:
        found_as.append(_named(repository, f"{asked.component}-{asked.version}"))
    others = [one for one in found_as if one and not _is(one, "deploy", digest)]
    named = next(iter(others or [one for one in found_as if one]), None)
    expected = named.receipt.subject[0].sha256 if named else artifact.digest
    unread: list[RemembrancerError] = []
    entries = _entries(repository, log.view, [artifact.digest, expected], unread)
    if named:
        entries.setdefault(named.receipt.digest, named)
    found = list(entries.values())
    deploys = [entry for entry in found if _is(entry, "deploy", artifact.digest)]
    deploys.sort(key=lambda one: (not asked.fits(one), not called(one, path.name), one.index is None, one.index or 0))
    signs = [entry for entry in found if _is(entry, "sign", artifact.digest, expected)]
    contradicting = named if named and not _is(named, "deploy", artifact.digest) else None
    records = [entry.receipt.digest for entry in [*deploys[:1], *([contradicting] if contradicting else [])]]
    signatures = [str(entry.receipt.predicate["signature"]) for entry in signs]
    second = list(_entries(repository, log.view, [*records, *signatures], unread, complete=True).values())
    return Evidence(
        artifact=artifact,
        deploys=tuple(deploys),
        contradicting=contradicting,
        signs=tuple(signs),
        timestamps=tuple(entry for entry in found if _is(entry, "timestamp", artifact.digest, expected)),
        record_signs=tuple(entry for entry in second if _is(entry, "sign", *records)),
        signature_times=tuple(entry for entry in second if _is(entry, "timestamp", *signatures)),
        stamps=stamps(repository),
        blob=repository.blob,
        unread=unread[0] if unread else None,
    )


def _is(entry: Entry, kind: str, *digests: str) -> bool:
    return entry.receipt.kind == kind and entry.receipt.subject[0].sha256 in digests


def _named(repository: Repository, name: str) -> Entry | None:
    """The deploy receipt that an artifact's file name points to, if there is one that can be read."""
    try:
        data = repository.read(f"{RECEIPTS}/deploy/{stem(name)}.receipt")
        return Entry(parse(data), None, data)
    except (FileNotFoundError, Rejected):
        return None


def _entries(
    repository: Repository,
    view: LogView | None,
    digests: list[str],
    unread: list[RemembrancerError],
    *,
    complete: bool = False,
) -> dict[str, Entry]:
    """Receipts that name one of the digests: those in the log, then (unless that is complete) those in files only.

    Why the log could not be searched is added to `unread`.
    """
    found: dict[str, Entry] = {}
    if view is not None and digests:
        try:
            for entry in repository.sealed_about(digests, view.size):
                found.setdefault(entry.receipt.digest, entry)
        except RemembrancerError as error:
            unread.append(error)
            complete = False
    else:
        complete = False
    kinds = {entry.receipt.kind for entry in found.values()}
    if digests and not (complete or kinds.issuperset(PROOFS)):
        for entry in repository.files_about(digests, PROOFS):
            found.setdefault(entry.receipt.digest, entry)
    return found


def signed_content(repository: Repository, receipt: Receipt) -> bytes | Path | None:
    """Return what a sign receipt's signature is over: a receipt's bytes or an artifact's file, None when it is not
    here."""
    subject = receipt.subject[0]
    if subject.name.startswith(f"{RECEIPTS}/"):
        try:
            data = repository.read(subject.name, MAX_BYTES)
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == subject.sha256 else None
    for name in (f"dist/{subject.name}", subject.name):
        with suppress(RemembrancerError):
            if (found := _with_digest(f"{repository.root}/{name}", subject.sha256)) is not None:
                return found
    return None


def _with_digest(path: str, sha256: str) -> bytes | Path | None:
    """Return a file with this SHA-256 (hex), its bytes when they are few; None when it has another or is not there."""
    try:
        # without waiting for a pipe; a link to an artifact is followed
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            return None
        data = os.read(handle, _FEW) if facts.st_size < _FEW else b""
    except OSError:
        return None
    finally:
        os.close(handle)
    if len(data) < facts.st_size:
        return Path(path) if sha256_file(Path(path)) == sha256 else None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None
