"""What a verdict says: about which file, component, version and origin it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, new_key, new_scratch, receipts, release
from remembrancer import openpgp
from remembrancer.verify.asked import names_a_version

NEXT = "dist/my-svc-0.2.0.tar.gz"
SPLIT = "dist/tool-box-1.0.0.tar.gz"


@pytest.fixture(scope="module")
def two() -> Iterator[Scratch]:
    """Two releases, and a signer who may sign nothing but `tool`; each test leaves it as it was."""
    made = new_scratch()
    made.ok("init", "--dev", "--component", "my-svc")
    release(made)
    made.write(NEXT, "the next one\n")
    release(made, NEXT, "0.2.0")
    key = new_key(made, "Tool <tool@example.invalid>")
    made.write("tool.asc", openpgp.export_public(key, made.home / ".gnupg"))
    made.ok("trust", "add", "--signer", "tool", "--key", "tool.asc", "--component", "tool")
    made.commit("tool")
    other = "dist/my-svc-0.3.0.tar.gz"
    made.write(other, "made by whoever signs the tool\n")
    made.ok("sign", "--no-seal", "--key", key, other)
    made.ok("timestamp", "--no-seal", other)
    made.ok("record", "deploy", "--no-seal", "--component", "tool", "--version", "1.0.0", "--evidence", other)
    made.write(SPLIT, "made by whoever signs the tool, for a tool-box\n")
    made.ok("sign", "--no-seal", "--key", key, SPLIT)
    made.ok("timestamp", "--no-seal", SPLIT)
    made.ok("record", "deploy", "--no-seal", "--component", "tool", "--version", "box-1.0.0", "--evidence", SPLIT)
    made.ok("seal")
    made.commit("tool 1.0.0")
    for path, version in ((ARTIFACT, ""), (NEXT, ""), (other, "1.0.0"), (SPLIT, "box-1.0.0")):
        asked = ("--component", "tool", "--version", version) if version else ()
        made.ok("export-proof", path, *asked, "-o", f"{path}.proof.json")
    yield made
    end_agents(made)
    made.remove()


def commands(path: str) -> list[tuple[str, ...]]:
    return [("verify", path), ("verify-full", path), ("verify-proof", f"{path}.proof.json", "--artifact", path)]


def ends(scratch: Scratch, command: tuple[str, ...]) -> tuple[int, set[str]]:
    done = scratch.json(*command)
    return done.status, done.codes


def test_what_is_there_is_proven(two: Scratch) -> None:
    for path, version in ((ARTIFACT, "0.1.0"), (NEXT, "0.2.0")):
        for command in commands(path):
            assert ends(two, command) == (0, set())
            assert ends(two, (*command, "--component", "my-svc", "--version", version)) == (0, set())


ANOTHER_VERSION = [
    NEXT,
    "dist/my-svc-0.9.0.tar.gz",
    "dist/my_svc-0.9.0-py3-none-any.whl",
    # for a reader's eye these name a version too
    "dist/my\u2011svc\u20110.2.0.tar.gz",
    "dist/m\u0443-svc-0.2.0.tar.gz",
    "dist/my-svc-\uff10.2.0.tar.gz",
    "dist/my-svc-\u200b0.2.0.tar.gz",
    "dist/my-svc-0.2.0\n.tar.gz",
    "dist/my-svc 0.2.0.tar.gz",
    "dist/my-svc-V0.2.0.tar.gz",
    "dist/my-svc.0.2.0.tgz",
    "dist/.my-svc-0.2.0.tgz",
    # a name that is a version alone, as forges call the archive of a tag
    "dist/0.2.0.tar.gz",
    "dist/v0.2.0.zip",
    "dist/v2.tar.gz",
]


@pytest.mark.parametrize("name", ANOTHER_VERSION)
def test_bytes_under_the_name_of_another_version_are_not_that_version(two: Scratch, name: str) -> None:
    kept = {path: path.read_bytes() for path in map(two.root.joinpath, (name, f"{name}.proof.json")) if path.exists()}
    try:
        shutil.copy(two.root / ARTIFACT, two.root / name)
        shutil.copy(two.root / f"{ARTIFACT}.proof.json", two.root / f"{name}.proof.json")
        for command in commands(name):
            status, codes = ends(two, command)
            assert (status, "hash.mismatch" in codes) == (1, True), command
        assert ends(two, ("export-proof", name))[0] == 1
    finally:
        (two.root / name).unlink()
        for path, data in kept.items():
            path.write_bytes(data)


def test_a_name_on_the_record_with_other_bytes_is_refused_whatever_was_asked(two: Scratch, tmp_path: Path) -> None:
    shutil.copy(two.root / ARTIFACT, tmp_path / "my-svc-0.2.0.tar.gz")
    asked = ("--component", "my-svc", "--version", "0.1.0")
    assert ends(two, ("verify-full", str(tmp_path / "my-svc-0.2.0.tar.gz"), *asked)) == (1, {"hash.mismatch"})


def test_whoever_may_sign_one_component_does_not_make_another_s_release(two: Scratch) -> None:
    for command in commands("dist/my-svc-0.3.0.tar.gz"):
        status, codes = ends(two, command)
        assert (status, "hash.mismatch" in codes) == (1, True), command
        assert ends(two, (*command, "--component", "tool"))[0] == 1, "the name says another component"
        assert ends(two, (*command, "--component", "tool", "--version", "1.0.0")) == (0, set())
        status, codes = ends(two, (*command, "--component", "my-svc", "--version", "0.3.0"))
        assert (status, "hash.mismatch" in codes) == (1, True), command
    status, codes = ends(two, ("verify-full", "dist/my-svc-0.3.0.tar.gz", "--component", "my-svc"))
    assert {"hash.mismatch", "sig.untrusted-key"} <= codes


def test_a_version_does_not_begin_inside_another_component_s_name(two: Scratch) -> None:
    """Who may sign `tool` records its version `box-1.0.0`, whose file is called like `tool-box` 1.0.0."""
    for command in commands(SPLIT):
        status, codes = ends(two, command)
        assert (status, "hash.mismatch" in codes) == (1, True), command
        assert ends(two, (*command, "--component", "tool-box"))[0] == 1
        assert ends(two, (*command, "--component", "tool", "--version", "box-1.0.0")) == (0, set())


@pytest.mark.parametrize(("option", "value"), [("--component", "tool"), ("--version", "0.2.0")])
def test_something_else_than_was_asked_is_a_failure(two: Scratch, option: str, value: str) -> None:
    shutil.copy(two.root / ARTIFACT, two.root / "download")
    for command in commands(ARTIFACT):
        status, codes = ends(two, (*command, option, value))
        assert (status, "hash.mismatch" in codes) == (1, True), command
    assert ends(two, ("verify", "download", option, value)) == (1, {"hash.mismatch", "log.not-included"})


@pytest.mark.parametrize(
    "name", ["download", "my-svc (1).tar.gz", "my-svc.tar.gz", "my-svc.tar.gz.1", "a.7z", "2026-01-31"]
)
def test_a_name_without_a_version_says_nothing(name: str) -> None:
    assert not names_a_version(name)


@pytest.mark.parametrize("option", ["--component", "--version", "--origin"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_expectation_that_is_empty_is_never_taken_for_none(two: Scratch, option: str, value: str) -> None:
    """As a variable of a pipeline is that nobody has set."""
    for command in [*commands(ARTIFACT), ("export-proof", ARTIFACT)]:
        assert ends(two, (*command, option, value)) == (2, {"input.usage"})


def test_another_ledger_than_was_asked_is_a_failure(two: Scratch) -> None:
    origin = two.json("trust", "show").report["data"]["origin"]
    for command in [*commands(ARTIFACT), ("verify-audit",), ("drift",), ("trust", "show")]:
        assert two.json(*command, "--origin", "example.com/other").codes == {"trust.origin"} | (
            {"hash.mismatch"} & two.json(*command).codes
        )
        assert "trust.origin" in two.json(*command, REMEMBRANCER_ORIGIN="example.com/other").codes
        assert "trust.origin" not in two.json(*command, "--origin", origin).codes
    assert ends(two, ("seal", "--origin", "example.com/other"))[1] == {"trust.origin"}


def test_the_last_line_says_what_was_proven_of_what(two: Scratch) -> None:
    origin = two.json("trust", "show").report["data"]["origin"]
    done = two.json("verify-full", ARTIFACT)
    assert done.report["data"]["about"] == {"component": "my-svc", "version": "0.1.0", "origin": origin}
    for command in commands(ARTIFACT):
        last = two.run(*command).out.splitlines()[-1]
        assert f"my-svc 0.1.0 of {origin}" in last
        assert ("signature, timestamp" in last) == (command[0] != "verify")
        assert "neither" not in last
    shutil.copy(two.root / ARTIFACT, two.root / "download")
    last = two.run("verify", "download").out.splitlines()[-1]
    assert f"my-svc 0.1.0 of {origin}, which neither the file's name nor an option says" in last
    last = two.run("verify", "download", "--component", "my-svc", "--version", "0.1.0").out.splitlines()[-1]
    assert "neither" not in last


def test_a_version_alone_names_the_version_and_no_component(two: Scratch, tmp_path: Path) -> None:
    for name in ("v0.1.0.tar.gz", "0.1.0.zip"):
        shutil.copy(two.root / ARTIFACT, tmp_path / name)
        done = two.run("verify-full", str(tmp_path / name))
        assert done.status == 0, done.out
        assert "which neither the file's name nor an option says" in done.out.splitlines()[-1]
        asked = ("--component", "my-svc", "--version", "0.2.0")
        assert ends(two, ("verify-full", str(tmp_path / name), *asked))[0] == 1


@pytest.mark.parametrize("value", ["", " "])
def test_an_origin_from_a_variable_that_is_empty_is_never_taken_for_none(two: Scratch, value: str) -> None:
    """As a pipeline sets it from a setting that nobody has made."""
    for command in [*commands(ARTIFACT), ("verify-audit",), ("seal",)]:
        done = two.json(*command, REMEMBRANCER_ORIGIN=value)
        assert (done.status, done.codes) == (2, {"input.usage"}), command


def restore_policy(scratch: Scratch, kept: Path) -> None:
    shutil.rmtree(scratch.root / "ops/trust")
    shutil.copytree(kept, scratch.root / "ops/trust")
    scratch.commit("restore")


@pytest.fixture
def restored(scratch: Scratch) -> Scratch:
    """A compromised signer's end is sealed, and the owner-signed policy from before it is put back."""
    shutil.copytree(scratch.root / "ops/trust", scratch.base / "before")
    scratch.ok("trust", "revoke", "development", "--as", "compromised", "--reason", "stolen")
    scratch.ok("seal")
    scratch.commit("development is compromised")
    restore_policy(scratch, scratch.base / "before")
    return scratch


