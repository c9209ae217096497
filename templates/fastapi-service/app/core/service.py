"""Who this service is: the facts of service.json, as data that no code is generated from."""

from pathlib import Path

from pydantic import BaseModel


class Service(BaseModel, frozen=True, extra="forbid"):
    """Name, version, purpose and owner of the service, and the port it listens on by default."""

    name: str
    version: str
    description: str
    owner: str
    port: int


def load(path: Path) -> Service:
    """Read the facts from a JSON file. Raises ValueError for a missing or an unknown field."""
    return Service.model_validate_json(path.read_bytes())


SERVICE = load(Path(__file__).resolve().parents[1] / "service.json")
