"""The seam below sealing: any place that keeps its promises keeps the log, whatever fails between two calls."""

import copy
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from ledger_world import ORIGIN, World, signer, waiver
from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.ledger.file_storage import FileStorage
from remembrancer.ledger.files import CHECKPOINT, is_live
from remembrancer.ledger.seal import SealResult, seal
from remembrancer.ledger.sealed import entries
from remembrancer.ledger.storage import Storage
from remembrancer.repository.lock import exclusive
from remembrancer.tlog.merkle import root as merkle_root
from remembrancer.tlog.note import open_checkpoint
from remembrancer.tlog.tile import layout

SEALED, WAITING = 254, 4  # the tree grows over the edge of a full tile


class Memory:
    """A log in a dictionary; `fail` is asked before and after each call, and may raise."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plan: tuple[dict[str, bytes], list[str]] = ({}, [])
        self.fail: Callable[[str, bool], None] = lambda call, done: None

    def note(self) -> bytes | None:
        self.fail("note", False)
        return self.files.get(CHECKPOINT)

    def read(self, path: str) -> bytes:
        self.fail("read", False)
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def begun(self) -> bool:
        self.fail("begun", False)
        return any(path.startswith("tile/") for path in self.files)

    def put_new(self, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
        self.fail("put_new", False)
        self.plan = dict(files), list(obsolete)
        for number, (path, data) in enumerate(files.items()):
            self.files[path] = data
            if number == 0:
                self.fail("half of put_new", False)
        self.fail("put_new", True)

    def swap_checkpoint(self, old: bytes | None, new: bytes) -> None:
        self.fail("swap_checkpoint", False)
        if self.files.get(CHECKPOINT) != old:
            raise EnvironmentTrouble("env.lock", "another checkpoint stands there")
        self.files[CHECKPOINT] = new
        self.fail("swap_checkpoint", True)

    def settle(self, size: int) -> None:
        self.fail("settle", False)
        new, obsolete = self.plan
        for path in [*(path for path, data in new.items() if self.files.get(path) == data), *obsolete]:
            if not is_live(path, size):
                self.files.pop(path, None)
        self.plan = {}, []
        self.fail("settle", True)


class Killed(BaseException):
    """The process ends here: nothing that it does afterwards reaches the place."""


def sealing(world: World, store: Memory) -> SealResult:
    return seal(world.root, [signer()], storage=store)


def broken_off(world: World, store: Memory, nth: int, how: str) -> str:
    """Seal while the n-th moment of a store fails: once, or it and all that follow. Returns which one it was."""
    count, met = 0, ""

    def fail(call: str, done: bool) -> None:
        nonlocal count, met
        count += 1
        if count == nth:
            met = call
        if count == nth and how == "refused":
            raise EnvironmentTrouble("env.io", f"cannot {call}")
        if count >= nth and how == "killed":
            raise Killed(call)

    store.fail = fail
    with suppress(EnvironmentTrouble, Killed):
        sealing(world, store)
        assert not met, "a failure that nobody is told of"
    store.fail = lambda call, done: None
    return met


def sound(store: Memory) -> list[bytes]:
    """Return the log's entries after proving that the signed root is theirs."""
    note = store.files.get(CHECKPOINT)
    if note is None:
        return []
    checkpoint = open_checkpoint(note, ORIGIN, [signer().verifier()]).checkpoint
    found = [entry for _, entry in entries(store, 0, checkpoint.size)]
    assert merkle_root(found) == checkpoint.root
    return found


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Memory]:
    """A repository whose log is in memory, and some receipts that are not in it yet."""
    world, store = World(tmp_path_factory.mktemp("storage") / "repo", git=False), Memory()
    world.record_quickly(*(waiver(str(number)) for number in range(SEALED)))
    assert sealing(world, store).size == SEALED
    world.record_quickly(*(waiver(f"more {number}") for number in range(WAITING)))
    return world.root, store


