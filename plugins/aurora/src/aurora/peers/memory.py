"""Asking what was taken in from peers: the search of one's own repository, with the peer named in each answer.

Each peer's entries are laid out as a repository of their own in a folder that is gone afterwards, so no answer mixes
two peers, and nothing of a peer ever looks like one's own memory.
"""

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aurora.peers.listed import Peer, place, read
from remembrancer.errors import Rejected
from remembrancer.ledger.files import claimed
from remembrancer.memory import Answer, answers_to, open_index
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.decided import Fact, fact, in_force
from remembrancer.receipt.statement import parse, relative_path


class Heard(NamedTuple):
    """An answer, from whom, and up to which size of that log it was audited before it was taken in."""

    peer: Peer
    size: int
    answer: Answer


def ask(root: Path, question: str, limit: int = 5) -> list[Heard]:
    """Return at most `limit` answers of all peers of the repository at `root`, those that cover most first.

    Raises BadInput(peer.unknown), Rejected(receipt.edited) for a file that does not have the digest of its name.
    """
    heard: list[Heard] = []
    for peer in read(root).values():
        held = place(root).read(f"{peer.base}/checkpoint")
        here = claimed(held.data if held else None)
        if here is None:
            continue
        with TemporaryDirectory(prefix="aurora-") as name:
            _lay_out(root, peer, Path(name))
            index = open_index(Path(name), Path(name))
            try:
                heard += [Heard(peer, here.size, one) for one in answers_to(index, question, limit)]
            finally:
                index.close()
    return sorted(heard, key=lambda one: -one.answer.coverage)[:limit]


def _lay_out(root: Path, peer: Peer, target: Path) -> None:
    facts: list[Fact] = []
    for path in sorted((place(root).folder / peer.base / "entries").glob("*")):
        receipt = parse(_read(root, peer, f"entries/{path.name}"))
        if receipt.kind == "adr":
            facts.append(fact(receipt))
        _write(target / RECEIPTS / relative_path(receipt), path.read_bytes())
    for said in in_force(facts).values():
        if (place(root).folder / peer.base / "decisions" / said.text).is_file():
            _write(target / said.path, _read(root, peer, f"decisions/{said.text}"))


def _read(root: Path, peer: Peer, path: str) -> bytes:
    held = place(root).read(f"{peer.base}/{path}")
    if held is None or sha256(held.data).hexdigest() != path.rpartition("/")[2]:
        raise Rejected("receipt.edited", f"{peer.name}: {path} does not have the digest of its name")
    return held.data


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
