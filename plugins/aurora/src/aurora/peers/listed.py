"""Which peers a repository has: `ops/receipts/peers/peers.toml`, which people review as they review everything else."""

import json
import re
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora.mirror.place import Folder
from remembrancer.errors import BadInput, Refused
from remembrancer.paths import RECEIPTS

_NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
PEERS = f"{RECEIPTS}/peers"
FILE = "peers.toml"
FIELDS = ("url", "owner", "origin")


class Peer(NamedTuple):
    """A peer: where it publishes, the fingerprint of its policy's owner, and the origin of its log."""

    name: str
    url: str
    owner: str
    origin: str

    @property
    def base(self) -> str:
        """The folder of what was taken in from it, below that of the peers."""
        return sha256(self.origin.encode()).hexdigest()


def place(root: Path) -> Folder:
    """Return the folder of the peers of the repository at `root`."""
    return Folder(root / PEERS)


def read(root: Path) -> Mapping[str, Peer]:
    """Return the peers by name. Raises BadInput(peer.unknown) for a file that is not such a list."""
    held = place(root).read(FILE)
    try:
        tables = tomllib.loads(held.data.decode()) if held else {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput("peer.unknown", f"{PEERS}/{FILE} is malformed: {error}") from None
    found = {}
    for name, row in tables.items():
        if not isinstance(row, dict) or {*row} != {*FIELDS} or not all(isinstance(one, str) for one in row.values()):
            raise BadInput("peer.unknown", f"{PEERS}/{FILE} says of {name} something else than {', '.join(FIELDS)}")
        found[name] = Peer(name, **row)
    return found


def write(root: Path, peer: Peer) -> None:
    """Add a peer.

    Raises BadInput(input.field), Refused(peer.known) when its name or its origin is listed, EnvironmentTrouble.
    """
    if not _NAME.fullmatch(peer.name) or not (peer.url.isascii() and peer.url.isprintable()):
        raise BadInput(
            "input.field", "a peer's name is lower-case letters, digits and hyphens, and its URL plain ASCII"
        )
    known = read(root)
    for other in known.values():
        if peer.name == other.name or peer.origin == other.origin:
            raise Refused("peer.known", f"{other.name} ({other.origin}) is a peer already")
    held = place(root).read(FILE)
    lines = [f"[{json.dumps(peer.name)}]", *(f"{key} = {json.dumps(getattr(peer, key))}" for key in FIELDS), ""]
    text = (held.data.decode() + "\n" if held else "") + "\n".join(lines)
    if not place(root).replace(FILE, text.encode(), held.mark if held else None):
        raise Refused("peer.known", f"{PEERS}/{FILE} changed meanwhile")
