"""What a witness answers to a submission, given what it cosigned last: the checks of c2sp.org/tlog-witness, in order.

Pure. Whoever calls this holds the one transaction in which the answer becomes the new state.
"""

from typing import NamedTuple

from aurora.witness.request import Answer, Submission
from remembrancer.errors import EnvironmentTrouble
from remembrancer.tlog import ProofError, verify_consistency
from remembrancer.tlog.merkle import EMPTY_ROOT

SIZE_TYPE = "text/x.tlog.size"

NOTHING = (0, EMPTY_ROOT)
DRIFT = 60  # seconds that a clock may be behind the newest cosignature


class Refusal(NamedTuple):
    """An answer other than a cosignature, and whether the submission is kept: "fork", "unproven" or "" (not kept).

    A fork is proven by two checkpoints that one log signed: one size, two roots. What only lacks its proof is kept as
    well, because the log did sign it, but it proves nothing yet.
    """

    answer: Answer
    evidence: str = ""


def time_to_state(now: int, last: int) -> int:
    """Return the time (seconds since 1970) of a cosignature that follows one at `last`.

    It is never before that: of the earlier time somebody else holds the statement that a smaller tree was the newest.
    Raises EnvironmentTrouble(witness.clock) when the clock is further back than clocks differ.
    """
    if now < last - DRIFT:
        raise EnvironmentTrouble("witness.clock", f"the clock is {last - now} seconds behind the last cosignature")
    return max(now, last)


def judge(asked: Submission, size: int, root: bytes) -> Refusal | None:
    """Return why a submission is refused by a witness that cosigned this size and root last; None: it is cosigned."""
    new = asked.checkpoint.size
    forked = new == size and asked.root != root
    if asked.old > new:
        return Refusal(Answer(400, "the old size is larger than the checkpoint's\n"))
    if asked.old != size:
        return Refusal(Answer(409, f"{size}\n", SIZE_TYPE), "fork" if forked else "")
    return _inconsistent(asked, new, size, root, forked=forked)


def _inconsistent(asked: Submission, new: int, size: int, root: bytes, *, forked: bool) -> Refusal | None:
    if new == 0 and asked.root != EMPTY_ROOT:
        return _unprocessable("a tree of no leaves has another root", "unproven")
    if asked.old == 0:
        return _unprocessable("nothing is proven from size 0, so the proof is empty", "") if asked.proof else None
    if forked:
        return _unprocessable(f"another root of size {size} was cosigned", "fork")
    try:
        verify_consistency(size, new, asked.proof, root, asked.root)
    except ProofError:
        return _unprocessable(f"the consistency proof from size {size} does not verify", "unproven")
    return None


def _unprocessable(why: str, evidence: str) -> Refusal:
    return Refusal(Answer(422, f"{why}\n"), evidence)
