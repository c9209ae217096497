"""Is this log the one that was seen before? Compares a verified checkpoint with the newest one that this user
remembers."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping

from remembrancer.errors import EnvironmentTrouble, Rejected, RemembrancerError, Unverifiable
from remembrancer.findings import Finding, Outcome, negative, positive
from remembrancer.paths import LEDGER
from remembrancer.repository.reader import Repository
from remembrancer.tlog import merkle
from remembrancer.tlog.tile import TileError
from remembrancer.tlog.tree import TileTree
from remembrancer.trust.policy import Policy
from remembrancer.user.state import Seen, State
from remembrancer.verify.log import LogView, prefix_root

SUBJECT = f"{LEDGER}/checkpoint"
_HASH = "[0-9a-f]{40}|[0-9a-f]{64}"


def compare(view: LogView, state: State, repository: Repository, seal_branch: str) -> Finding | None:
    """Compare a verified checkpoint with the remembered ones and return the finding, or None when none is remembered.

    Failed: `log.split-view` (with both signed checkpoints kept as evidence), `log.rollback`. A consistent prefix
    away from
    the seal branch is verified with the code `log.behind`; one whose consistency cannot be computed is unverifiable.
    """
    return _judged(view, state, repository, lambda seen: _against(view, seen, repository, seal_branch))


def compare_proof(view: LogView, state: State, repository: Repository | None) -> Finding | None:
    """Compare the checkpoint of a proof file with the remembered ones, as far as the file says what came before.

    `repository` is the one that the user is in, if any; it can only help to prove a fork.

    Returns None when none is remembered. Failed: `log.split-view`, with both checkpoints kept as evidence. An older or
    a newer checkpoint that the file does not connect with the remembered one is verified, and said not to be compared.
    """
    return _judged(view, state, repository, lambda seen: _proof_against(view, seen))


def _judged(
    view: LogView, state: State, repository: Repository | None, against: Callable[[Seen], Finding]
) -> Finding | None:
    origin = view.signed.checkpoint.origin
    # a rotation makes nobody forget: what an earlier key of the log signed is the same log's
    known = [seen for key_id in view.key_ids if (seen := state.seen(origin, key_id))]
    if not known:
        return None
    seen = max(known, key=lambda one: one.size)
    try:
        return against(seen)
    except RemembrancerError as error:
        if error.code != "log.split-view":
            return negative("append-only", SUBJECT, error)
        where = _keep_evidence(state, view, seen, repository)
        return negative("append-only", SUBJECT, type(error)(error.code, error.message + where))


def _split(view: LogView, seen: Seen) -> Rejected:
    message = f"the log of size {view.size} contradicts the one of size {seen.size} that was seen before"
    return Rejected("log.split-view", message)


def _proof_against(view: LogView, seen: Seen) -> Finding:
    if view.size in seen.roots:
        if seen.roots[view.size] != view.root.hex():
            raise _split(view, seen)
        return positive("append-only", SUBJECT, f"is the checkpoint of size {view.size} seen before")
    if view.size > seen.size:
        try:
            root = prefix_root(view, seen.size)
        except Rejected as error:
            if error.code != "log.missing":
                raise
        else:
            if root.hex() != seen.roots[seen.size]:
                raise _split(view, seen)
            return positive("append-only", SUBJECT, f"extends the checkpoint of size {seen.size} seen before")
    message = f"rollback: not checked, the proof does not connect size {view.size} with size {seen.size} seen before"
    return positive("append-only", SUBJECT, message)


def _against(view: LogView, seen: Seen, repository: Repository, seal_branch: str) -> Finding:
    split = _split(view, seen)
    if view.size >= seen.size:
        if prefix_root(view, seen.size).hex() != seen.roots[seen.size]:
            raise split
        return positive("append-only", SUBJECT, f"extends the checkpoint of size {seen.size} seen before")
    consistent = _is_prefix(view, seen, repository)
    if consistent is False:
        raise split
    branch = repository.branch()
    # without git there is no branch that could explain an older log
    if branch is None or branch == seal_branch:
        raise Rejected("log.rollback", f"the log has size {view.size}, but size {seen.size} was seen before")
    if consistent is None:
        raise Unverifiable(
            "log.consistency-unknown",
            f"the log has size {view.size}, older than size {seen.size} seen before, whose tiles are not here",
        )
    return Finding(
        "append-only",
        Outcome.VERIFIED,
        "log.behind",
        SUBJECT,
        f"an older state: size {view.size} is a prefix of the size {seen.size} seen before",
    )


def _is_prefix(view: LogView, seen: Seen, repository: Repository) -> bool | None:
    if view.size in seen.roots:
        return seen.roots[view.size] == view.root.hex()
    tree = _seen_tree(seen, repository)
    if tree is None:
        return None
    try:
        _prove(tree, seen, view.size, view.root)
    except merkle.ProofError:
        return False
    except (TileError, FileNotFoundError):
        return None
    return True


def _prove(tree: TileTree, seen: Seen, size: int, root: bytes) -> list[bytes]:
    """Return the proof that the tree seen before begins with `size` leaves of this root; raises ProofError."""
    proof = tree.consistency_proof(size)
    merkle.verify_consistency(size, seen.size, proof, root, bytes.fromhex(seen.roots[seen.size]))
    return proof


def _seen_tree(seen: Seen, repository: Repository) -> TileTree | None:
    """Return the tree of the checkpoint seen before, from a commit that holds it; None when git knows none."""
    if not repository.head():
        return None
    from remembrancer.system import git as gitcall  # noqa: PLC0415 - only where Git is asked

    blob = repository.git("hash-object", "--stdin", data=seen.note)
    if blob.returncode:
        raise gitcall.trouble(blob)
    wanted = blob.stdout.decode().strip()
    # after a force-push only the reflog still knows the commit
    found = repository.git("log", "--all", "--reflog", f"--find-object={wanted}", "--format=%H", "--", SUBJECT)
    if found.returncode:
        raise gitcall.trouble(found)
    listed = found.stdout.decode(errors="replace").split()
    commit = next((one for one in listed if _holds(repository, one, wanted)), "")
    if not commit:
        return None

    def read(path: str) -> bytes:
        shown = repository.git("cat-file", "blob", f"{commit}:./{LEDGER}/{path}")
        if shown.returncode:
            raise FileNotFoundError(path)
        return shown.stdout

    return TileTree(read, seen.size)


def _holds(repository: Repository, commit: str, blob: str) -> bool:
    """Say whether a commit has the checkpoint; the one that took it away is listed as well."""
    if not re.fullmatch(_HASH, commit):
        return False
    shown = repository.git("rev-parse", "--verify", "--quiet", f"{commit}:./{SUBJECT}")
    return shown.stdout.decode(errors="replace").strip() == blob


def _keep_evidence(state: State, view: LogView, seen: Seen, repository: Repository | None) -> str:
    origin = view.signed.checkpoint.origin
    notes = [seen.note.decode(), view.data.decode()]
    document = {"origin": origin, "checkpoints": notes, **_prefix(view, seen, repository)}
    name = f"split-view-{seen.size}-{view.size}-{view.root.hex()[:16]}.json"
    try:
        path = state.evidence(name, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
    except EnvironmentTrouble:
        return ""
    return f"; both signed checkpoints are kept in {path}"


def _prefix(view: LogView, seen: Seen, repository: Repository | None) -> dict[str, object]:
    """What the longer log says about the shorter one's size, and the proof that it does (RFC 6962 section 2.1.2).

    Empty for logs of one size, and when the longer one was seen before and its tiles are nowhere here.
    """
    size = min(view.size, seen.size)
    if view.size == seen.size or not size:
        return {}
    if size == seen.size:
        root, proof = prefix_root(view, size), view.tree.consistency_proof(size)
    else:
        tree = _seen_tree(seen, repository) if repository else None
        try:
            if tree is None:
                return {}
            root = tree.root(size)
            proof = _prove(tree, seen, size, root)
        except (merkle.ProofError, TileError, FileNotFoundError):
            return {}
    return {"prefix": {"size": size, "root": root.hex(), "consistency": [one.hex() for one in proof]}}


def remember(view: LogView, state: State, environ: Mapping[str, str] = os.environ) -> str:
    """Remember a verified checkpoint; returns a sentence when this user's state cannot be written, else "".

    Whoever holds the log key in the environment is about to publish the checkpoint and may have to discard it, so
    nothing is remembered there.
    """
    from remembrancer.user.keys import LOG_KEY_FILE_VARIABLE, LOG_KEY_VARIABLE  # noqa: PLC0415 - most know it all

    if environ.get(LOG_KEY_VARIABLE) or environ.get(LOG_KEY_FILE_VARIABLE):
        return ""
    origin = view.signed.checkpoint.origin
    try:
        for line in view.signed.signatures:
            state.remember_checkpoint(origin, line.key_id, view.data, view.size, view.root.hex())
    except EnvironmentTrouble as error:
        return f"the checkpoint could not be remembered, a later rollback would go unnoticed: {error.message}"
    return ""


def remembers(view: LogView, state: State) -> bool:
    """Say whether this very checkpoint, or a later one that has its root, is remembered under each of its keys."""
    origin = view.signed.checkpoint.origin
    known = [state.seen(origin, line.key_id) for line in view.signed.signatures]
    return all(
        seen is not None
        and (seen.note == view.data or (view.size < seen.size and seen.roots.get(view.size) == view.root.hex()))
        for seen in known
    )


def remember_policy(state: State, owner: str, policy: Policy, shown: Callable[[], bool]) -> str:
    """Remember a verified policy if it is what others are shown as well, which is only asked for a new one.

    Returns a sentence when this user's state cannot be written, or Git cannot be asked, else "".
    """
    with contextlib.suppress(EnvironmentTrouble):
        if state.newest_policy(owner, policy.origin) == (policy.version, policy.digest):
            return ""
    try:
        if shown():
            state.remember_policy(owner, policy.origin, policy.version, policy.digest)
    except EnvironmentTrouble as error:
        return f"the policy's version could not be remembered: {error.message}"
    return ""