@pytest.mark.parametrize("how", ["refused", "killed"])
def test_a_log_in_memory_survives_a_failure_at_each_call(
    waiting: tuple[Path, Memory], tmp_path: Path, how: str
) -> None:
    root, original = waiting
    met = set()
    for nth in range(1, 100):
        world, store = World(shutil.copytree(root, tmp_path / str(nth)), git=False), copy.deepcopy(original)
        before = sound(store)
        call = broken_off(world, store, nth, how)
        if not call:
            break
        met.add(call)
        assert sound(store) in (before, [*before, *sorted_waiting()])
        sealing(world, store)
        assert sound(store) == [*before, *sorted_waiting()]
        assert sorted(store.files) == sorted([CHECKPOINT, *(tile.path for tile in layout(SEALED + WAITING))])
        shutil.rmtree(world.root)
    assert met == {"note", "read", "put_new", "half of put_new", "swap_checkpoint", "settle"}
    assert 15 < nth < 99


def sorted_waiting() -> list[bytes]:
    return sorted((waiver(f"more {number}") for number in range(WAITING)), key=lambda data: sha256(data).digest())


@pytest.mark.parametrize("how", ["refused", "killed"])
def test_a_first_seal_that_fails_leaves_no_log(tmp_path: Path, how: str) -> None:
    for nth in range(1, 100):
        world, store = World(tmp_path / str(nth), git=False), Memory()
        world.record_quickly(waiver("1"), waiver("2"))
        call = broken_off(world, store, nth, how)
        assert len(sound(store)) in (0, 2)
        sealing(world, store)
        assert len(sound(store)) == 2
        assert sorted(store.files) == sorted([CHECKPOINT, *(tile.path for tile in layout(2))])
        if not call:
            return
    raise AssertionError("the calls never ended")


def test_tiles_without_a_checkpoint_are_no_new_log(tmp_path: Path) -> None:
    world, store = World(tmp_path / "repo", git=False), Memory()
    world.record_quickly(waiver("1"))
    sealing(world, store)
    del store.files[CHECKPOINT]
    with pytest.raises(Rejected) as caught:
        sealing(world, store)
    assert caught.value.code == "log.missing"


@pytest.fixture(params=["files", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "memory":
        yield Memory()
    else:
        with exclusive(tmp_path) as local:
            yield FileStorage(tmp_path, local)


def test_what_every_storage_promises(storage: Storage) -> None:
    assert (storage.note(), storage.begun()) == (None, False)
    with pytest.raises(FileNotFoundError):
        storage.read("tile/0/000.p/1")

    storage.put_new({"tile/0/000.p/1": b"1", "tile/entries/000.p/1": b"e"}, [])
    assert (storage.note(), storage.begun(), storage.read("tile/0/000.p/1")) == (None, True, b"1")
    storage.settle(0)
    assert not storage.begun()

    storage.put_new({"tile/0/000.p/1": b"1"}, [])
    storage.swap_checkpoint(None, b"one")
    storage.settle(1)
    assert (storage.note(), storage.read("tile/0/000.p/1")) == (b"one", b"1")

    storage.put_new({"tile/0/000.p/2": b"2"}, ["tile/0/000.p/1"])
    assert (storage.read("tile/0/000.p/1"), storage.read("tile/0/000.p/2")) == (b"1", b"2")
    with pytest.raises(EnvironmentTrouble) as caught:
        storage.swap_checkpoint(b"another", b"two")
    assert (caught.value.code, storage.note()) == ("env.lock", b"one")
    storage.swap_checkpoint(b"one", b"two")
    storage.settle(2)
    assert (storage.note(), storage.read("tile/0/000.p/2")) == (b"two", b"2")
    with pytest.raises(FileNotFoundError):
        storage.read("tile/0/000.p/1")


def test_a_checkout_during_a_seal_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git does not ask for our lock: a checkpoint that it replaced meanwhile is not written over."""
    world = World(tmp_path / "repo", git=False)
    world.record(waiver("1"))
    world.seal()
    older = world.files()
    world.record(waiver("2"))
    world.seal()
    newer = world.files()
    world.record(waiver("3"))
    put_new = FileStorage.put_new

    def checkout(storage: FileStorage, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
        put_new(storage, files, obsolete)
        for path, data in older.items():
            (world.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (world.folder / path).write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr(FileStorage, "put_new", checkout)
        with pytest.raises(EnvironmentTrouble) as caught:
            world.seal()
    assert caught.value.code == "env.lock"
    assert world.files()[CHECKPOINT] == older[CHECKPOINT] != newer[CHECKPOINT]
    assert len(world.sealed()) == 1
    world.seal()
    assert len(world.sealed()) == 3
