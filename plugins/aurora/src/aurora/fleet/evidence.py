"""The evidence of forks that a fleet's memory keeps, under the digests of its bytes: so it travels with a result."""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from aurora.evidence import MAX_FILE, parse
from aurora.files import read_given
from remembrancer.errors import EnvironmentTrouble, RemembrancerError


def digests(memory: Path) -> dict[str, tuple[str, ...]]:
    """Return the SHA-256 of each file of evidence in a memory, by the origin of its log. Raises EnvironmentTrouble."""
    found = defaultdict(list)
    for data in _files(memory):
        try:
            found[parse(data).origin].append(sha256(data).hexdigest())
        except RemembrancerError:
            continue  # what is in another form proves nothing about a log
    return {origin: tuple(sorted(set(some))) for origin, some in found.items()}


def by_digest(memory: Path) -> dict[str, bytes]:
    """Return all files of evidence in a memory, by their SHA-256. Raises EnvironmentTrouble(env.io)."""
    return {sha256(data).hexdigest(): data for data in _files(memory)}


def _files(memory: Path) -> Iterator[bytes]:
    folder = memory / "evidence"
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except FileNotFoundError:
        return
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {folder}: {error.strerror or error}") from None
    yield from (read_given(path, MAX_FILE) for path in paths)