@pytest.mark.parametrize(
    "command",
    [("verify", ARTIFACT), ("verify-full", ARTIFACT), ("export-proof", ARTIFACT), ("drift",), ("verify-audit",)],
)
def test_a_policy_older_than_the_log_s_newest_fails_with_no_memory(restored: Scratch, command: tuple[str, ...]) -> None:
    stranger = {"HOME": str(restored.base / "stranger"), "REMEMBRANCER_TRUST": owner_of(restored)}
    done = restored.json(*command, **stranger)
    wanted = "trust.unrecorded" if command[0] == "verify-audit" else "trust.policy-rollback"
    assert (done.status, wanted in done.codes) == (1, True), done.out
    assert not list((restored.root / "dist").glob("*.proof.json"))


def test_nothing_is_sealed_under_a_policy_older_than_the_log_s_newest(restored: Scratch) -> None:
    for name in ("policies", "checkpoints"):
        shutil.rmtree(restored.home / ".local/state/remembrancer" / name, ignore_errors=True)
    shutil.rmtree(restored.root / "ops/receipts/.local")
    restored.ok("record", "deploy", "--no-seal", "--component", "x", "--version", "1", "--evidence", ARTIFACT)
    done = restored.json("seal")
    assert (done.status, done.codes) == (2, {"trust.policy-rollback"}), done.out
    done = restored.json("seal")
    assert (done.status, done.codes) == (2, {"trust.policy-rollback"}), "neither does the cache forget it"


