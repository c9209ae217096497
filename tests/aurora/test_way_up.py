"""An artifact's proof file carries the way up to a log of logs, and everything else that it might carry is refused."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import witness_support as witness
from aurora import logs as known
from aurora import orglog
from aurora.cli.main import main
from cli_support import ARTIFACT, end_agents, owner, released
from git_log_support import Team
from remembrancer.errors import BadInput, RemembrancerError
from remembrancer.ledger.files import LedgerFiles
from remembrancer.paths import CHECKPOINT, LEDGER
from remembrancer.tlog import InclusionBundle, SignerKey, VerifierKey, cosign, sign_note
from remembrancer.tlog.note import add_signature
from remembrancer.verify import Above, attach_above, climb, parse_portable

ORG = SignerKey.from_seed("log.example/all", bytes(range(1, 33)))
OTHER = SignerKey.from_seed("log.example/another", bytes(range(2, 34)))
Document = dict[str, Any]


class World:
    """A released artifact with its proof file, another team, and the log of logs that holds checkpoints of both."""

    def __init__(self, folder: Path) -> None:
        self.scratch, self.folder, self.org = released(), folder, folder / "org"
        self.team = Team(folder / "team", "log.example/team")
        self.team.grow(9)
        self.scratch.ok("export-proof", ARTIFACT)
        self.proof = self.scratch.root / f"{ARTIFACT}.proof.json"
        policy = (self.scratch.root / "ops/trust/policy.toml").read_text()
        key = next(line.split('"')[1] for line in policy.splitlines() if line.startswith("key = ") and "+" in line)
        self.origin = VerifierKey.parse(key).name
        self.logs = folder / "logs"
        self.logs.write_text(f"log {key} {self.scratch.root}\nlog {self.team.vkey} {self.team.remote}\n")
        self.org.mkdir()
        self.update()

    def update(self) -> None:
        sources = {"ours": LedgerFiles(self.scratch.root), "team": LedgerFiles(self.team.work)}
        assert not orglog.update(self.org, ORG, known.read(self.logs), sources).failed

    def prove(self, *more: str) -> int:
        words = ["log", "prove", self.origin, "--root", str(self.org), "--logs", str(self.logs)]
        return main([*words, "--into", str(self.proof), *more])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("way-up"))
    yield made
    end_agents(made.scratch)
    made.scratch.remove()


@pytest.fixture(scope="module")
def carried(world: World) -> bytes:
    """The proof file with a way up of its own size."""
    assert world.prove() == 0
    return world.proof.read_bytes()


def verify(file: Path, *more: str) -> int:
    return main(["log", "verify", str(file), "--key", str(ORG.verifier()), *more])


def test_the_way_up_leads_from_the_artifact_to_the_log_s_key(
    world: World, carried: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(world.proof) == 0
    assert f"is in {ORG.name} at size 2" in capsys.readouterr().out
    # who does not know the log of logs verifies as before, and who has the proof without the way up too
    assert world.scratch.run("verify-proof", f"{ARTIFACT}.proof.json", "--trust", owner(world.scratch)).status == 0
    assert json.loads(carried).keys() - {"above"} == {
        "schema", "artifact", "checkpoint", "receipts", "blobs", "stamps"
    }  # fmt: skip
    assert world.prove() == 0
    assert world.proof.read_bytes() == carried


def test_a_checkpoint_that_has_grown_since_is_reached_by_its_tiles(world: World, tmp_path: Path) -> None:
    copied = world.scratch.copy()
    words = ["--component", "my-svc", "--to", "0.1.0", "--environment", "staging", "--reason", "x"]
    copied.ok("record", "rollback", *words)
    copied.commit("rolled back")
    grown, org = tmp_path / "grown", tmp_path / "org"
    org.mkdir()
    logs = world.logs.read_text().replace(str(world.scratch.root), str(copied.root))
    grown.write_text(logs)
    orglog.update(org, ORG, known.read(grown), {"ours": LedgerFiles(copied.root)})
    file = tmp_path / "proof.json"
    shutil.copy(world.proof, file)
    assert main(["log", "prove", world.origin, "--root", str(org), "--logs", str(grown), "--into", str(file)]) == 0
    found = json.loads(file.read_bytes())
    assert found["above"]["consistency"]
    assert verify(file) == 0
    found["above"]["consistency"].pop()
    file.write_text(json.dumps(found))
    assert verify(file) == 1
    # the log of logs looked before the release was sealed: nothing to lead to yet
    assert main(["log", "prove", world.origin, "--root", str(org), "--logs", str(grown), "--into", str(file)]) == 0
    copied.ok("export-proof", ARTIFACT)
    newest = copied.root / f"{ARTIFACT}.proof.json"
    assert (
        main(["log", "prove", world.origin, "--root", str(world.org), "--logs", str(grown), "--into", str(newest)]) == 1
    )
    grown.write_text(logs.replace(f" {copied.root}", ""))
    assert main(["log", "prove", world.origin, "--root", str(org), "--logs", str(grown), "--into", str(file)]) == 2
    end_agents(copied)
    copied.remove()


def other_log(found: Document, world: World) -> None:
    """The way up of another team's log, true in itself."""
    leaf, bundle = orglog.prove(world.org, known.read(world.logs), world.team.key.name)
    found["above"] |= {"checkpoint": leaf.note.decode(), "proof": bundle.format().decode()}


