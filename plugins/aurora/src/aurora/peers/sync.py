"""Fetching a peer's repository, judging all of it, and taking in what is new: read-only, by content, all or nothing.

Nothing is taken in but entries below the checkpoint that the peer's log signed, after a whole audit under the owner
that the user pinned, and only if the log extends what was seen of it. So what is unsigned, foreign, edited, replaced or
replayed never comes in, and what came in is never replaced: a file's name is the SHA-256 of its bytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aurora import git, gossip
from aurora.foreign.cloned import as_cloned, opened
from aurora.foreign.snapshot import LARGEST
from aurora.gossip import Heard
from aurora.logs import Log
from aurora.mirror.place import Folder
from aurora.peers.listed import PEERS, Peer, place
from aurora.source import Forked, OpenLog, check_extends, open_log, signed
from remembrancer.audit import Session, judge_everything
from remembrancer.audit.complete import Progress
from remembrancer.errors import EnvironmentTrouble, Rejected, RemembrancerError, Unverifiable
from remembrancer.findings import Finding, Outcome
from remembrancer.ledger.files import LedgerFiles, claimed
from remembrancer.ledger.ledger import Ledger
from remembrancer.receipt.decided import fact
from remembrancer.receipt.statement import parse
from remembrancer.tlog import VerifierKey

MAX_ENTRIES = 200_000  # of one log
MAX_TEXT = 1_000_000  # bytes of one decision


class Synced(NamedTuple):
    """What one sync took in: the size of the peer's log before and after, and how many files are new."""

    name: str
    origin: str
    before: int
    size: int
    files: int


def sync(root: Path, peer: Peer, heard: Sequence[Heard] = ()) -> Synced:
    """Take in what is new of a peer into the repository at `root`; `heard` is what others carry of its log.

    Raises EnvironmentTrouble(env.git), Rejected and Unverifiable with the code of the first check that does not hold,
    Forked with the evidence kept; nothing is taken in then.
    """
    with fetched(peer) as clone:
        return _take_in(root, peer, clone, heard)


def compare_own(root: Path, heard: Sequence[Heard]) -> str:
    """Compare the log of the repository at `root` with what its peers carry of it, and return its origin.

    What is longer than it says nothing: this checkout may be older. "" stands for nothing to compare, or for nobody who
    says which key is the log's. Raises Forked with the evidence kept, Rejected(log.tile, log.missing).
    """
    here = LedgerFiles(root).claimed()
    about = [one for one in heard if here and one.origin == here.origin]
    if here is None or not about:
        return ""
    try:
        policy = Session(root).trusted().policy
        known = Log(policy.origin, tuple(one.key for one in policy.log_keys))
        log = open_log(LedgerFiles(root), "this repository", {known.origin: known})
    except (Rejected, Unverifiable):  # the verdicts about this repository say so
        return ""
    try:
        gossip.compare(log, known, [one for one in about if _size(one) <= log.checkpoint.size])
    except Forked as fork:
        raise _kept(place(root), sha256(known.origin.encode()).hexdigest(), fork) from None
    return known.origin


def _size(one: Heard) -> int:
    said = claimed(one.note)
    return said.size if said else 0


def origin_of(peer: Peer) -> str:
    """Return the origin of the log that a peer publishes, after the same audit. Raises as `sync`."""
    with fetched(peer) as clone:
        return _judge(peer, clone).checkpoint.origin


@contextmanager
def fetched(peer: Peer) -> Iterator[Path]:
    """Give what an audit reads of a peer's repository, in a folder of our own that is gone afterwards.

    Raises EnvironmentTrouble(env.git, env.oversized), and what `as_cloned` refuses.
    """
    with TemporaryDirectory(prefix="aurora-") as name:
        bare = Path(name, "fetched")
        bare.mkdir()
        git.receive(bare, peer.url, LARGEST, "HEAD")
        commit = git.must(bare, "rev-parse", "FETCH_HEAD^{commit}").decode().strip()
        with opened(bare, commit) as (tree, folder):
            as_cloned(tree, folder)
            yield folder


