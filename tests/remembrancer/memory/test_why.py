"""`why`: what touched a file, joined from receipts, decisions and Git; each row with its proof state."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, new_scratch
from remembrancer.receipt import build, manifest

ADR = """# ADR-{number:03d}: {title}

**Date**: 2026-01-02
**Status**: Draft
**Context**: {context}
**Decision**: {title}.
**Consequences**: It costs an hour.
**Verification**: `make test`
"""


def decision(scratch: Scratch, number: int, title: str, context: str) -> str:
    path = f"ops/receipts/adr/ADR-{number:03d}-{title.lower().replace(' ', '-')}.md"
    scratch.write(path, ADR.format(number=number, title=title, context=context))
    return path


def generation(scratch: Scratch, kind: str, at: str, files: dict[str, bytes], **more: object) -> None:
    """Write a spawn or update receipt with its manifest, as the generator does."""
    lines = [manifest.Line(path, "standard", *[hashlib.sha256(data).hexdigest()] * 2) for path, data in files.items()]
    blob = manifest.write(lines)
    said = manifest.stated(blob)
    template = {"source": "https://example.invalid/t.git", "commit": f"{len(at):040x}", "version": f"v{at[3]}"}
    body = {"recordedAt": at, "component": "my-svc", "layer": "fastapi-service", "version": "0.1.0"}
    body |= {"template": template, "answers": {"path": ".copier-answers.yml", "sha256": "0" * 64}, "manifest": said}
    scratch.write(f"ops/receipts/blobs/{said['sha256']}", blob)
    data = build(kind, [("manifest", said["sha256"])], {**body, **more})
    digest = hashlib.sha256(data).hexdigest()
    scratch.write(f"ops/receipts/{kind}/{digest[:2]}/{digest}.receipt", data)


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    scratch.write("app/main.py", "one\ntwo\n")
    scratch.write("app/other.py", "other\n")
    generation(scratch, "spawn", "2025-01-01T00:00:00Z", {"app/main.py": b"one\n", "app/other.py": b"other\n"})
    scratch.commit("[my-svc] feat: begin")
    again = {"commit": f"{20:040x}", "version": "v5"}
    generation(
        scratch, "update", "2026-01-01T00:00:00Z", {"app/main.py": b"one\ntwo\n", "app/other.py": b"other\n"},
        **{"from": again, "conflicts": []},
    )  # fmt: skip
    scratch.write("app/main.py", "one\nzwei # see ADR-002\n")
    decision(scratch, 1, "Say it in German", "The line in `app/main.py` was English.")
    decision(scratch, 2, "Keep one", "Nobody knows.")
    decision(scratch, 3, "Buy a horse", "Nothing to do with it.")
    decision(scratch, 4, "Fear no commit", "Only the commit knows it.")
    scratch.commit("[my-svc] feat: speak German\n\nAs ADR-004 says, one\x02two.")
    scratch.ok("adr", "accept", "1")
    commit = scratch.git("rev-parse", "HEAD")
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0", "--evidence", ARTIFACT)
    said = json.loads((scratch.root / "ops/receipts/deploy/my-svc-0.1.0.receipt").read_text())["predicate"]
    assert said["commit"] == commit
    scratch.commit("record")
    yield scratch
    end_agents(scratch)
    scratch.remove()


@pytest.fixture
def scratch(original: Scratch) -> Iterator[Scratch]:
    made = original.copy()
    yield made
    made.remove()


def rows(scratch: Scratch, *arguments: str, status: int = 0) -> list[dict]:
    done = scratch.json("why", *arguments)
    assert done.status == status, done.out
    return done.report["data"]["items"]


def told(found: list[dict]) -> set[tuple[str, str, str]]:
    return {(one["kind"], one["proof"]["state"], one["because"]) for one in found}


def test_everything_that_touched_a_file(original: Scratch) -> None:
    before = original.snapshot()
    first, second = original.git("log", "--reverse", "--format=%H", "--", "app/main.py").split()
    assert told(rows(original, "app/main.py")) == {
        ("spawn", "sealed", "it rendered this file as standard"),
        ("update", "sealed", "it changed this file as standard"),
        ("commit", "unrecorded", "it changed the file"),
        ("decision", "sealed", "its text names app/main.py"),
        ("decision", "unrecorded", "the file names ADR-002"),
        ("decision", "unrecorded", f"commit {second[:12]} changed both"),
        ("decision", "unrecorded", f"commit {second[:12]} names ADR-004"),
        ("deploy", "sealed", f"it is the first version with {second[:12]}, {first[:12]}"),
    }
    assert original.snapshot() == before


def test_what_did_not_touch_it_is_not_told(original: Scratch) -> None:
    kinds = [one["kind"] for one in rows(original, "app/other.py")]
    assert sorted(kinds) == ["commit", "deploy", "spawn"]


def test_one_line(original: Scratch) -> None:
    first = [one for one in rows(original, "app/main.py", "--line", "1") if one["kind"] == "commit"]
    second = [one for one in rows(original, "app/main.py", "--line", "2") if one["kind"] == "commit"]
    assert [one["event"] for one in first] == ["[my-svc] feat: begin"]
    assert [one["event"] for one in second] == ["[my-svc] feat: speak German", "[my-svc] feat: begin"]
    beyond = original.json("why", "app/main.py", "--line", "99")
    assert (beyond.status, beyond.codes) == (2, {"input.file"})


def test_a_component(original: Scratch) -> None:
    found = rows(original, "my-svc")
    assert [one["kind"] for one in found] == ["deploy", "update", "spawn"]
    assert original.json("why", "my-svc", "--line", "1").status == 2


def test_an_edited_decision_and_a_lost_receipt_fail(scratch: Scratch) -> None:
    path = scratch.root / "ops/receipts/adr/ADR-001-say-it-in-german.md"
    path.write_bytes(path.read_bytes().replace(b"English", b"French"))
    failed = [one for one in rows(scratch, "app/main.py", status=1) if one["proof"]["state"] == "failed"]
    assert [(one["kind"], one["proof"]["code"]) for one in failed] == [("decision", "adr.edited")]
    assert "adr.edited" in scratch.run("why", "app/main.py").out
    scratch.git("checkout", "-q", "--", ".")
    receipt = next((scratch.root / "ops/receipts/update").rglob("*.receipt"))
    receipt.unlink()
    failed = [one for one in rows(scratch, "app/main.py", status=1) if one["proof"]["state"] == "failed"]
    assert [(one["kind"], one["proof"]["code"]) for one in failed] == [("update", "receipt.missing")]


def test_an_older_text_is_not_sealed_once_the_newest_receipt_is_gone(scratch: Scratch) -> None:
    path = scratch.root / "ops/receipts/adr/ADR-001-say-it-in-german.md"
    accepted = path.read_bytes()
    scratch.ok("adr", "accept", "2")
    scratch.ok("adr", "supersede", "1", "--by", "2")
    path.write_bytes(accepted)
    (newest,) = [one for one in path.parent.glob("ADR-001*.receipt") if b"Superseded" in one.read_bytes()]
    newest.unlink()
    (one,) = [one for one in rows(scratch, "app/main.py", status=1) if one["where"].endswith("german.md")]
    assert (one["proof"]["state"], one["proof"]["code"]) == ("failed", "receipt.missing")


def test_an_edited_deploy_receipt_is_not_pending(scratch: Scratch) -> None:
    path = scratch.root / "ops/receipts/deploy/my-svc-0.1.0.receipt"
    path.write_bytes(path.read_bytes().replace(b'"environment": "release"', b'"environment": "moon"'))
    (one,) = [one for one in rows(scratch, "app/other.py", status=1) if one["kind"] == "deploy"]
    assert (one["proof"]["state"], one["proof"]["code"]) == ("failed", "receipt.edited")


def test_without_trust_nothing_is_sealed(original: Scratch) -> None:
    done = original.json("why", "app/main.py", HOME=str(original.base / "nobody"))
    states = {one["proof"]["state"] for one in done.report["data"]["items"]}
    assert (done.status, states) == (0, {"unproven", "unrecorded"})
    assert "trust.unpinned" in original.run("why", "app/main.py", HOME=str(original.base / "nobody")).err


def test_a_waiver_and_a_file_that_is_gone(scratch: Scratch) -> None:
    scratch.git("rm", "-q", "app/other.py")
    scratch.commit("[my-svc] refactor: no other")
    assert [one["event"] for one in rows(scratch, "app/other.py") if one["kind"] == "commit"] == [
        "[my-svc] refactor: no other",
        "[my-svc] feat: begin",
    ]
    said = {"recordedAt": "2026-02-01T00:00:00Z", "recordedBy": "Tester", "owner": "team", "reason": "why not"}
    digest = hashlib.sha256(b"one\nzwei # see ADR-002\n").hexdigest()
    data = build("waiver", [("app/main.py", digest)], {**said, "expires": "2027-02-01T00:00:00Z"})
    name = hashlib.sha256(data).hexdigest()
    scratch.write(f"ops/receipts/waiver/{name[:2]}/{name}.receipt", data)
    assert ("waiver", "pending", "it waives this file") in told(rows(scratch, "app/main.py"))


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ""])
def test_paths_outside_are_refused(original: Scratch, path: str) -> None:
    done = original.json("why", path)
    assert (done.status, done.codes) == (2, {"input.file"})


@pytest.mark.parametrize("path", ["no/such/file", "--all", ":(glob)**", "-p"])
def test_nothing_is_found_for_what_nobody_touched(original: Scratch, path: str) -> None:
    done = original.run("why", "--", path)
    assert (done.status, done.out.splitlines()[0]) == (1, f"nothing is recorded about {path}")


def test_a_repository_without_git(scratch: Scratch) -> None:
    (scratch.root / ".git").rename(scratch.base / "git")
    assert {one["kind"] for one in rows(scratch, "app/main.py")} == {"spawn", "update", "decision"}