def test_a_trust_receipt_that_is_taken_out_of_the_entries_is_missed(restored: Scratch) -> None:
    bundle = max((restored.root / "ops/receipts/ledger/tile/entries").rglob("*.p/*"))
    bundle.write_bytes(bundle.read_bytes().replace(b'"policyVersion": 2', b'"policyVersion": 1'))
    stranger = {"HOME": str(restored.base / "stranger"), "REMEMBRANCER_TRUST": owner_of(restored)}
    done = restored.json("verify", ARTIFACT, **stranger)
    assert (done.status, "log.tile" in done.codes) == (1, True), done.out


def owner_of(scratch: Scratch) -> str:
    text = (scratch.root / "ops/trust/policy.toml").read_text()
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("owner"))


@pytest.mark.parametrize("kind", ["deploy", "sign", "timestamp"])
def test_the_audit_names_the_edited_file_to_people_too(scratch: Scratch, kind: str) -> None:
    edited = receipts(scratch, kind)[0]
    edited.write_bytes(edited.read_bytes().replace(b'"recordedAt": "2', b'"recordedAt": "1'))
    done = scratch.run("verify-audit")
    assert done.status == 1
    assert edited.relative_to(scratch.root).as_posix() in done.out


def test_each_negative_finding_shows_its_subject(scratch: Scratch) -> None:
    (scratch.root / ARTIFACT).write_bytes(b"other bytes")
    found = [one for one in scratch.json("verify-full", ARTIFACT).report["findings"] if one["outcome"] != "verified"]
    text = scratch.run("verify-full", ARTIFACT).out
    assert found
    for one in found:
        line = next(line for line in text.splitlines() if line.startswith(one["check"]) and one["code"] in line)
        assert one["subject"] in line
