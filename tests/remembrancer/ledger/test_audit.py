"""An audit notices every changed byte, names the file, and never crashes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ledger_world import World, deploy, signed, signer, waiver
from remembrancer.errors import RemembrancerError
from remembrancer.ledger import audit as audit_module
from remembrancer.ledger.audit import AuditResult
from remembrancer.reasons import REASONS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.merkle import root as merkle_root
from remembrancer.tlog.note import sign_note
from remembrancer.tlog.tree import append


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A deploy, its signature with its blob, and a stamped checkpoint; then one more receipt."""
    made = World(tmp_path / "repo", git=False)
    digest = made.store.write_blob(b"signature")
    made.record(deploy("0.1.0"), signed(digest))
    made.seal(stamps={"one": lambda data: b"token"})
    made.record(waiver("x"))
    made.seal()
    return made


def noticed(world: World) -> list[str]:
    """Return the names of the files that something is wrong with, as an auditor with the log's key sees it."""
    try:
        entries = world.sealed()
    except (RemembrancerError, ValueError, AssertionError):
        entries = None
    if not entries:
        names = ["ops/receipts/ledger/checkpoint"]
        size = 3
    else:
        names, size = [], len(entries)
    result = world.ledger.audit(size)
    for finding in (*result.problems, *result.notices):
        assert finding.code in REASONS
        assert "\n" not in finding.message
    return names + [finding.subject for finding in result.problems]


def test_an_untouched_ledger_is_sound(world: World) -> None:
    world.sound()
    assert noticed(world) == []


def committed(world: World) -> dict[str, bytes]:
    """Return what a leaf or the log's signature commits to: all but the authority's response."""
    return {name: data for name, data in world.everything().items() if not name.endswith(".tsr")}


# The signature below a kept note is judged with the token over it (verify), not here where there is no key.
def test_every_flipped_byte_is_noticed_with_the_name_of_its_file(world: World) -> None:
    files = committed(world)
    assert len(files) == 8
    # An entry and the tile above it vouch for each other; which of the two was changed, only the root can say.
    twins = {"ledger/tile/0/000.p/3", "ledger/tile/entries/000.p/3"}
    for name, data in files.items():
        path = world.store.receipts_dir / name
        for position in range(len(data)):
            path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
            names = noticed(world)
            wanted = {f"ops/receipts/{one}" for one in (twins if name in twins else {name})}
            signature = name == "ledger/timestamps/2.note" and position >= data.index(b"\n\n")
            assert wanted & set(names) or signature, (name, position, names)
        path.write_bytes(data)
    assert noticed(world) == []


def test_every_deleted_emptied_or_cut_file_is_noticed(world: World) -> None:
    for name, data in committed(world).items():
        path = world.store.receipts_dir / name
        for spoiled in (None, b"", data[:-1], data + b"\n", data[1:]):
            path.unlink()
            if spoiled is not None:
                path.write_bytes(spoiled)
            ending = name == "ledger/timestamps/2.note" and spoiled in (data[:-1], data + b"\n")
            assert f"ops/receipts/{name}" in noticed(world) or ending, (name, spoiled)
            path.write_bytes(data)
    assert noticed(world) == []


