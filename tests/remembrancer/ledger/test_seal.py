"""Sealing: what goes into the log, in which order, under which signature, and what is refused."""

from hashlib import sha256
from pathlib import Path

import pytest

from ledger_world import ORIGIN, World, deploy, sha, signed, signer, waiver
from receipt_samples import SAMPLES
from remembrancer.errors import EnvironmentTrouble, Refused, Rejected
from remembrancer.findings import Outcome
from remembrancer.receipt.statement import Receipt, build
from remembrancer.tlog.merkle import EMPTY_ROOT, leaf_hash, verify_inclusion
from remembrancer.tlog.note import SignerKey, open_checkpoint


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "repo")


def test_what_was_recorded_here_is_sealed_in_the_order_of_its_digest(world: World) -> None:
    receipts = [waiver(str(number)) for number in range(20)]
    paths = world.record(*receipts)
    result = world.seal()
    order = sorted(receipts, key=lambda data: sha256(data).digest())
    assert world.sealed() == order
    assert result.size == 20
    assert [path.read_bytes() for path in result.sealed] == order
    assert set(result.sealed) == set(paths)
    assert (result.refused, result.held, result.late) == ((), (), ())
    assert result.note == world.ledger.checkpoint()
    world.sound()


def test_nothing_to_seal_changes_nothing(world: World) -> None:
    empty = world.seal()
    assert (empty.size, empty.root, empty.note, empty.sealed) == (0, EMPTY_ROOT, b"", ())
    assert world.ledger.checkpoint() is None
    world.record(waiver("x"))
    world.seal()
    before = world.everything()
    again = world.seal()
    assert (again.size, again.sealed) == (1, ())
    assert world.everything() == before


def test_every_size_over_two_tiles_is_a_sound_log(world: World) -> None:
    number = 0
    for step in [1, 1, 1, 250, 2, 1, 1, 255, 1, 300]:
        world.record_quickly(*(waiver(str(index)) for index in range(number, number + step)))
        number += step
        assert world.seal().size == number
    world.sound()
    tree = world.ledger.tree()
    for data in (waiver("0"), waiver("255"), waiver(str(number - 1))):
        index = world.ledger.index_of(data)
        assert index is not None
        verify_inclusion(leaf_hash(data), index, tree.size, tree.inclusion_proof(index), tree.root())
    assert world.ledger.index_of(waiver("never")) is None


def test_superseded_partial_tiles_are_deleted(world: World) -> None:
    for number in range(3):
        world.record(waiver(str(number)))
        world.seal()
    tiles = sorted(name for name in world.files() if name.startswith("tile/"))
    assert tiles == ["tile/0/000.p/3", "tile/entries/000.p/3"]


def test_only_what_is_committed_or_recorded_here_is_sealed(world: World) -> None:
    world.record(waiver("recorded"))
    world.commit()
    planted = world.plant(deploy("0.1.0"), "deploy/my-svc-0.1.0.receipt")
    assert world.seal().size == 1
    assert planted not in world.ledger.pending()
    assert world.ledger.uncommitted() == [planted]
    world.commit()
    assert world.ledger.pending() == [planted]
    assert world.seal().size == 2
    world.sound()


def test_a_caller_can_name_what_it_has_just_written(world: World) -> None:
    planted = world.plant(waiver("x"), world.names(world.record(waiver("x")))[0])
    (world.store.receipts_dir / ".local" / "written").unlink()
    assert world.seal().size == 0
    assert world.seal(written=[planted]).sealed == (planted,)


def test_without_git_everything_on_disk_counts(tmp_path: Path) -> None:
    world = World(tmp_path / "plain", git=False)
    planted = world.plant(deploy("0.1.0"), "deploy/my-svc-0.1.0.receipt")
    assert world.ledger.pending() == [planted]
    assert world.seal().sealed == (planted,)
    assert world.ledger.pending() == []
    world.record(waiver("x"))
    assert world.seal().size == 2
    world.sound()


def blob_less(world: World) -> bytes:
    return signed(sha("never written"))


def spoiled_blob(world: World) -> bytes:
    digest = world.store.write_blob(b"proof")
    world.store.blob_path(digest).write_bytes(b"other")
    return signed(digest)


