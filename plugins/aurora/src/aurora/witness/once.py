"""A witness without a server: it fetches what logs publish in Git, and its state is a Git repository of its own.

The state's branch holds `<origin hash>/checkpoint`, the monitoring path of c2sp.org/tlog-witness as static files, and
`witness`, its public keys. One step is: fetch the state, fetch the log, prove that the log only grew since the state,
cosign, push. The push asks for a fast-forward, so of two runs at once one begins again, and nobody ever sees a
cosignature that the state does not have.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from aurora import gossip
from aurora.foreign.snapshot import Snapshot
from aurora.git import branch_of
from aurora.gossip import Heard
from aurora.logs import Log
from aurora.push import publish
from aurora.source import Forked, OpenLog, check_extends, open_log
from aurora.witness.decide import NOTHING, time_to_state
from aurora.witness.older import is_older, published
from remembrancer.clock import Clock
from remembrancer.errors import EnvironmentTrouble, Refused, Rejected
from remembrancer.ledger.files import MAX_CHECKPOINT
from remembrancer.tlog import Checkpoint, NoteError, SignerKey, cosign, open_note
from remembrancer.tlog.note import Signature

TRIES = 5
WITNESS = "witness"
_NOT_BEGUN = (
    "A new witness begins with --begin, once. If these keys have cosigned before, restore the branch; if it is lost, "
    "retire them and begin a witness with another name."
)


class Seen(NamedTuple):
    """What became of one log: its origin, its size now, and whether it was cosigned anew."""

    origin: str
    size: int
    cosigned: bool


class GitWitness:
    """A witness whose state is a branch of a Git repository, which only its operator can push to."""

    def __init__(self, state: str, branch: str, keys: Sequence[SignerKey], clock: Clock) -> None:
        self.state, self.branch, self.keys, self._clock = state, branch, tuple(keys), clock

    def begin(self) -> None:
        """Make the branch. Raises Refused(witness.lost-state) when it is there, EnvironmentTrouble(env.git)."""
        listed = "".join(f"{key.verifier()}\n" for key in self.keys).encode()
        if branch_of(self.state, self.branch) or not publish(
            self.state, self.branch, "", {WITNESS: listed}, "[witness] feat: begin"
        ):
            why = f"the branch {self.branch} of {self.state} has begun already"
            remedy = "Leave --begin out to go on; another witness needs a branch or a repository of its own."
            raise Refused("witness.lost-state", why, remedy)

    def look(self, url: str, logs: Mapping[str, Log], heard: Sequence[Heard] = ()) -> Seen:
        """Cosign what a repository publishes, if it provably extends what was cosigned before; see the module's head.

        `heard` is what others carry of the log; one that contradicts that is not cosigned either.

        Raises Rejected(log.missing, log.checkpoint, log.tile, log.rollback, log.split-view), the last with the evidence
        in the state; Refused(witness.lost-state), EnvironmentTrouble(env.git, witness.clock).
        """
        with Snapshot(url) as source:
            log = open_log(source, source.url, logs)
            for _ in range(TRIES):
                seen = self._step(log, logs[log.checkpoint.origin], heard, published(source))
                if seen is not None:
                    return seen
        raise EnvironmentTrouble("env.git", f"others pushed to {self.state} {TRIES} times meanwhile")

    def _step(self, log: OpenLog, known: Log, heard: Sequence[Heard], shown: Sequence[bytes]) -> Seen | None:
        """Make one step; None when the state moved meanwhile."""
        origin = log.checkpoint.origin
        place = f"{sha256(origin.encode()).hexdigest()}/checkpoint"
        onto = branch_of(self.state, self.branch)
        if not onto:
            why = f"the branch {self.branch} of {self.state} is not there"
            raise Refused("witness.lost-state", why, _NOT_BEGUN)
        with Snapshot(self.state, f"refs/heads/{self.branch}") as state:
            if state.commit != onto:
                return None
            kept, last = self._last(state, place, origin)
            size, root = (kept.size, kept.root) if kept else NOTHING
            if any(is_older(size, root, note, [key.verifier() for key in self.keys]) for note in shown):
                why = f"{self.state} remembers {origin} at size {size}, and a later checkpoint has been cosigned"
                raise Refused("witness.lost-state", why)
            try:
                check_extends(log, kept, last)
                gossip.compare(log, known, heard)
            except Forked as fork:
                if not self._keep(state, place, fork):
                    return None
        if kept and kept[:3] == log.checkpoint[:3]:
            return Seen(origin, kept.size, cosigned=False)
        note = log.note + "".join(line.line for line in self._cosigned(log.text, last)).encode()
        message = f"[witness] feat: {origin} at {log.checkpoint.size}"
        if not publish(self.state, self.branch, onto, {place: note}, message):
            return None
        return Seen(origin, log.checkpoint.size, cosigned=True)

    def _keep(self, state: Snapshot, place: str, fork: Forked) -> bool:
        """Raise a fork once its evidence is in the state; returns False when the state moved meanwhile."""
        evidence = fork.evidence.format()
        file = f"{place.partition('/')[0]}/evidence/{sha256(evidence).hexdigest()[:16]}.json"
        held = False
        with suppress(FileNotFoundError):  # a job sees the same fork every hour
            held = state.file(file) == evidence
        message = f"[witness] feat: {fork.evidence.origin} forked"
        if not held and not publish(self.state, self.branch, state.commit, {file: evidence}, message):
            return False
        where = f"the evidence is {file} on the branch {self.branch} of {self.state}"
        raise Forked(f"{fork.message}; {where}", fork.evidence) from None

    def _last(self, state: Snapshot, place: str, origin: str) -> tuple[Checkpoint | None, bytes]:
        """Return what was cosigned last, under this witness's own keys, and its note."""
        listed = "".join(f"{key.verifier()}\n" for key in self.keys).encode()
        try:
            held = state.file(WITNESS, MAX_CHECKPOINT) == listed
        except FileNotFoundError:
            held = False
        if not held:
            raise Refused("witness.lost-state", f"{self.state} is the state of other keys")
        try:
            note = state.file(place, MAX_CHECKPOINT)
        except FileNotFoundError:
            return None, b""
        try:
            checkpoint = Checkpoint.parse(open_note(note, [key.verifier() for key in self.keys]).text)
        except NoteError as error:
            raise Refused("witness.lost-state", f"{place} of {self.state} does not hold: {error}") from None
        if checkpoint.origin != origin:
            raise Refused("witness.lost-state", f"{place} of {self.state} is of {checkpoint.origin}")
        return checkpoint, note

    def _cosigned(self, text: str, last: bytes) -> list[Signature]:
        before = open_note(last, [key.verifier() for key in self.keys]).signatures if last else ()
        newest = max((line.time or 0 for line in before), default=0)
        now = time_to_state(int(self._clock.now().timestamp()), newest)
        lines = []
        for key in self.keys:
            try:
                lines.append(cosign(text, key, now))
            except NoteError:  # extension lines, of which an ML-DSA-44 cosignature says nothing
                continue
        if not lines:
            raise Rejected("log.checkpoint", "a checkpoint with extension lines is not cosigned with ML-DSA-44 alone")
        return lines
