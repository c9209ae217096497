"""A log of logs: every leaf was checked against the one before, and a forked repository stays out, by name."""

import json
from pathlib import Path

import pytest

import witness_support as log
from aurora import logs as known
from aurora import orglog
from aurora.cli.main import main
from aurora.evidence import judge, parse
from git_log_support import Team
from remembrancer.errors import RemembrancerError
from remembrancer.ledger.files import LedgerFiles
from remembrancer.paths import LEDGER
from remembrancer.tlog import InclusionBundle, SignerKey, VerifierKey, leaf_hash
from remembrancer.tlog.tree import audit

ORG = SignerKey.from_seed("log.example/all", bytes(range(1, 33)))


@pytest.fixture
def teams(tmp_path: Path) -> dict[str, Team]:
    made = {name: Team(tmp_path / name, f"log.example/{name}") for name in ("one", "two")}
    for name, team in made.items():
        team.grow(3, name)
    return made


@pytest.fixture
def logs(tmp_path: Path, teams: dict[str, Team]) -> Path:
    path = tmp_path / "logs"
    path.write_text("".join(f"log {team.vkey} {team.remote}\n" for team in teams.values()))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "org").mkdir()
    (tmp_path / "org.key").write_text(ORG.encode() + "\n")
    (tmp_path / "org.key").chmod(0o600)
    return tmp_path / "org"


def update(root: Path, logs: Path, *more: str) -> int:
    words = ["log", "update", "--root", str(root), "--logs", str(logs), "--key", str(root.parent / "org.key"), *more]
    return main([*words, "--format", "json"])


def size(root: Path) -> int:
    """Return the size of a log that is whole."""
    files = LedgerFiles(root)
    here = files.claimed()
    assert here is not None
    found = audit(files.read, here.size)
    assert (found.root, found.problems) == (here.root, [])
    return here.size


def test_every_repository_is_entered_when_it_has_grown(
    root: Path, logs: Path, teams: dict[str, Team], capsys: pytest.CaptureFixture[str]
) -> None:
    assert update(root, logs) == 0
    assert [one["leaf"] for one in json.loads(capsys.readouterr().out)["repositories"]] == [0, 1]
    assert update(root, logs) == 0
    assert [one["leaf"] for one in json.loads(capsys.readouterr().out)["repositories"]] == [None, None]
    teams["two"].grow(300, "two")
    assert update(root, logs) == 0
    assert json.loads(capsys.readouterr().out)["size"] == size(root) == 3


def test_a_fork_is_refused_and_named_and_the_others_go_on(
    root: Path, logs: Path, teams: dict[str, Team], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    update(root, logs)
    capsys.readouterr()
    teams["one"].grow(5, "one")
    teams["two"].grow(7, "forked")
    assert update(root, logs, "--evidence", str(tmp_path / "evidence")) == 1
    entered, failed = json.loads(capsys.readouterr().out)["repositories"][-2:]
    assert (entered["leaf"], failed["code"]) == (2, "log.split-view")
    assert "log.example/two forked" in failed["message"]
    assert size(root) == 3
    (kept,) = (tmp_path / "evidence").iterdir()
    assert judge(parse(kept.read_bytes()), [VerifierKey.parse(teams["two"].vkey)]).origin == "log.example/two"
    teams["two"].grow(2, "two")
    assert main(["log", "update", "--root", str(root), "--logs", str(logs), "--key", str(tmp_path / "org.key")]) == 1
    shown = capsys.readouterr().out
    assert "log.example/two has size 2, but size 3 was seen before [log.rollback]" in shown
    assert "log.example/one: unchanged at size 5" in shown
    assert size(root) == 3
    teams["one"].remote.rename(tmp_path / "gone")
    teams["two"].grow(4, "two")
    assert update(root, logs) == 4
    assert size(root) == 4


def test_a_proof_leads_from_a_repository_up_to_the_log(
    root: Path, logs: Path, teams: dict[str, Team], tmp_path: Path
) -> None:
    update(root, logs)
    words = ["log", "prove", "log.example/two", "--root", str(root), "--logs", str(logs), "--to", str(tmp_path / "two")]
    assert main(words) == 0
    leaf = (tmp_path / "two.checkpoint").read_bytes()
    assert leaf == teams["two"].checkpoint.read_bytes()
    bundle = InclusionBundle.parse((tmp_path / "two.tlog-proof").read_bytes())
    assert bundle.verify(leaf_hash(leaf), [ORG.verifier()], ORG.name).checkpoint.size == 2
    logs.write_text(logs.read_text() + f"log {log.KEY.verifier()}\n")
    assert main([*words[:2], log.ORIGIN, *words[3:]]) == 1
    next((root / LEDGER / "tile/entries").rglob("2")).unlink()
    assert main(words) == 1
    assert main([*words[:3], "--root", str(tmp_path), *words[5:]]) == 1


def test_a_log_of_logs_that_does_not_hold_grows_no_more(root: Path, logs: Path, teams: dict[str, Team]) -> None:
    listed = known.read(logs)
    update(root, logs)
    teams["one"].grow(4, "one")
    sources = {"one": LedgerFiles(teams["one"].work)}
    other = SignerKey.from_seed("log.example/other", bytes(32))
    stranger = SignerKey.from_seed(ORG.name, bytes(32))
    note = (root / LEDGER / "checkpoint").read_bytes()

    def refused(code: str, key: SignerKey = ORG) -> None:
        with pytest.raises(RemembrancerError) as caught:
            orglog.update(root, key, listed, sources)
        assert caught.value.code == code, caught.value

    refused("log.origin", other)
    refused("log.checkpoint", stranger)
    tile = next((root / LEDGER / "tile/0").rglob("2"))
    right = tile.read_bytes()
    tile.write_bytes(bytes(64))
    refused("log.tile")
    tile.unlink()
    refused("log.missing")
    tile.write_bytes(right)
    (root / LEDGER / "checkpoint").unlink()
    refused("log.missing")
    (root / LEDGER / "checkpoint").write_bytes(note)
    assert orglog.update(root, ORG, listed, sources).size == size(root) == 3


def test_the_command_says_what_it_lacks(
    root: Path, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["log", "key", "--origin", "two words", "--to", str(tmp_path / "k")]) == 2
    assert main(["log", "key", "--origin", "log.example/new", "--to", str(tmp_path / "k")]) == 0
    assert capsys.readouterr().out.startswith("log.example/new+")
    monkeypatch.delenv("AURORA_LOG_KEY", raising=False)
    words = ["log", "update", "--root", str(root), "--logs", str(logs)]
    assert main(words) == 2
    monkeypatch.setenv("AURORA_LOG_KEY", log.WITNESS[0].encode())
    assert main(words) == 2
    monkeypatch.setenv("AURORA_LOG_KEY", ORG.encode())
    assert main([*words[:3], str(tmp_path / "nowhere"), *words[4:]]) == 2
    assert main(words) == 0
    logs.write_text(f"log {log.KEY.verifier()}\n")
    assert main(words) == 2
