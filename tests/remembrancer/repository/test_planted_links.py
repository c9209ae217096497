"""Links that somebody left where a command is about to write: what they point at is never touched."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch
from ledger_world import World, waiver
from remembrancer.errors import EnvironmentTrouble, Refused
from remembrancer.record.begin import write_policy
from remembrancer.repository.reader import Repository
from remembrancer.system.files import appearing, open_own, write_whole

LOCAL = "ops/receipts/.local"
OLD = "export X=1\n"


@pytest.fixture
def scratch(original: Scratch) -> Iterator[Scratch]:
    copy = original.copy()
    (copy.base / "victim").write_text(OLD)
    yield copy
    assert (copy.base / "victim").read_text() == OLD
    assert not (copy.base / "made").exists()
    copy.remove()


def link(place: Path, target: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize("name", ["lock", "written", ".gitignore"])
@pytest.mark.parametrize("target", ["victim", "made"])
def test_a_link_in_the_local_folder_is_refused(scratch: Scratch, name: str, target: str) -> None:
    link(scratch.root / LOCAL / name, scratch.base / target)
    fresh = scratch.write("dist/fresh.tar.gz", b"fresh\n")  # the same signature in the same second would write nothing
    done = scratch.json("sign", "--no-seal", str(fresh))
    assert (done.status, done.codes) == (2, {"input.file"}), done.out
    sealed = scratch.json("seal")
    assert (sealed.status, sealed.codes) == (1 if name == "written" else 2, {"input.file"}), sealed.out


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("dist/.my-svc-0.1.0.tar.gz.asc.new", ("sign", "--no-seal", ARTIFACT)),
        ("dist/.my-svc-0.1.0.tar.gz.tsr.new", ("timestamp", "--no-seal", ARTIFACT)),
        ("dist/.my-svc-0.1.0.tar.gz.proof.json.new", ("export-proof", ARTIFACT)),
        ("dist/my-svc-0.1.0.tar.gz.asc", ("sign", "--no-seal", ARTIFACT)),
        ("dist/my-svc-0.1.0.tar.gz.tsr", ("timestamp", "--no-seal", ARTIFACT)),
        ("dist/my-svc-0.1.0.tar.gz.proof.json", ("export-proof", ARTIFACT)),
    ],
)
def test_a_link_beside_the_artifact_is_not_written_through(
    scratch: Scratch, name: str, arguments: tuple[str, ...]
) -> None:
    link(scratch.root / name, scratch.base / "victim")
    scratch.ok(*arguments)
    assert not list((scratch.root / "dist").glob(".new-*"))


@pytest.mark.parametrize("name", ["policy.toml.new", "policy.toml"])
def test_a_link_in_the_trust_folder_is_not_written_through(tmp_path: Path, name: str) -> None:
    victim, trust = tmp_path / "victim", tmp_path / "w/ops/trust"
    trust.mkdir(parents=True)
    victim.write_text(OLD)
    link(trust / name, victim)
    write_policy(Repository(tmp_path / "w"), b"new", {}, {"A" * 40: b"certificate"})
    assert victim.read_text() == OLD
    assert (trust / "policy.toml").read_bytes() == b"new"


def test_a_linked_folder_of_keys_is_refused(tmp_path: Path) -> None:
    victim, trust = tmp_path / "victim", tmp_path / "w/ops/trust"
    victim.mkdir()
    trust.mkdir(parents=True)
    link(trust / "keys", victim)
    with pytest.raises(Refused) as caught:
        write_policy(Repository(tmp_path / "w"), b"new", {}, {"A" * 40: b"certificate"})
    assert caught.value.code == "input.file"
    assert list(victim.iterdir()) == []


def test_the_local_folder_s_own_files_are_made_and_kept(tmp_path: Path) -> None:
    world = World(tmp_path / "w", git=False)
    world.record(waiver("first"))
    world.record(waiver("second"))
    local = world.root / LOCAL
    assert (local / ".gitignore").read_bytes() == b"*\n"
    assert len((local / "written").read_text().splitlines()) == 2
    assert len(world.seal().sealed) == 2
    assert (local / "written").read_bytes() == b""


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_only_a_regular_file_is_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(Refused) as caught:
        open_own(tmp_path / "x", append=True)
    assert caught.value.code == "input.file"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "proof"
    write_whole(target, b"one")
    with pytest.raises(ZeroDivisionError), appearing(target, b"two"):
        _ = 1 // len(target.read_bytes()[3:])
    with appearing(target, b"three"):
        assert target.read_bytes() == b"one"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"proof": b"three"}
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "folder", tmp_path / "absent" / "x"):
        with pytest.raises(EnvironmentTrouble) as caught:
            write_whole(place, b"x")
        assert caught.value.code == "env.io"
    assert {path.name for path in tmp_path.iterdir()} == {"proof", "folder"}
