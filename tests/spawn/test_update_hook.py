"""The parts of the update hook, one by one: what an update starts from, what it may not lose, what it calls a clash."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import deleted_upstream
import manifest
import rename_answer
from collection import commit_all, git
from provenance import Start, newest, signed_tag, start
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.manifest import Line
from remembrancer.repository.store import Store

CALL = {"source": "https://example.com/t.git", "commit": "b" * 40, "answers_file": ".copier-answers.ci.yml"}


def generation(root: Path, version: str, commit: str, at: str, begin: str = "", layer: str = "ci") -> str:
    """Write a spawn receipt, or an update receipt from another commit; return its digest."""
    blob = manifests.write([Line("setup.cfg", "standard", "1" * 64, "1" * 64)])
    Store(root).write_blob(blob)
    predicate: dict[str, Any] = {
        "recordedAt": at,
        "component": "my-svc",
        "layer": layer,
        "version": "0.1.0",
        "template": {"source": "https://example.com/t.git", "commit": commit, "version": version},
        "answers": {"path": ".copier-answers.ci.yml", "sha256": "0" * 64},
        "manifest": manifests.stated(blob),
    }
    if begin:
        predicate |= {"from": {"commit": begin, "version": "v0"}, "conflicts": []}
    data = receipt.build("update" if begin else "spawn", [("my-svc", manifests.stated(blob)["sha256"])], predicate)
    Store(root).write_receipt(data)
    return receipt.parse(data).digest


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit_all(folder, "one")
    git(folder, "tag", "v1")
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("setup.cfg", "own.cfg", "README.md"):
        (folder / name).write_text(f"{name} as we like it\n")
    commit_all(folder, "begin")
    return folder


def test_receipts_are_ordered_by_time_and_then_by_what_starts_from_what(service: Path) -> None:
    assert newest(service, "ci") is None
    generation(service, "v1", "1" * 40, "2026-01-01T00:00:00Z")
    last = ""
    for number in range(2, 6):
        last = generation(service, f"v{number}", str(number) * 40, "2026-01-02T00:00:00Z", str(number - 1) * 40)
    generation(service, "v9", "9" * 40, "2027-01-01T00:00:00Z", layer="k8s")
    found = newest(service, "ci")
    assert found is not None
    assert found.digest == last
    for path in (service / "ops/receipts/update").rglob("*.receipt"):
        path.write_text("not a receipt")
    found = newest(service, "ci")
    assert found is not None
    assert found.predicate["template"]["version"] == "v1"


def test_an_update_starts_from_what_was_recorded(service: Path, template: Path) -> None:
    now = git(template, "rev-parse", "v1")
    plain = start(service, template, "ci", "v1")
    assert plain == Start("v1", now, now, None)
    assert not plain.moved
    assert start(service, template, "ci", "v7") is None
    generation(service, "v1", "1" * 40, "2026-01-01T00:00:00Z")
    known = start(service, template, "ci", "v1")
    assert known is not None
    assert (known.commit, known.now, known.moved) == ("1" * 40, now, True)
    git(template, "tag", "--delete", "v1")
    gone = start(service, template, "ci", "v1")
    assert gone is not None
    assert (gone.commit, gone.now, gone.moved) == ("1" * 40, "", False)


def test_only_a_signed_tag_of_this_commit_is_kept(template: Path) -> None:
    head = git(template, "rev-parse", "HEAD")
    assert signed_tag(template, "v1", head) == b""
    git(template, "tag", "--annotate", "-m", "two", "v2")
    assert signed_tag(template, "v2", head) == b""
    content = f"object {head}\ntype commit\ntag v3\ntagger T <t@example.com> 0 +0000\n\nthree\n"
    content += "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "tag", "-w", "--stdin"],
        cwd=template,
        input=content.encode(),
        capture_output=True,
        check=True,
    )
    git(template, "update-ref", "refs/tags/v3", made.stdout.decode().strip())
    assert signed_tag(template, "v3", head) == content.encode()
    assert signed_tag(template, "v3", "0" * 40) == b""
    assert signed_tag(template, "v4", head) == b""


@pytest.mark.parametrize("recorded", [True, False])
def test_edited_files_that_the_standard_drops_are_kept(
    service: Path, template: Path, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    """Whether a receipt tells how they were rendered, or the old version has to be rendered once more."""
    old = {
        "setup.cfg": "1" * 64,
        "README.md": "2" * 64,
        "own.cfg": manifest.sha256_file(service / "own.cfg"),
    }
    begin = Start("v1", "a" * 40, "a" * 40, None)
    if recorded:
        blob = manifests.write(
            Line(path, "seeded" if path == "README.md" else "standard", digest, digest) for path, digest in old.items()
        )
        Store(service).write_blob(blob)
        known = SimpleNamespace(predicate={"manifest": {"sha256": manifests.stated(blob)["sha256"]}})
        begin = Start("v1", "a" * 40, "a" * 40, known)  # type: ignore[arg-type]
    else:
        monkeypatch.setattr(manifest, "render_again", lambda *_: old)
    for name in old:
        (service / name).unlink()
    kept = deleted_upstream.keep(service, template, CALL, begin, {"new.cfg": "3" * 64})
    assert kept == ["setup.cfg"], "the team's own README is kept without a question"
    assert (service / "setup.cfg").read_text() == "setup.cfg as we like it\n"
    assert (service / "README.md").is_file()
    assert not (service / "own.cfg").exists(), "nobody had changed this one"


def test_nothing_is_rendered_where_nothing_left(service: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "render_again", lambda *_: pytest.fail("rendered for nothing"))
    assert deleted_upstream.keep(service, template, CALL, Start("v1", "a" * 40, "a" * 40, None), {}) == []
    (service / "own.cfg").unlink()
    assert (
        deleted_upstream.keep(service, template, CALL, Start("v1", "a" * 40, "a" * 40, None), {"own.cfg": "1" * 64})
        == []
    )


def test_what_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "marked").write_text("<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n")
    (tmp_path / "windows").write_bytes(b"<<<<<<< before updating\r\na\r\n=======\r\n>>>>>>> after updating\r\n")
    (tmp_path / "rejected").write_text("a\n")
    (tmp_path / "rejected.rej").write_text("b\n")
    (tmp_path / "clean").write_text("a ======= b\n")
    names = ["marked", "windows", "rejected", "clean", "absent"]
    assert manifest.conflicts(tmp_path, names) == ["marked", "windows", "rejected"]


@pytest.mark.parametrize(
    ("url", "aliases"),
    [
        ("https://example.com/t.git", ["https://example.com/t.git", "https://example.com/t"]),
        ("git+https://example.com/t", ["https://example.com/t", "https://example.com/t.git"]),
        ("gh:org/t", ["https://github.com/org/t", "https://github.com/org/t.git"]),
        ("gl:/org/t", ["https://gitlab.com/org/t", "https://gitlab.com/org/t.git"]),
        ("git@example.com:org/t.git", ["git@example.com:org/t.git", "git@example.com:org/t"]),
        ("/srv/t", []),
        (".", []),
    ],
)
def test_git_reads_the_address_from_the_clone(url: str, aliases: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    variables = manifest.redirected(url, Path("/clone"))
    places = range(2, 2 + len(aliases))  # the caller's own setting and the neutral ones come first
    assert [variables[f"GIT_CONFIG_VALUE_{number}"] for number in places] == aliases
    assert variables["GIT_CONFIG_COUNT"] == str(2 + len(aliases))
    assert all(variables[f"GIT_CONFIG_KEY_{number}"] == "url./clone.insteadOf" for number in places)


def test_an_answer_is_renamed_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.yml"
    path.write_text("# head\n_commit: v1\nteam: payments\nteam_size: 3\n")
    assert rename_answer.main(["team", "owner", str(path)]) == 0
    assert path.read_text() == "# head\n_commit: v1\nowner: payments\nteam_size: 3\n"
    assert rename_answer.main(["team_size", "owner", str(path)]) == 0
    assert path.read_text() == "# head\n_commit: v1\nowner: payments\nteam_size: 3\n", "an answer is never overwritten"
    for bad in ([], ["a", "b"], ["a.*", "b", str(path)], ["a", "b c", str(path)]):
        assert rename_answer.main(bad) == 2
