"""Who this service is: the facts of service.json, as data that no code is generated from."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Service:
    """Name, version, purpose and owner of the service, and the port it listens on by default."""

    name: str
    version: str
    description: str
    owner: str
    port: int


def load(path: Path) -> Service:
    """Read the facts from a JSON file. Raises TypeError for a missing or an unknown field."""
    return Service(**json.loads(path.read_text(encoding="utf-8")))


SERVICE = load(Path(__file__).resolve().parents[1] / "service.json")
