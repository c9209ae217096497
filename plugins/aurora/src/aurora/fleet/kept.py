"""What is asked about a service, and what an earlier run read of it: a commit is read once, while the answer counts."""

import json
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora import __version__
from aurora.fleet import row as rows
from aurora.fleet.mirrors import replace as write
from aurora.fleet.row import Row
from remembrancer.audit.expiry import SOON
from remembrancer.clock import parse_rfc3339, rfc3339
from remembrancer.errors import EnvironmentTrouble, RemembrancerError
from remembrancer.user.state import Remembered, State

_LONGEST = timedelta(hours=24)  # facts are read again after a day: keys end, and so do exceptions


class Asked(NamedTuple):
    """What a worker is asked: a service, whom it is judged under, where mirror, facts and memory are, and when it is.

    This is also the clock of everything that is judged: one run has one time.
    """

    name: str
    url: str
    branch: str
    owner: str
    mirror: Path
    kept: Path
    memory: Path
    at: datetime

    def now(self) -> datetime:
        """Return the time of the run (UTC)."""
        return self.at


def kept(asked: Asked, commit: str, now: datetime) -> Row | None:
    """Return what an earlier run read of this commit under this owner, while it counts."""
    try:
        said = json.loads(asked.kept.read_bytes())
        if said["key"] == _key(asked, commit) and parse_rfc3339(said["until"]) > now:
            return rows.read_row(said["row"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, RemembrancerError):
        pass
    return None


def supersede(asked: Asked, commit: str) -> None:
    """Remove what was read of another commit than this one: what is remembered of this one must count against it.

    Raises EnvironmentTrouble(env.io).
    """
    if kept(asked, commit, asked.now()) is None:
        try:
            asked.kept.unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"cannot remove {asked.kept}: {error.strerror or error}") from None


def keep(asked: Asked, found: Row, now: datetime) -> None:
    """Keep what was read until something in it may end; failing to is no trouble, it is then read again."""
    if found.code.startswith("env."):
        return
    ends = [one.until for one in found.trust.endings] if found.trust else []
    times = [parse_rfc3339(one) for one in (*ends, *(waiver.expires for waiver in found.waivers)) if one]
    later = [at for end in times if end > now for at in (end, end - SOON) if at > now]
    said = {
        "key": _key(asked, found.read_commit),
        "until": rfc3339(min([now + _LONGEST, *later])),
        "row": found.document(),
    }
    with suppress(OSError):
        write(asked.kept, json.dumps(said).encode())


def _key(asked: Asked, commit: str) -> str:
    return f"{__version__} {asked.owner} {commit}"


def kept_place(cache: Path, mirror: Path, owner: str, memory: Path) -> Path:
    """Return where the facts of a mirror are kept that were judged under an owner, beside a fleet's memory."""
    key = f"{mirror.name} {owner} {memory.absolute()}"
    return cache / "facts" / f"{sha256(key.encode()).hexdigest()[:32]}.json"


def forget(cache: Path, memory: Path, origin: str) -> tuple[Remembered, ...]:
    """Forget what a fleet has seen of a log, and what was read with that in mind; returns what was forgotten.

    Raises EnvironmentTrouble(env.state, env.io).
    """
    found = State(memory).forget(origin)
    try:
        shutil.rmtree(cache / "facts")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot remove {cache / 'facts'}: {error.strerror or error}") from None
    return found