def _take_in(root: Path, peer: Peer, clone: Path, heard: Sequence[Heard]) -> Synced:
    log = _judge(peer, clone)
    known = Log(peer.origin, _keys(peer, clone))
    target, base = place(root), peer.base
    held = target.read(f"{base}/checkpoint")
    before = 0
    try:
        if held:
            seen, _, note, _ = signed(held.data, f"the copy of {peer.name}", {peer.origin: known})
            before = seen.size
            check_extends(log, seen, note)
        gossip.compare(log, known, heard)
    except Forked as fork:
        raise _kept(target, base, fork) from None
    files = 0
    for path, data in _new(clone, log, before):
        files += target.create(f"{base}/{path}", data)
    if not target.replace(f"{base}/checkpoint", log.note, held.mark if held else None):
        raise EnvironmentTrouble("env.lock", f"another process took in {peer.name} meanwhile")
    return Synced(peer.name, peer.origin, before, log.checkpoint.size, files)


def _judge(peer: Peer, clone: Path) -> OpenLog:
    """Audit a clone under the peer's owner, and open its log."""
    session = _session(peer, clone)
    said = LedgerFiles(clone).claimed()
    if said and said.size > MAX_ENTRIES:
        raise Rejected("peer.endless", f"the log of {peer.name} claims {said.size} entries")
    verdict = judge_everything(session, kept=None, watched=_unwatched)
    if verdict.exit_code:
        raise _refusal(peer, verdict.findings)
    origin = session.trusted().policy.origin
    return open_log(LedgerFiles(clone), peer.name, {origin: Log(origin, _keys(peer, clone))})


def _keys(peer: Peer, clone: Path) -> tuple[VerifierKey, ...]:
    policy = _session(peer, clone).trusted().policy
    return tuple(one.key for one in policy.log_keys)


def _session(peer: Peer, clone: Path) -> Session:
    """Return a session that trusts the peer's owner alone, whatever this user's variables say about other logs."""
    return Session(clone, owners=(peer.owner,), origin=peer.origin, environ={})


def _unwatched(_size: int) -> AbstractContextManager[Progress]:
    return nullcontext(lambda _done, _whole: None)


def _refusal(peer: Peer, findings: list[Finding]) -> RemembrancerError:
    bad = [one for one in findings if one.outcome is Outcome.FAILED] or [
        one for one in findings if one.outcome is Outcome.UNVERIFIABLE
    ]
    if not bad:
        return Rejected("log.missing", f"nothing of {peer.name} was judged")
    kind = Rejected if bad[0].outcome is Outcome.FAILED else Unverifiable
    return kind(bad[0].code, f"{peer.name}: {bad[0].subject}: {bad[0].message}", bad[0].remedy)


def _new(clone: Path, log: OpenLog, before: int) -> Iterator[tuple[str, bytes]]:
    """Yield the entries that are new, and the texts of the decisions that they bind, each under its SHA-256."""
    for _, data in Ledger(clone).entries(before, log.checkpoint.size):
        yield f"entries/{sha256(data).hexdigest()}", data
        receipt = parse(data)
        if receipt.kind == "adr":
            said = fact(receipt)
            with suppress(OSError):
                with (clone / said.path).open("rb") as file:
                    text = file.read(MAX_TEXT)
                if sha256(text).hexdigest() == said.text:  # an older receipt binds a text that is no longer there
                    yield f"decisions/{said.text}", text


def _kept(target: Folder, base: str, fork: Forked) -> Forked:
    evidence = fork.evidence.format()
    file = f"{base}/evidence/{sha256(evidence).hexdigest()[:16]}.json"
    target.create(file, evidence)
    return Forked(f"{fork.message}; the evidence is {PEERS}/{file}", fork.evidence)
