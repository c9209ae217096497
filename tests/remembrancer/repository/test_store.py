"""Receipts and blobs are written whole, once, and only where they belong."""

import errno
import os
import threading
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import pytest

from ledger_world import World, deploy, waiver
from remembrancer.errors import EnvironmentTrouble, Refused, Rejected
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.repository.lock import exclusive


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "repo")


def test_a_receipt_lies_where_its_content_says(world: World) -> None:
    first, second = world.record(deploy("0.1.0"), waiver("x"))
    assert world.names([first]) == ["deploy/my-svc-0.1.0.receipt"]
    assert world.names([second]) == [relative_path(parse(waiver("x")))]
    assert first.read_bytes() == deploy("0.1.0")
    assert world.store.read_receipt(first).predicate["version"] == "0.1.0"
    assert set(world.store.receipts()) == set(world.names([first, second]))


def test_repeating_a_receipt_writes_nothing(world: World) -> None:
    [path] = world.record(deploy("0.1.0"))
    before = path.stat()
    assert world.record(deploy("0.1.0")) == [path]
    assert path.stat() == before


def test_the_same_version_and_digest_at_another_time_is_a_repeat(world: World) -> None:
    [path] = world.record(deploy("0.1.0"))
    later = deploy("0.1.0").replace(b"2026-01-02", b"2026-01-03")
    assert world.record(later) == [path]
    assert path.read_bytes() == deploy("0.1.0")


def test_the_same_version_with_another_digest_is_refused(world: World) -> None:
    world.record(deploy("0.1.0"))
    before = world.everything()
    with pytest.raises(Refused, match="already recorded with the digest") as caught:
        world.record(waiver("good"), deploy("0.1.0", content="other"))
    assert (caught.value.code, caught.value.exit_code) == ("receipt.conflict", 2)
    assert world.everything() == before


def test_the_same_version_elsewhere_is_a_rollout(world: World) -> None:
    world.record(deploy("0.1.0"))
    with pytest.raises(Refused, match="rollout"):
        world.record(deploy("0.1.0", environment="production"))


def test_two_versions_with_one_file_name_do_not_overwrite_each_other(world: World) -> None:
    [path] = world.record(deploy("c", component="a-b"))
    with pytest.raises(Refused, match=r"a b-c would use .* already records a-b c") as caught:
        world.record(deploy("b-c", component="a"))
    assert caught.value.code == "receipt.name-clash"
    assert path.read_bytes() == deploy("c", component="a-b")
    with pytest.raises(Refused):
        world.store.deployed("a", "b-c")
    found = world.store.deployed("a-b", "c")
    assert found is not None
    assert world.store.deployed("a-b", "d") is None


def test_a_clash_inside_one_batch_is_refused_too(world: World) -> None:
    with pytest.raises(Refused):
        world.record(deploy("c", component="a-b"), deploy("b-c", component="a"))
    assert world.everything() == {}


def test_what_is_no_receipt_is_not_written(world: World) -> None:
    with pytest.raises(Rejected):
        world.record(deploy("0.1.0").replace(b"my-svc", b"../svc"))
    assert not world.store.receipts_dir.exists()


def test_a_blob_is_named_by_its_digest(world: World) -> None:
    digest = world.store.write_blob(b"proof")
    assert digest == sha256(b"proof").hexdigest()
    assert world.store.read_blob(digest) == b"proof"
    assert list(world.store.blobs()) == [digest]
    before = world.store.blob_path(digest).stat()
    assert world.store.write_blob(b"proof") == digest
    assert world.store.blob_path(digest).stat() == before


