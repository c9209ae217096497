"""Which version a default rollback plan names: the one recorded last, sealed or not, without reading every receipt."""

from pathlib import Path

from ledger_world import World, deploy, waiver
from remembrancer.audit.session import Session
from remembrancer.record.deploy import newest
from remembrancer.record.statements import rollback_plan


def version(root: Path, component: str = "my-svc") -> str:
    found = newest(Session(root), component)
    return str(found.predicate["version"]) if found else ""


def at(data: bytes, time: str) -> bytes:
    return data.replace(b"2026-01-02T03:04:05Z", time.encode())


def test_nothing_recorded(tmp_path: Path) -> None:
    World(tmp_path)
    assert newest(Session(tmp_path), "my-svc") is None
    assert "my-svc" in rollback_plan("my-svc", None)


def test_sealed_and_then_unsealed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.record(at(deploy("1.0.0"), "2026-01-02T00:00:00Z"), at(deploy("1.1.0"), "2026-01-03T00:00:00Z"))
    world.record(at(deploy("9.0.0", component="my-svc-a"), "2026-02-01T00:00:00Z"))
    world.seal()
    assert version(tmp_path) == "1.1.0"
    world.record(at(deploy("1.2.0"), "2026-01-04T00:00:00Z"))
    assert version(tmp_path) == "1.2.0"
    assert version(tmp_path, "my-svc-a") == "9.0.0"
    assert version(tmp_path, "my") == ""


def test_looks_back_over_bundles_but_not_over_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.record(deploy("1.0.0"))
    world.seal()
    world.record(*(waiver(str(number)) for number in range(600)))
    world.seal()
    assert version(tmp_path) == "1.0.0"
    world.record(*(waiver(f"more {number}") for number in range(600)))
    world.seal()
    assert version(tmp_path) == ""


def test_another_kind_does_not_count(tmp_path: Path) -> None:
    world = World(tmp_path)
    rollout = deploy("2.0.0").replace(b"receipt/deploy/v1", b"receipt/rollout/v1")
    rollout = rollout.replace(b'    "rollback": "the version before",\n', b"")
    rollout = rollout[: rollout.index(b'    "evidence"')] + rollout[rollout.index(b'    "recordedAt"') :]
    world.record(deploy("1.0.0"), rollout.replace(b'"environment": "staging"', b'"environment": "production"'))
    assert version(tmp_path) == "1.0.0"