@pytest.mark.parametrize(
    ("make", "path", "code"),
    [
        (lambda world: b"{}\n", "waiver/00/x.receipt", "receipt.malformed"),
        (lambda world: b" " * 70_000, "waiver/00/x.receipt", "receipt.size"),
        (lambda world: waiver("x"), "waiver/00/x.receipt", "receipt.path"),
        (lambda world: deploy("0.1.0"), "deploy/my-svc-0.2.0.receipt", "receipt.path"),
        (blob_less, None, "blob.missing"),
        (spoiled_blob, None, "blob.mismatch"),
    ],
)
def test_a_bad_receipt_is_refused_by_name_and_the_others_are_sealed(world: World, make, path, code) -> None:
    data = make(world)
    [planted] = world.record(data) if path is None else [world.plant(data, path)]
    good = world.record(waiver("good"))
    world.commit()
    result = world.seal()
    assert list(result.sealed) == good
    [finding] = result.refused
    assert (finding.code, finding.outcome) == (code, Outcome.FAILED)
    assert finding.subject == f"ops/receipts/{world.names([planted])[0]}"
    assert world.ledger.pending() == [planted]
    assert [one.code for one in world.seal().refused] == [code]
    assert world.sealed() == [waiver("good")]


def test_a_refused_receipt_is_sealed_once_its_blob_is_there(world: World) -> None:
    world.record(signed(sha("late proof")))
    world.commit()
    assert world.seal().refused
    world.store.write_blob(b"late proof")
    result = world.seal()
    assert result.size == 1
    assert not result.refused
    assert world.ledger.pending() == []


def test_a_link_is_refused_by_name(world: World, tmp_path: Path) -> None:
    target = tmp_path / "outside"
    target.write_bytes(deploy("0.1.0"))
    link = world.store.receipts_dir / "deploy" / "my-svc-0.1.0.receipt"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    world.commit()
    [finding] = world.seal().refused
    assert finding.code == "input.file"


def test_a_receipt_edited_after_its_commit_is_refused(world: World) -> None:
    [path] = world.record(deploy("0.1.0"))
    world.commit()
    path.write_bytes(deploy("0.1.0", content="other"))
    [finding] = world.seal().refused
    assert finding.code == "receipt.edited"
    path.write_bytes(deploy("0.1.0"))
    assert world.seal().size == 1


def test_a_version_that_is_sealed_cannot_be_sealed_with_another_digest(world: World) -> None:
    [path] = world.record(deploy("0.1.0"))
    world.seal()
    world.commit()
    path.write_bytes(deploy("0.1.0", content="other"))
    world.commit()
    [finding] = world.seal().refused
    assert (finding.code, finding.subject) == ("receipt.conflict", "ops/receipts/deploy/my-svc-0.1.0.receipt")
    assert world.sealed() == [deploy("0.1.0")]


def test_a_sealed_file_name_is_taken_for_good(world: World) -> None:
    [path] = world.record(deploy("c", component="a-b"))
    world.seal()
    path.write_bytes(deploy("b-c", component="a"))
    world.commit()
    [finding] = world.seal().refused
    assert finding.code == "receipt.name-clash"
    assert "a-b c" in finding.message


def test_an_update_with_open_conflicts_waits(world: World) -> None:
    subject, predicate = SAMPLES["update"]
    manifest = world.store.write_blob(b"{}\n")
    predicate = {**predicate, "manifest": {**predicate["manifest"], "sha256": manifest}}
    subject = [("my-svc", manifest)]
    [open_one] = world.record(build("update", subject, {k: v for k, v in predicate.items() if k != "resolvedAt"}))
    result = world.seal()
    assert [(one.code, one.outcome) for one in result.held] == [("receipt.held", Outcome.UNVERIFIABLE)]
    assert result.size == 0
    open_one.unlink()
    world.record(build("update", subject, predicate))
    assert world.seal().size == 1


def test_the_caller_can_refuse_more(world: World) -> None:
    def check(receipt: Receipt) -> None:
        if receipt.predicate.get("reason") == "no":
            raise Rejected("sig.untrusted-key", "Nobody trusts this.")

    world.record(waiver("yes"), waiver("no"))
    result = world.seal(check=check)
    assert (result.size, [one.code for one in result.refused]) == (1, ["sig.untrusted-key"])


def test_another_key_of_another_origin_cannot_extend_the_log(world: World) -> None:
    world.record(waiver("a"))
    world.seal()
    world.record(waiver("b"))
    before = world.everything()
    with pytest.raises(Refused, match=ORIGIN) as caught:
        world.ledger.seal(SignerKey.generate("other.invalid/x"))
    assert caught.value.code == "log.origin"
    with pytest.raises(Rejected) as rejected:
        world.ledger.seal(signer(1))
    assert rejected.value.code == "log.checkpoint"
    assert world.everything() == before


def test_a_new_key_of_the_origin_takes_over_with_both_signatures(world: World) -> None:
    world.record(waiver("a"))
    world.seal()
    world.record(waiver("b"))
    both = world.ledger.seal([signer(), signer(1)])
    for one in (signer(), signer(1)):
        assert open_checkpoint(both.note, ORIGIN, [one.verifier()]).checkpoint.size == 2
    world.record(waiver("c"))
    assert world.ledger.seal(signer(1), trusted=[signer().verifier()]).size == 3
    assert len(world.sealed()) == 3