@pytest.mark.parametrize("name", ["", "..", "../x", "A" * 64, "a" * 63])
def test_a_blob_has_no_other_name(world: World, name: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case"):
        world.store.blob_path(name)


def test_a_changed_or_missing_blob_is_named(world: World) -> None:
    digest = world.store.write_blob(b"proof")
    world.store.blob_path(digest).write_bytes(b"other")
    with pytest.raises(Rejected, match=digest) as caught:
        world.store.read_blob(digest)
    assert caught.value.code == "blob.mismatch"
    assert world.store.write_blob(b"proof") == digest
    world.store.blob_path(digest).unlink()
    with pytest.raises(Rejected, match=digest) as caught:
        world.store.read_blob(digest)
    assert caught.value.code == "blob.missing"


def test_a_receipt_at_another_place_is_refused(world: World) -> None:
    path = world.plant(deploy("0.1.0"), "deploy/my-svc-0.2.0.receipt")
    with pytest.raises(Rejected, match=r"belongs at ops/receipts/deploy/my-svc-0\.1\.0\.receipt") as caught:
        world.store.read_receipt(path)
    assert caught.value.code == "receipt.path"
    with pytest.raises(Rejected) as caught:
        world.store.read_receipt(world.root / "README.md")
    assert caught.value.code == "receipt.path"
    with pytest.raises(Rejected) as caught:
        world.store.read_receipt("deploy/none-1.0.0.receipt")
    assert caught.value.code == "receipt.missing"


@pytest.mark.parametrize("planted", ["ops", "ops/receipts", "ops/receipts/deploy"])
def test_nothing_is_written_through_a_link(world: World, tmp_path: Path, planted: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.root / planted).parent.mkdir(parents=True, exist_ok=True)
    (world.root / planted).symlink_to(outside)
    with pytest.raises(Refused, match="link") as caught:
        world.record(deploy("0.1.0"))
    assert caught.value.code == "input.file"
    assert list(outside.iterdir()) == []


def test_nothing_is_read_through_a_link_or_from_a_pipe(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(deploy("0.1.0"))
    folder = world.store.receipts_dir / "deploy"
    folder.mkdir(parents=True)
    (folder / "my-svc-0.1.0.receipt").symlink_to(secret)
    os.mkfifo(folder / "my-svc-0.2.0.receipt")
    for version in ("0.1.0", "0.2.0"):
        with pytest.raises(Rejected, match="not a regular file"):
            world.store.deployed("my-svc", version)


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open", "mkdir"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_when_the_disk_refuses_nothing_stays_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str, reason: int
) -> None:
    world.record(waiver("first"))
    before = world.everything()

    def refuse(*arguments: object, **more: object) -> NoReturn:
        raise OSError(reason, os.strerror(reason))

    with monkeypatch.context() as patch:
        if call == "mkdir":
            patch.setattr(Path, "mkdir", refuse)
        elif call == "open":
            real = os.open

            def refuse_new(path: str, flags: int, *arguments: int) -> int:
                return real(path, flags, *arguments) if not flags & os.O_EXCL else refuse()

            patch.setattr(os, "open", refuse_new)
        else:
            patch.setattr(os, call, refuse)
        with pytest.raises(EnvironmentTrouble) as caught:
            world.record(deploy("0.1.0"))
    assert (caught.value.code, caught.value.exit_code) == ("env.io", 4)
    assert os.strerror(reason) in caught.value.message
    assert world.everything() == before
    assert list((world.store.receipts_dir / ".local" / "tmp").iterdir()) == []
    [path] = world.record(deploy("0.1.0"))
    assert path.read_bytes() == deploy("0.1.0")


def test_a_short_write_is_continued(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:7]))
    [path] = world.record(deploy("0.1.0"))
    assert path.read_bytes() == deploy("0.1.0")


def test_a_lock_that_stays_taken_is_told_and_not_waited_for_forever(world: World) -> None:
    with exclusive(world.root):
        caught: list[EnvironmentTrouble] = []

        def wait() -> None:
            try:
                with exclusive(world.root, patience=0):
                    pass
            except EnvironmentTrouble as error:
                caught.append(error)

        other = threading.Thread(target=wait)
        other.start()
        other.join()
    assert [error.code for error in caught] == ["env.lock"]
    world.record(waiver("afterwards"))


def test_local_files_never_reach_a_commit(world: World) -> None:
    world.record(waiver("x"))
    world.commit()
    assert not [name for name in world.git("ls-files").splitlines() if ".local" in name]
    assert world.git("status", "--porcelain") == ""