def test_every_file_replaced_by_a_link_or_a_folder_is_noticed(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name, data in committed(world).items():
        path = world.store.receipts_dir / name
        copy.write_bytes(data)
        path.unlink()
        path.symlink_to(copy)
        assert f"ops/receipts/{name}" in noticed(world), name
        path.unlink()
        path.mkdir()
        assert f"ops/receipts/{name}" in noticed(world), name
        path.rmdir()
        path.write_bytes(data)
    assert noticed(world) == []


def codes(result: AuditResult) -> dict[str, str]:
    return {finding.subject.removeprefix("ops/receipts/"): finding.code for finding in result.problems}


def test_what_is_added_is_named(world: World) -> None:
    pending = world.plant(waiver("new"), relative_path(parse(waiver("new"))))
    world.plant(deploy("0.1.0"), "deploy/my-svc-0.9.0.receipt")
    world.plant(b"junk", "deploy/junk.receipt")
    world.plant(b"junk", "ledger/junk")
    world.plant(b"junk", "ledger/tile/9/junk")
    world.plant(b"junk", "ledger/timestamps/../timestamps/x.tsr")
    world.plant(b"junk", "deploy/notes.txt")
    world.plant(b"an image", "adr/picture.png")
    world.plant(b"about this folder", "README.md")
    for elsewhere in ("elsewhere/a.receipt", "a.receipt"):
        world.plant(deploy("0.1.0"), elsewhere)
    result = world.ledger.audit(3)
    assert codes(result) == {
        world.names([pending])[0]: "log.pending",
        "deploy/my-svc-0.9.0.receipt": "receipt.path",
        "deploy/junk.receipt": "receipt.malformed",
        "ledger/junk": "log.extra-file",
        "ledger/tile/9/junk": "log.extra-file",
        "ledger/timestamps/x.tsr": "log.extra-file",
        "deploy/notes.txt": "log.extra-file",
        "elsewhere/a.receipt": "receipt.path",
        "a.receipt": "receipt.path",
    }


def test_leftovers_that_nothing_depends_on_are_notices(world: World) -> None:
    blob = world.store.write_blob(b"nobody names this")
    tile, bundle = (world.files()[name] for name in ("tile/0/000.p/3", "tile/entries/000.p/3"))
    world.plant(tile[:64], "ledger/tile/0/000.p/2")
    world.plant(tile + bytes(32), "ledger/tile/0/000.p/4")
    world.plant(bundle, "ledger/tile/entries/000")
    world.plant(b"x", "ledger/timestamps/9.note")
    result = world.ledger.audit(3)
    assert result.problems == ()
    assert {finding.subject.removeprefix("ops/receipts/"): finding.code for finding in result.notices} == {
        f"blobs/{blob}": "blob.unreferenced",
        "ledger/tile/0/000.p/2": "log.leftover",
        "ledger/tile/0/000.p/4": "log.leftover",
        "ledger/tile/entries/000": "log.leftover",
        "ledger/timestamps/9.note": "log.leftover",
    }
    world.plant(bytes(64), "ledger/tile/0/000.p/2")
    assert codes(world.ledger.audit(3)) == {"ledger/tile/0/000.p/2": "log.tile"}


def test_a_blob_of_a_pending_receipt_is_not_unreferenced(world: World) -> None:
    world.record(signed(world.store.write_blob(b"more"), "y"))
    result = world.ledger.audit(3)
    assert [finding.code for finding in result.problems] == ["log.pending"]
    assert result.notices == ()


def rebuild(world: World, entries: list[bytes]) -> None:
    """Replace the log by another one that the same key signs."""
    for name in world.files():
        (world.folder / name).unlink()
    growth = append(lambda path: b"", 0, entries)
    for name, data in growth.files.items():
        world.plant(data, f"ledger/{name}")
    text = Checkpoint(signer().name, growth.size, growth.root).format()
    world.plant(sign_note(text, [signer()]), "ledger/checkpoint")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda entries: [*entries, entries[0]], "log.duplicate"),
        (lambda entries: entries[1:], "log.pending"),
        (lambda entries: [*entries, waiver("invented")], "receipt.missing"),
        (lambda entries: [*entries, b"{}\n"], "receipt.malformed"),
        (lambda entries: [*entries, b""], "receipt.malformed"),
        (lambda entries: [*entries, deploy("0.1.0", content="other")], "receipt.conflict"),
    ],
)
def test_a_validly_signed_log_that_contradicts_the_receipts(
    world: World, change: Callable[[list[bytes]], list[bytes]], code: str
) -> None:
    entries = change(world.sealed())
    rebuild(world, entries)
    assert world.sealed() == entries
    result = world.ledger.audit(len(entries))
    assert code in {finding.code for finding in result.problems}


def test_a_validly_signed_reordering_has_another_root(world: World) -> None:
    before = world.ledger.claimed()
    assert before is not None
    rebuild(world, world.sealed()[::-1])
    result = world.ledger.audit(3)
    assert result.problems == ()
    assert result.root != before.root


def kind_of(number: int, receipt: Receipt, _: Mapping[str, bytes]) -> tuple[int, str] | None:
    return (number, receipt.kind) if number % 2 else None


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_larger_ledger_in_one_or_more_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    monkeypatch.setattr(audit_module, "_CHUNK", 1)
    world = World(tmp_path / "repo", git=False)
    world.record_quickly(*(waiver(str(number)) for number in range(700)))
    world.seal()
    entries = world.sealed()
    seen: list[tuple[int, int]] = []
    result = world.ledger.audit(700, kind_of, jobs, lambda done, size: seen.append((done, size)))
    assert (result.problems, result.notices, result.root) == ((), (), merkle_root(entries))
    assert result.collected == [(number, "waiver") for number in range(1, 700, 2)]
    assert seen == [(256, 700), (512, 700), (700, 700)]
    lost = [world.store.receipts_dir / relative_path(parse(entry)) for entry in (entries[3], entries[400])]
    for path in lost:
        path.unlink()
    (world.folder / "tile/entries/001").unlink()
    result = world.ledger.audit(700, kind_of, jobs)
    found = codes(result)
    assert found.pop("ledger/tile/entries/001") == "log.missing"
    assert found.pop(world.names(lost)[0]) == "receipt.missing"
    assert set(found.values()) == {"log.pending"}
    assert len(found) == 255


def test_a_thoroughly_broken_ledger_does_not_fill_the_memory(tmp_path: Path) -> None:
    world = World(tmp_path / "repo", git=False)
    world.record_quickly(*(waiver(str(number)) for number in range(1200)))
    world.seal()
    for path in world.store.receipts():
        (world.store.receipts_dir / path).unlink()
    result = world.ledger.audit(1200)
    assert len(result.problems) == 1001
    assert result.problems[-1].message.startswith("And 200 more")
