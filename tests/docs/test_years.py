"""docs/years.md: each block about a production ledger's later life runs, and ends in what it promises."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_render import program
from cli_support import Outcome, Scratch, end_agents, new_key, new_scratch
from collection import ROOT
from guide import SECTIONS, TEXT, blocks
from ledger_world import signed
from production_support import Production, authority_options, new_authority, production
from remembrancer.repository.store import Store
from remembrancer.tlog import SignerKey
from witnesses_serving import witness


def run(scratch: Scratch, block: str, **variables: str) -> Outcome:
    """Run a block as somebody would type it, in the repository."""
    path = scratch.base / "path"
    source = ROOT / "plugins/remembrancer/src"
    program(path, "remembrancer", f'#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} -P -m remembrancer "$@"\n')
    env = scratch.environment()
    url, root = authority_options(scratch)[1::2]
    shutil.copy(root.partition("=")[2], scratch.base / "tsa.pem") if not (scratch.base / "tsa.pem").exists() else None
    env |= {"PATH": f"{path}:{env['PATH']}", "TSA_URL": url.partition("=")[2]} | variables
    done = subprocess.run(["sh", "-euc", block], cwd=scratch.root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr)


def certificate(scratch: Scratch, name: str) -> str:
    """Make a key, write its certificate to next.asc in the repository, and return its fingerprint."""
    fingerprint = new_key(scratch, f"{name} <{name.lower()}@example.invalid>")
    command = ["gpg", "--batch", "--armor", "--export", fingerprint]
    text = subprocess.run(command, env=scratch.environment(), capture_output=True, text=True, check=True).stdout
    scratch.write("next.asc", text)
    with (scratch.root / ".git/info/exclude").open("a") as file:
        file.write("next.asc\n")
    return fingerprint


@pytest.fixture
def made() -> Iterator[Production]:
    """A ledger in production that has one release."""
    with production(released=True) as one:
        yield one


def holds(made: Production, **key: str) -> None:
    """Seal what waits, publish it, and audit as a stranger who trusts the owner."""
    made.scratch.ok("seal", **(made.key | key))
    made.push("seal")
    owner = key.get("REMEMBRANCER_TRUST", made.owner)
    audit = made.scratch.json(
        "verify-audit", "--require", "production", **(made.stranger() | {"REMEMBRANCER_TRUST": owner})
    )
    assert (audit.status, audit.codes) == (0, set()), audit.out


@pytest.mark.section("The first day")
def test_the_first_day(commands: list[str]) -> None:
    scratch = new_scratch()
    owner, signer = new_key(scratch, "Owner <o@example.invalid>"), new_key(scratch, "Signer <s@example.invalid>")
    (block,) = commands
    said = run(scratch, block, OWNER=owner, SIGNER=signer)
    assert "nothing was changed" in said.out
    assert scratch.run("trust", "show", "--require", "production").status == 0
    end_agents(scratch)
    scratch.remove()


@pytest.mark.section("The first release")
def test_the_first_release(made: Production, commands: list[str]) -> None:
    (block,) = commands
    said = run(made.scratch, block)
    assert "VERIFIED" in said.out
    assert made.scratch.git("ls-remote", "origin", "refs/tags/v0.1.0")


@pytest.mark.section("Keys and certificates end")
def test_keys_and_certificates_end(made: Production, commands: list[str]) -> None:
    (made.scratch.root / "new-root.pem").write_bytes(new_authority()[1])
    with (made.scratch.root / ".git/info/exclude").open("a") as file:
        file.write("new-root.pem\n")
    keys, roots = commands
    assert "nothing was changed" in run(made.scratch, keys, SIGNER=made.signer).out
    holds(made)
    assert "nothing was changed" in run(made.scratch, roots).out
    holds(made)


@pytest.mark.section("Two have to vouch")
def test_two_have_to_vouch(made: Production, commands: list[str]) -> None:
    """The third block is the pipeline's: tests/templates/test_ci_real.py."""
    certificate(made.scratch, "Second")
    made.scratch.ok("trust", "add", "--signer", "second", "--key", str(made.scratch.root / "next.asc"))
    _, root = authority_options(made.scratch, "tsa2")[1::2]
    url = authority_options(made.scratch, "tsa2")[1].partition("=")[2]
    made.scratch.ok("trust", "add", "--authority", "tsa2", "--url", url, "--root", root.partition("=")[2])
    holds(made)
    asked, signs, _ = commands
    run(made.scratch, asked)
    holds(made)
    made.prove("0.2.0")
    held = made.scratch.json("seal", **made.key).report["data"]["held"]
    assert [one["code"] for one in held] == ["receipt.waiting"]
    run(made.scratch, signs, **made.key)
    holds(made)
    assert made.scratch.run("verify-full", "--require", "production", "dist/my-svc-0.2.0.tar.gz").status == 0


@pytest.mark.section("Others have seen the log")
def test_others_have_seen_the_log(made: Production, tmp_path: Path, commands: list[str]) -> None:
    key = SignerKey.from_seed("w1.example", bytes(32), 0x06)
    log_key = SignerKey.parse((made.scratch.base / "log.key").read_text().strip())
    listing, asking, requiring = commands
    with witness(tmp_path / "w1", [key], log_key.name, [log_key.verifier()]) as server:
        said = run(made.scratch, listing, W1_KEY=str(key.verifier()), W1_URL=server.url)
        assert "nothing was changed" in said.out
        holds(made)
        said = run(made.scratch, asking)
        assert "1 of 1 witness has cosigned" in said.out
        said = run(made.scratch, requiring)
        assert "0 proofs would no longer verify" in said.out
        made.scratch.ok("seal", **made.key)
        made.push("sealed, not cosigned yet")
        verdict = made.scratch.run("verify-full", "--require", "production", "dist/my-svc-0.1.0.tar.gz")
        assert verdict.status == 0, verdict.out
        assert made.scratch.json("verify-audit").codes == {"log.unwitnessed"}
        run(made.scratch, asking)
        assert made.scratch.json("verify-audit").codes == set()


