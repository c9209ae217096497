"""Repositories that somebody made by hand: what is no file is not read, nothing is followed, nothing unfolds."""

import random
from pathlib import Path

import pytest

import witness_support as log
from aurora import gossip
from aurora.cli.main import main
from aurora.foreign.snapshot import Snapshot
from aurora.logs import Log
from aurora.mirror.copy import mirror
from aurora.mirror.place import Folder
from aurora.peers.listed import Peer
from aurora.peers.sync import fetched
from aurora.source import open_log
from fleet_world import tree_of
from git_log_support import Team, git
from remembrancer.errors import RemembrancerError
from remembrancer.paths import CHECKPOINT, LEDGER, RECEIPTS

LOGS = {log.ORIGIN: Log(log.ORIGIN, (log.KEY.verifier(),))}
NOWHERE = "a" * 40


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path / "team", log.ORIGIN)
    made.key, made.vkey = log.KEY, str(log.KEY.verifier())
    made.grow(3)
    return made


def blob(folder: Path, data: bytes) -> str:
    (folder / "raw").write_bytes(data)
    return git(folder, "hash-object", "-w", "raw")


def put(remote: Path, path: str, mode: str, oid: str) -> None:
    """Let the newest commit have an entry of this mode at a path, in the place of what is there."""
    head = git(remote, "rev-parse", "HEAD")
    *above, name = path.split("/")
    listed = git(remote, "ls-tree", "-r", "-t", head).splitlines()
    for depth in range(len(above), -1, -1):
        prefix = "".join(f"{one}/" for one in above[:depth])
        entries = [(mode, name, oid)]
        for row in listed:
            said, _, there = row.partition("\t")
            if there.startswith(prefix) and "/" not in (rest := there.removeprefix(prefix)) and rest != name:
                entries.append((said.split()[0].lstrip("0"), rest, said.split()[2]))
        oid = tree_of(remote, sorted(entries, key=lambda one: one[1] + "/" * (one[0] == "40000")))
        mode, name = "40000", above[depth - 1] if depth else ""
    git(remote, "update-ref", "HEAD", git(remote, "commit-tree", oid, "-p", head, "-m", "by hand"))


def code_of_copy(team: Team, tmp_path: Path) -> str:
    try:
        with Snapshot(str(team.remote)) as source:
            mirror(source, "theirs", LOGS, Folder(tmp_path / "copy"))
    except RemembrancerError as error:
        assert not list((tmp_path / "copy").glob("*/checkpoint"))
        return error.code
    return ""


@pytest.mark.parametrize("path", [CHECKPOINT, f"{LEDGER}/tile/0/000.p/3", f"{LEDGER}/tile/entries/000.p/3"])
@pytest.mark.parametrize("kind", ["link", "link-outside", "module", "folder"])
def test_what_is_no_regular_file_is_not_read(team: Team, tmp_path: Path, path: str, kind: str) -> None:
    """A link's text is not the file's either, even if it has the very bytes."""
    remote = team.remote
    right = git(remote, "rev-parse", f"HEAD:{path}")
    mode, oid = {
        "link": ("120000", right),
        "link-outside": ("120000", blob(remote, b"/etc/passwd")),
        "module": ("160000", NOWHERE),
        "folder": ("40000", tree_of(remote, [("100644", "x", right)])),
    }[kind]
    put(remote, path, mode, oid)
    assert code_of_copy(team, tmp_path) == "log.missing"


def test_a_link_above_a_file_is_not_followed(team: Team, tmp_path: Path) -> None:
    remote = team.remote
    git(remote, "update-ref", "refs/kept", "HEAD")
    put(remote, LEDGER, "120000", blob(remote, b"../elsewhere"))
    assert code_of_copy(team, tmp_path) == "log.missing"


def test_names_that_differ_in_case_are_two_names(team: Team, tmp_path: Path) -> None:
    put(team.remote, CHECKPOINT.upper(), "100644", blob(team.remote, b"another"))
    put(team.remote, f"{LEDGER}/CHECKPOINT", "100644", blob(team.remote, b"another"))
    assert code_of_copy(team, tmp_path) == ""


def test_one_name_twice_is_refused(team: Team, tmp_path: Path) -> None:
    right = git(team.remote, "rev-parse", f"HEAD:{CHECKPOINT}")
    twice = tree_of(team.remote, [("100644", "checkpoint", right), ("100644", "checkpoint", right)])
    put(team.remote, LEDGER, "40000", twice)
    assert code_of_copy(team, tmp_path) in ("fleet.tree", "env.git")


def test_a_file_without_end_is_refused_with_its_size(team: Team, tmp_path: Path) -> None:
    put(team.remote, CHECKPOINT, "100644", blob(team.remote, bytes(12 << 20)))
    assert code_of_copy(team, tmp_path) == "fleet.oversized"


def test_a_head_that_is_no_commit_is_refused(team: Team, tmp_path: Path) -> None:
    tree = git(team.remote, "rev-parse", "HEAD^{tree}")
    (team.remote / "raw").write_text(f"object {tree}\ntype tree\ntag odd\ntagger a <a@b> 1 +0000\n\nx\n")
    tag = git(team.remote, "hash-object", "-w", "-t", "tag", "raw")
    (team.remote / "HEAD").write_text(f"{tag}\n")
    assert code_of_copy(team, tmp_path) == "env.git"
    (team.remote / "HEAD").write_text("ref: refs/heads/../../../etc/passwd\n")
    assert code_of_copy(team, tmp_path) == "env.git"