@pytest.mark.parametrize(
    "spoil", ["edited tile", "short tile", "no tile", "edited entries", "edited checkpoint", "junk"]
)
def test_a_damaged_ledger_is_not_extended(world: World, spoil: str) -> None:
    world.record(waiver("a"), waiver("b"))
    world.seal()
    world.record(waiver("c"))
    tile, bundle, note = (world.folder / name for name in ("tile/0/000.p/2", "tile/entries/000.p/2", "checkpoint"))
    if spoil == "edited tile":
        tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    elif spoil == "short tile":
        tile.write_bytes(tile.read_bytes()[:-1])
    elif spoil == "no tile":
        tile.unlink()
    elif spoil == "edited entries":
        bundle.write_bytes(bundle.read_bytes().replace(b"team", b"meat"))
    elif spoil == "edited checkpoint":
        note.write_bytes(note.read_bytes().replace(b"\n2\n", b"\n1\n"))
    else:
        note.write_bytes(b"\xff")
    before = world.everything()
    with pytest.raises(Rejected) as caught:
        world.seal()
    assert caught.value.code in {"log.tile", "log.missing", "log.checkpoint"}
    assert world.everything() == before


def test_a_deleted_checkpoint_does_not_begin_a_new_log(world: World) -> None:
    world.record(waiver("a"))
    world.seal()
    world.commit()
    (world.folder / "checkpoint").unlink()
    world.record(waiver("b"))
    with pytest.raises(Rejected) as caught:
        world.seal()
    assert caught.value.code == "log.missing"
    for path in sorted(world.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(Rejected) as caught:
        world.seal()
    assert caught.value.code == "log.missing"
    assert world.seal(begin=True).size == 2
    world.sound()


def test_an_edited_tile_that_is_full_stops_the_seal_that_needs_it(world: World) -> None:
    world.record_quickly(*(waiver(str(number)) for number in range(257)))
    world.seal()
    tile = world.folder / "tile/1/000.p/1"
    tile.write_bytes(bytes(32))
    world.record(waiver("more"))
    with pytest.raises(Rejected) as caught:
        world.seal()
    assert caught.value.code == "log.tile"


def test_every_authority_stamps_the_log_signed_bytes(world: World) -> None:
    world.record(waiver("a"))
    asked: list[bytes] = []

    def stamp(data: bytes) -> bytes:
        asked.append(data)
        return b"token"

    result = world.seal(stamps={"one": stamp, "two.example": stamp})
    assert result.late == ()
    assert asked == [result.note, result.note]
    files = world.files()
    assert files["timestamps/1.note"] == result.note
    assert files["timestamps/1.one.tsr"] == files["timestamps/1.two.example.tsr"] == b"token"
    world.seal(stamps={"one": stamp, "two.example": stamp})
    assert len(asked) == 2
    world.sound()


def test_an_authority_that_is_down_is_asked_again_by_the_next_seal(world: World) -> None:
    def down(data: bytes) -> bytes:
        raise EnvironmentTrouble("env.network", "Nobody answers.")

    world.record(waiver("a"))
    result = world.seal(stamps={"one": lambda data: b"token", "two": down})
    assert result.size == 1
    [late] = result.late
    assert (late.code, late.outcome) == ("time.pending", Outcome.UNVERIFIABLE)
    assert "two" in late.message
    assert "timestamps/1.two.tsr" not in world.files()
    again = world.seal(stamps={"one": lambda data: b"other", "two": lambda data: b"late"})
    assert again.late == ()
    assert world.files()["timestamps/1.one.tsr"] == b"token"
    assert world.files()["timestamps/1.two.tsr"] == b"late"


def test_cosignatures_do_not_change_what_is_stamped(world: World) -> None:
    world.record(waiver("a"))
    note = world.seal().note
    line = note.rstrip(b"\n").rsplit(b"\n", 1)[1].replace(ORIGIN.encode(), b"witness.invalid/w")
    (world.folder / "checkpoint").write_bytes(note + line + b"\n")
    asked: list[bytes] = []
    world.seal(stamps={"one": lambda data: asked.append(data) or b"token"})
    assert asked == [note]


@pytest.mark.parametrize("name", ["../x", "", "A", "a/b", "a\n"])
def test_an_authority_cannot_write_elsewhere(world: World, name: str) -> None:
    world.record(waiver("a"))
    with pytest.raises(ValueError, match="authority's name"):
        world.seal(stamps={name: lambda data: b"token"})
    assert not any("tsr" in path for path in world.everything())