def other_tree(found: Document, world: World) -> None:
    """An entry of the same origin and size, with another root."""
    lines = found["above"]["checkpoint"].split("\n")
    lines[2] = witness.note(3).decode().split("\n")[2]
    found["above"]["checkpoint"] = "\n".join(lines)


def other_upper(found: Document, world: World) -> None:
    """A log of logs that somebody else signs."""
    with_name = world.folder / "another"
    if not with_name.exists():
        with_name.mkdir()
        orglog.update(with_name, OTHER, known.read(world.logs), {"ours": LedgerFiles(world.scratch.root)})
    _, bundle = orglog.prove(with_name, known.read(world.logs), world.origin)
    found["above"]["proof"] = bundle.format().decode()


def same_name(found: Document, world: World) -> None:
    """The upper checkpoint's text under a stranger's key of the same name."""
    head, _, note = found["above"]["proof"].partition("\n\n")
    stranger = SignerKey.from_seed(ORG.name, bytes(32))
    text = note.partition("\n\n")[0] + "\n"
    found["above"]["proof"] = f"{head}\n\n{sign_note(text, [stranger]).decode()}"


def older(found: Document, world: World) -> None:
    lines = found["above"]["checkpoint"].split("\n")
    lines[1] = "1"
    found["above"]["checkpoint"] = "\n".join(lines)


def other_entry(found: Document, world: World) -> None:
    """One byte more than what was entered."""
    found["above"]["checkpoint"] += "— log.example/x AAAAAAAAAAAA\n"


def truncated(found: Document, world: World) -> None:
    head, _, note = found["above"]["proof"].partition("\n\n")
    found["above"]["proof"] = head.rpartition("\n")[0] + "\n\n" + note


def no_note(found: Document, world: World) -> None:
    found["above"]["checkpoint"] = found["above"]["checkpoint"][:20]


def no_way(found: Document, world: World) -> None:
    del found["above"]


def foreign_receipt(found: Document, world: World) -> None:
    """The receipts are of another tree than the one that the way leads up from."""
    receipt = found["receipts"][0]["receipt"]
    found["receipts"][0]["receipt"] = re.sub(r'"environment": "[^"]*"', '"environment": "nowhere"', receipt)