@pytest.mark.section("A record was reverted, or a backup was restored")
def test_a_record_is_reverted_and_a_release_taken_back(made: Production, commands: list[str]) -> None:
    made.release("0.2.0")
    commit = made.scratch.git("rev-parse", "HEAD")
    made.scratch.git("revert", "--no-edit", "HEAD")
    back, instead = commands
    run(made.scratch, back, COMMIT=commit, **made.key)
    run(made.scratch, instead)
    holds(made)


@pytest.mark.section("A receipt that cannot be sealed")
def test_a_receipt_that_cannot_be_sealed(made: Production, commands: list[str]) -> None:
    store = Store(made.scratch.root)
    path = store.write_receipt(signed(store.write_blob(b"no signature")))
    made.push("[my-svc] chore: a receipt of nobody")
    (block,) = commands
    run(made.scratch, block, RECEIPT=path.relative_to(made.scratch.root).as_posix(), **made.key)
    holds(made)


@pytest.mark.section("What is remembered, and how it is forgotten")
def test_what_is_remembered_is_forgotten(made: Production, commands: list[str]) -> None:
    made.scratch.git("fetch", "-q", "origin")
    made.scratch.ok("verify-audit")
    (block,) = commands
    assert "of size" in run(made.scratch, block).out
    assert not list((made.scratch.home / ".local/state/remembrancer/checkpoints").glob("*"))


@pytest.mark.section("A person leaves, a key is stolen")
def test_a_person_leaves_and_a_key_is_stolen(made: Production, commands: list[str]) -> None:
    certificate(made.scratch, "Next")
    leaves, stolen = commands
    run(made.scratch, leaves)
    holds(made)
    artifact = "dist/my-svc-0.1.0.tar.gz"
    assert made.scratch.run("verify-full", artifact, "--require", "production").status == 0
    with production(released=True) as other:
        said = run(other.scratch, stolen)
        assert "would no longer verify" in said.out


@pytest.mark.section("The log key is lost or stolen")
def test_the_log_key_is_lost(made: Production, commands: list[str]) -> None:
    (made.scratch.base / "log.key").unlink()
    (block,) = commands
    run(made.scratch, block)
    holds(made, REMEMBRANCER_LOG_KEY_FILE=str(made.scratch.base / "new-log.key"))


@pytest.mark.section("The owner changes, or the owner's key is lost")
def test_the_owner_changes_or_is_lost(made: Production, commands: list[str]) -> None:
    following = certificate(made.scratch, "Next")
    handed, lost = commands
    run(made.scratch, handed, NEXT=following)
    holds(made, REMEMBRANCER_TRUST=following)
    run(made.scratch, lost, NEXT=following, SIGNER=made.signer)
    before = made.scratch.base / "my-svc-before"
    trust = {"REMEMBRANCER_TRUST": following}
    assert made.scratch.run("verify-audit", "--root", str(before), **trust).status == 0
    assert made.scratch.json("trust", "show", **trust).report["data"]["origin"] == "log2.example.com/my-svc"


@pytest.mark.section("Two people changed the policy")
def test_two_people_changed_the_policy(made: Production, commands: list[str]) -> None:
    certificate(made.scratch, "Next")
    work = made.clone("other")
    made.scratch.ok("trust", "revoke", "tsa", "--as", "retired", "--until", "2099-01-01", "--dry-run", cwd=work)
    (block,) = commands
    made.scratch.ok("trust", "add", "--signer", "mine", "--key", str(made.scratch.root / "next.asc"))
    made.scratch.commit("[my-svc] chore: mine")
    run(made.scratch, block)
    holds(made)


@pytest.mark.section("Backup, and another forge")
def test_backup_and_another_forge(made: Production, commands: list[str]) -> None:
    made.scratch.git("init", "-q", "--bare", "-b", "main", str(made.scratch.base / "forge.git"))
    backup, moved = commands
    run(made.scratch, backup, ORIGIN=str(made.origin))
    said = run(made.scratch, moved, FORGE=str(made.scratch.base / "forge.git"))
    assert "VERIFIED" in said.out
    assert Path(made.scratch.base / "moved/ops/trust/policy.toml").is_file()


def test_every_loss_says_what_to_do() -> None:
    rows = [
        line.split("|")[1:-1] for line in TEXT.partition("## What is lost")[2].splitlines() if line.startswith("| ")
    ]
    assert len(rows) > 10
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)


def test_every_block_is_run(request: pytest.FixtureRequest) -> None:
    """By a test that takes as many blocks as the section has."""
    files = (
        "tests/docs/test_years.py",
        "tests/templates/test_ci_real.py",
        "tests/remembrancer/record/test_append_only.py",
    )
    modules = [pytest.Module.from_parent(request.session, path=ROOT / name) for name in files]
    tests = [item for module in modules for item in module.collect() if isinstance(item, pytest.Function)]
    taken = {heading for test in tests for mark in test.iter_markers("section") for heading in mark.args}
    assert all("commands" in test.fixturenames for test in tests if test.get_closest_marker("section"))
    assert taken == {heading for heading, section in SECTIONS.items() if "```sh" in section}
    assert TEXT.count("```") == 2 * sum(len(blocks(heading)) for heading in taken), "every block is one of commands"