def test_replacements_grafts_and_alternates_of_a_remote_change_nothing(team: Team, tmp_path: Path) -> None:
    remote = team.remote
    head, right = git(remote, "rev-parse", "HEAD"), git(remote, "rev-parse", f"HEAD:{CHECKPOINT}")
    git(remote, "replace", right, blob(remote, b"replaced"))
    (remote / "info").mkdir(exist_ok=True)
    (remote / "info/grafts").write_text(f"{head} {NOWHERE}\n")
    with Snapshot(str(remote)) as source:
        assert source.note() == team.checkpoint.read_bytes()
        assert source.commit == head
    (remote / "info/grafts").unlink()
    (remote / "objects/info/alternates").write_text(f"{tmp_path}/none\n")
    assert code_of_copy(team, tmp_path) == ""


def unfolding(folder: Path, names: int, deep: int) -> str:
    """Return a tree that is `names` to the power of `deep` files, in a few objects."""
    oid, mode = blob(folder, b"x"), "100644"
    for _ in range(deep):
        oid, mode = tree_of(folder, [(mode, f"n{number:03}", oid) for number in range(names)]), "40000"
    return oid


def test_a_tree_that_unfolds_says_nothing_and_is_not_taken_in(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(team.remote, f"{RECEIPTS}/peers", "40000", unfolding(team.remote, 100, 5))
    assert gossip.hear({"theirs": str(team.remote)}) == []
    words = ["--url", str(team.remote), "--trust", "0" * 40, "--root", str(tmp_path)]
    assert main(["peer", "add", "theirs", *words]) == 3
    assert "[fleet.oversized]" in capsys.readouterr().err


def test_one_file_under_many_names_does_not_fill_the_disk(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora.foreign.unpack.MOST_BYTES", 1 << 20)
    data = blob(team.remote, random.Random(1).randbytes(100_000))
    put(team.remote, f"{RECEIPTS}/x", "40000", tree_of(team.remote, [("100644", f"{n}", data) for n in range(10, 99)]))
    words = ["--url", str(team.remote), "--trust", "0" * 40, "--root", str(tmp_path)]
    assert main(["peer", "add", "theirs", *words]) == 3
    assert "[fleet.oversized]" in capsys.readouterr().err


def test_of_a_peer_nothing_runs_and_no_link_is_followed(team: Team, tmp_path: Path) -> None:
    remote = team.remote
    put(remote, ".gitattributes", "100644", blob(remote, b"* filter=evil diff=evil\n"))
    modules = blob(remote, b'[submodule "x"]\n\tpath = ops/trust/x\n\turl = --upload-pack=x\n')
    put(remote, ".gitmodules", "100644", modules)
    put(remote, "ops/trust/x", "160000", NOWHERE)
    put(remote, "ops/trust/policy.toml", "120000", blob(remote, b"/etc/passwd"))
    put(remote, f"{RECEIPTS}/deploy", "120000", blob(remote, b"../../.."))
    git(remote, "config", "filter.evil.smudge", f"touch {tmp_path}/ran")
    with fetched(Peer("theirs", str(remote), "0" * 40, log.ORIGIN)) as folder:
        links = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink()}
        assert links == {"ops/trust/policy.toml", f"{RECEIPTS}/deploy"}
        assert all(not (folder / one).exists() for one in links)
        assert not list((folder / "ops/trust/x").iterdir())
        assert not (folder / ".gitmodules").exists()
        assert not (folder / ".gitattributes").exists()
    assert not folder.exists()
    assert not (tmp_path / "ran").exists()


def test_a_state_of_a_witness_with_a_link_in_it_is_not_its_state(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q", "--bare", "state.git")
    keys, logs = tmp_path / "keys", tmp_path / "logs"
    assert main(["witness", "keys", "--name", "w.example/w1", "--to", str(keys)]) == 0
    logs.write_text(f"log {team.vkey} {team.remote}\n")
    words = ["witness", "once", "--state", str(tmp_path / "state.git"), "--logs", str(logs), "--keys", str(keys)]
    assert main([*words, "--begin"]) == 0
    state = tmp_path / "state.git"
    (state / "HEAD").write_text("ref: refs/heads/witness\n")
    listed = git(state, "rev-parse", "HEAD:witness")
    put(state, "witness", "120000", listed)
    capsys.readouterr()
    assert main(words) == 2
    assert "[witness.lost-state]" in capsys.readouterr().err


def test_of_what_a_repository_carries_only_the_places_of_logs_are_heard_and_not_without_end(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gossip, "MANY", 2)
    note = blob(team.remote, log.note(3))
    put(team.remote, f"{RECEIPTS}/peers/elsewhere/checkpoint", "100644", note)
    assert gossip.hear({"theirs": str(team.remote)}) == []
    for number in range(4):
        put(team.remote, f"{RECEIPTS}/peers/{number:064x}/checkpoint", "100644", note)
    assert [one.who for one in gossip.hear({"theirs": str(team.remote)})] == ["theirs"] * 2


def test_a_rollback_that_was_heard_of_names_who_has_seen_more(team: Team) -> None:
    with Snapshot(str(team.remote)) as source:
        opened = open_log(source, "theirs", LOGS)
        with pytest.raises(RemembrancerError) as caught:
            gossip.compare(opened, LOGS[log.ORIGIN], [gossip.Heard(log.ORIGIN, log.note(5), "payments")])
    assert caught.value.code == "log.rollback"
    assert caught.value.message == f"{log.ORIGIN} has size 3, but payments has seen size 5"
