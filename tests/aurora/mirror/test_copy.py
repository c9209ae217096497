"""A copy is a valid log at any instant, and never a shorter or another one than it was."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import witness_support as log
from aurora.evidence import judge, parse
from aurora.logs import Log
from aurora.mirror.copy import Mirrored, mirror
from aurora.mirror.objects import Objects
from aurora.mirror.place import Folder, Held, Place, probe
from remembrancer.errors import EnvironmentTrouble, RemembrancerError
from remembrancer.ledger.files import MAX_FILE
from remembrancer.tlog import Checkpoint, append, open_note, sign_note
from remembrancer.tlog.tree import audit

BASE = hashlib.sha256(log.ORIGIN.encode()).hexdigest()


class Source:
    """A log in memory, of the entries that it is given."""

    def __init__(self, count: int, branch: str = "") -> None:
        growth = append(lambda _: b"", 0, log.entries(count, branch))
        self.files = dict(growth.files)
        self.data: bytes | None = sign_note(Checkpoint(log.ORIGIN, growth.size, growth.root).format(), [log.KEY])

    def note(self) -> bytes | None:
        return self.data

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]


def run(source: Source, place: Place) -> Mirrored:
    return mirror(source, "there", log.LOGS, place)


def check(folder: Path, sizes: set[int]) -> int:
    """Check that what lies there is a whole log of one of these sizes, for whoever reads it; returns the size."""
    base = folder / BASE
    checkpoint = Checkpoint.parse(open_note((base / "checkpoint").read_bytes(), [log.KEY.verifier()]).text)

    def read(path: str) -> bytes:
        return (base / path).read_bytes()

    found = audit(read, checkpoint.size)
    assert (found.root, found.problems) == (checkpoint.root, [])
    assert checkpoint.size in sizes
    return checkpoint.size


def test_it_follows_a_log_that_grows(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    probe(place, "there")
    assert [path.name for path in tmp_path.iterdir()] in ([], [".lock"])
    before = 0
    for size in (0, 1, 2, 255, 256, 257, 700, 66_000):
        done = run(Source(size), place)
        assert done[:3] == (log.ORIGIN, before, size)
        assert check(tmp_path, {size}) == size
        assert run(Source(size), place) == (log.ORIGIN, size, size, 0)
        before = size


class Dying:
    """A folder whose process is killed at its n-th write."""

    def __init__(self, folder: Path, left: int) -> None:
        self._folder, self._left = Folder(folder), left
        self.read, self.remove = self._folder.read, self._folder.remove

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt

    def create(self, path: str, data: bytes) -> bool:
        self._count()
        return self._folder.create(path, data)

    def replace(self, path: str, data: bytes, mark: object) -> bool:
        self._count()
        return self._folder.replace(path, data, mark)


def test_killed_at_any_write_it_is_a_valid_prefix_and_can_be_continued(tmp_path: Path) -> None:
    run(Source(200), Folder(tmp_path / "whole"))
    writes = run(Source(700), Folder(tmp_path / "whole")).files + 1
    assert writes > 6
    for number in range(writes + 1):
        folder = tmp_path / str(number)
        run(Source(200), Folder(folder))
        if number < writes:
            with pytest.raises(KeyboardInterrupt):
                run(Source(700), Dying(folder, number))
        else:
            run(Source(700), Dying(folder, number))
        assert check(folder, {200, 700}) == (700 if number == writes else 200)
        run(Source(701), Folder(folder))
        check(folder, {701})


def test_it_never_goes_backwards_and_follows_no_fork(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    run(Source(300), place)
    for source, code in (
        (Source(299), "log.rollback"),
        (Source(300, "x"), "log.split-view"),
        (Source(900, "x"), "log.split-view"),
    ):
        with pytest.raises(RemembrancerError) as caught:
            run(source, place)
        assert caught.value.code == code
        check(tmp_path, {300})
    kept = list((tmp_path / BASE / "evidence").iterdir())
    assert len(kept) == 2
    assert {judge(parse(path.read_bytes()), [log.KEY.verifier()]).size for path in kept} == {300}


def damage(change: Callable[[Source], None]) -> Source:
    source = Source(300)
    change(source)
    return source


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("log.missing", lambda source: vars(source).update(data=None)),
        ("log.checkpoint", lambda source: vars(source).update(data=b"garbage")),
        ("log.missing", lambda source: source.files.pop("tile/entries/000")),
        ("log.missing", lambda source: source.files.pop("tile/0/001.p/44")),
        ("log.tile", lambda source: source.files.update({"tile/entries/000": source.files["tile/entries/001.p/44"]})),
        ("log.tile", lambda source: source.files.update({"tile/entries/001.p/44": b"\0\1x" * 44})),
        ("log.tile", lambda source: source.files.update({"tile/0/000": bytes(256 * 32)})),
        ("log.tile", lambda source: source.files.update({"tile/1/000.p/1": bytes(32)})),
    ],
)
def test_nothing_is_copied_that_the_log_did_not_sign(
    tmp_path: Path, code: str, change: Callable[[Source], None]
) -> None:
    with pytest.raises(RemembrancerError) as caught:
        run(damage(change), Folder(tmp_path))
    assert caught.value.code == code
    assert not (tmp_path / BASE / "checkpoint").exists()
    run(Source(300), Folder(tmp_path))  # what was left behind does no harm
    check(tmp_path, {300})


def test_a_copy_that_somebody_else_wrote_into_is_refused(tmp_path: Path) -> None:
    run(Source(100), Folder(tmp_path))
    (tmp_path / BASE / "tile/0/000.p").mkdir(exist_ok=True)
    (tmp_path / BASE / "tile/0/000.p/101").write_bytes(b"other bytes")
    with pytest.raises(RemembrancerError, match="holds other bytes"):
        run(Source(101), Folder(tmp_path))
    check(tmp_path, {100})
    (tmp_path / BASE / "checkpoint").write_bytes(b"garbage")
    with pytest.raises(RemembrancerError, match="the copy of"):
        run(Source(101), Folder(tmp_path))


def test_a_log_without_a_key_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(RemembrancerError) as caught:
        mirror(Source(1), "there", {"other": Log("other", (log.KEY.verifier(),))}, Folder(tmp_path))
    assert caught.value.code == "log.origin"


def test_twenty_mirrors_at_once_never_lower_the_copy(tmp_path: Path) -> None:
    codes: list[str] = []

    def race(size: int) -> None:
        try:
            run(Source(size), Folder(tmp_path))
        except RemembrancerError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=race, args=[size]) for size in range(250, 270)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(codes) <= {"log.rollback", "env.lock"}
    run(Source(270), Folder(tmp_path))
    check(tmp_path, {270})


class Busy(Folder):
    def replace(self, path: str, data: bytes, mark: object) -> bool:
        return False


class Careless(Folder):
    """A store that takes conditions and ignores them, as s3rver does."""

    def __init__(self, folder: Path, ignored: str) -> None:
        super().__init__(folder)
        self._ignored = ignored

    def create(self, path: str, data: bytes) -> bool:
        return super().create(path, data) or (self._ignored == "create" and self._over(path, data))

    def replace(self, path: str, data: bytes, mark: object) -> bool:
        return super().replace(path, data, mark) or (self._ignored == "replace" and self._over(path, data))

    def read(self, path: str) -> Held | None:
        return None if self._ignored == "read" else super().read(path)

    def _over(self, path: str, data: bytes) -> bool:
        (self.folder / path).write_bytes(data)
        return True


@pytest.mark.parametrize("ignored", ["create", "replace", "read"])
def test_a_store_that_ignores_conditions_is_refused_at_the_start(tmp_path: Path, ignored: str) -> None:
    with pytest.raises(EnvironmentTrouble) as caught:
        probe(Careless(tmp_path, ignored), "s3://careless")
    assert caught.value.code == "mirror.conditions"
    assert "s3://careless" in caught.value.message


def test_what_the_folder_cannot_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentTrouble, match="3 times"):
        run(Source(1), Busy(tmp_path))
    (tmp_path / "file").touch()
    place = Folder(tmp_path / "file")
    with pytest.raises(EnvironmentTrouble, match="cannot write"):
        place.create("a/b", b"")
    with pytest.raises(EnvironmentTrouble, match="cannot write"):
        place.replace("a/b", b"", None)
    with pytest.raises(EnvironmentTrouble, match="cannot read"):
        place.read("a")


def test_an_object_that_is_larger_than_what_is_read_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its bytes are asked for: an object store may hold anything."""
    taken: list[int] = []

    class Found:
        def __init__(self, size: int) -> None:
            self.meta = {"size": size, "e_tag": "1"}

        def bytes(self) -> bytes:
            taken.append(self.meta["size"])  # type: ignore[arg-type]
            return b"x" * self.meta["size"]  # type: ignore[operator]

    class Store:
        @staticmethod
        def from_url(_url: str, **_more: object) -> "Store":
            return Store()

        def get(self, path: str) -> Found:
            return Found(int(path))

    errors = SimpleNamespace(NotFoundError=KeyError, BaseError=RuntimeError)
    monkeypatch.setattr("aurora.mirror.objects._library", lambda: (errors, Store))
    place = Objects("memory://")
    assert place.read("10", 10) == (b"x" * 10, {"e_tag": "1"})
    for path, most in (("11", 10), (str(MAX_FILE + 1), MAX_FILE)):
        with pytest.raises(RemembrancerError, match=f"{path} in the object store has more than {most} bytes") as caught:
            place.read(path, most)
        assert caught.value.code == "env.io"
    assert taken == [10]