def no_receipts(found: Document, world: World) -> None:
    found["receipts"] = []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_log, "log.origin"),
        (other_tree, "log.split-view"),
        (other_upper, "log.checkpoint"),
        (same_name, "log.checkpoint"),
        (older, "log.rollback"),
        (other_entry, "log.not-included"),
        (truncated, "log.not-included"),
        (no_note, "log.checkpoint"),
        (no_way, "log.not-included"),
        (foreign_receipt, "log.not-included"),
        (no_receipts, "log.not-included"),
    ],
)
def test_another_way_is_refused(
    world: World, carried: bytes, change: Callable[[Document, World], None], code: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    found = json.loads(carried)
    change(found, world)
    assert json.dumps(found) != json.dumps(json.loads(carried))
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(found, ensure_ascii=False))
    assert verify(file) == 1
    assert f"[{code}]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "above",
    [
        None,
        [],
        {},
        {"checkpoint": "x", "consistency": [], "proof": "", "more": 1},
        {"checkpoint": 1, "consistency": [], "proof": ""},
        {"checkpoint": "x", "consistency": ["?"], "proof": ""},
        {"checkpoint": "x", "consistency": [], "proof": "c2sp.org/tlog-proof@v1\n"},
        {"checkpoint": "x", "consistency": [], "proof": "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nx"},
    ],
)
def test_a_malformed_way_up_is_refused_by_everybody_who_reads_the_file(carried: bytes, above: object) -> None:
    with pytest.raises(BadInput) as caught:
        parse_portable(json.dumps(json.loads(carried) | {"above": above}).encode())
    assert caught.value.code == "proof.malformed"


def test_witnesses_that_are_asked_for_must_have_cosigned(world: World, carried: bytes, tmp_path: Path) -> None:
    here = tmp_path / "proof.json"
    here.write_bytes(carried)
    key = witness.WITNESS[0]
    vkey = str(key.verifier())
    assert verify(here, "--witness", vkey) == 1
    above = parse_portable(carried).above
    assert above is not None
    note = above.proof.checkpoint_note
    text = note.decode().partition("\n\n")[0] + "\n"
    longer = add_signature(note, cosign(text, key, 1_800_000_000))
    proof = InclusionBundle(above.proof.index, above.proof.proof, longer)
    here.write_bytes(attach_above(carried, Above(above.checkpoint, above.consistency, proof)))
    assert verify(here, "--witness", vkey) == 0
    assert [one.name for one in climb(parse_portable(here.read_bytes()), [ORG.verifier(), key.verifier()])
            .upper.cosignatures] == [key.name]  # fmt: skip


def test_the_commands_say_what_they_lack(
    world: World, carried: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "verify", str(world.proof)]) == 3
    assert "[evidence.no-key]" in capsys.readouterr().err
    assert main(["log", "verify", str(world.proof), "--key", "x"]) == 2
    assert main(["log", "verify", str(tmp_path / "none"), "--key", str(ORG.verifier())]) == 2
    assert world.prove("--to", str(tmp_path / "both")) == 2
    words = ["log", "prove", "log.example/nobody", "--root", str(world.org), "--logs", str(world.logs)]
    assert main([*words, "--into", str(world.proof)]) == 2
    words[2] = world.team.key.name
    assert main([*words, "--into", str(world.proof)]) == 1
    assert "[log.origin]" in capsys.readouterr().err
    words[2], words[4] = world.origin, str(tmp_path)
    assert main([*words, "--into", str(world.proof)]) == 1
    assert world.proof.read_bytes() == carried


def test_a_log_of_logs_with_foreign_tiles_proves_nothing(world: World, carried: bytes, tmp_path: Path) -> None:
    org = tmp_path / "org"
    shutil.copytree(world.org, org)
    log = known.read(world.logs)[world.origin]
    tile = next((org / LEDGER / "tile/0").rglob("2"))
    tile.write_bytes(bytes(64))
    with pytest.raises(RemembrancerError) as caught:
        orglog.above(org, log, carried, LedgerFiles)  # type: ignore[arg-type]
    assert caught.value.code == "log.tile"
    assert (org / CHECKPOINT).exists()


def test_a_wrong_key_and_a_file_without_the_way_up_say_what_to_do(
    world: World, carried: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(carried)
    assert main(["log", "verify", str(file), "--key", str(OTHER.verifier())]) == 1
    assert f"[log.checkpoint]\n  Compare --key with the verifier key that the operator of {ORG.name}" in (
        capsys.readouterr().err
    )
    document = json.loads(carried)
    del document["above"]
    file.write_text(json.dumps(document))
    assert verify(file) == 1
    assert "[log.not-included]\n  Ask who gave you the file for one with it:" in capsys.readouterr().err
