"""Whose word counts, and what happens to old proofs when that changes; all through the command line."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli_support import ARTIFACT, Scratch, change_policy, ledger, new_key, owner, release
from collection import ROOT
from production_support import authority_options, production

NEXT = "dist/my-svc-0.2.0.tar.gz"


def moment(**shift: int) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).strftime("%Y-%m-%dT%H:%M:%SZ")


def verdict(scratch: Scratch, artifact: str = ARTIFACT) -> tuple[int, set[str]]:
    done = scratch.json("verify-full", artifact)
    return done.status, done.codes


def test_a_dry_run_names_what_would_be_lost_and_changes_nothing(scratch: Scratch) -> None:
    before = scratch.snapshot()
    done = scratch.json("trust", "revoke", "development", "--as", "compromised", "--dry-run")
    assert done.status == 0
    lost = done.report["data"]["lost"]
    assert {one["code"] for one in lost} == {"sig.key-compromised"}
    assert len(lost) == 2
    assert scratch.snapshot() == before
    kept = scratch.json("trust", "revoke", "development", "--as", "retired", "--until", moment(minutes=1), "--dry-run")
    assert kept.report["data"]["lost"] == []


def test_a_retired_key_stands_for_what_it_signed_before(scratch: Scratch) -> None:
    # an end that no proof of this second can lie behind, whatever the authority's accuracy
    until = moment(minutes=1)
    scratch.ok("trust", "revoke", "development", "--as", "retired", "--until", until, "--reason", "left the team")
    assert verdict(scratch) == (0, set())
    shutil.rmtree(ledger(scratch) / "timestamps")
    assert verdict(scratch) == (3, {"sig.time-unproven"})


def test_a_retired_key_signs_nothing_new(scratch: Scratch) -> None:
    scratch.ok("trust", "revoke", "development", "--as", "superseded", "--until", moment(seconds=-1))
    scratch.write(NEXT, b"next\n")
    assert scratch.json("sign", NEXT).codes == {"input.key"}
    fingerprint = owner(scratch)
    scratch.ok("sign", "--key", fingerprint, NEXT)
    scratch.ok("timestamp", NEXT)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0")
    status, codes = verdict(scratch, NEXT)
    assert (status, "sig.outside-term" in codes) == (1, True)


def test_a_compromised_key_fails_unless_it_happened_later(scratch: Scratch) -> None:
    copy = scratch.copy()
    try:
        copy.ok("trust", "revoke", "development", "--as", "compromised", "--compromised-at", moment(hours=-1))
        assert verdict(copy) == (1, {"sig.key-compromised"})
    finally:
        copy.remove()
    scratch.ok("trust", "revoke", "development", "--as", "compromised", "--compromised-at", moment(minutes=1))
    assert verdict(scratch) == (0, set())


def test_an_ended_authority_needs_another_clock(scratch: Scratch) -> None:
    url = 'url = "local:development"'
    change_policy(scratch, url, f'until = {moment()}\nended = "retired"\n{url}')
    assert verdict(scratch) == (3, {"time.time-unproven"})


def test_a_policy_change_that_nobody_recorded_is_noticed(scratch: Scratch) -> None:
    change_policy(scratch, "signatures = 1", "signatures = 1")
    assert verdict(scratch) == (0, set())
    done = scratch.json("verify-audit")
    assert (done.status, done.codes) == (1, {"trust.unrecorded"})


def test_an_older_policy_is_refused(scratch: Scratch) -> None:
    shutil.copytree(scratch.root / "ops/trust", scratch.base / "old")
    scratch.ok("trust", "revoke", "development", "--as", "retired", "--until", moment(minutes=1))
    shutil.rmtree(scratch.root / "ops/trust")
    shutil.copytree(scratch.base / "old", scratch.root / "ops/trust")
    status, codes = verdict(scratch)
    assert (status, "trust.policy-rollback" in codes) == (1, True)


def test_two_policies_of_one_version_are_refused(scratch: Scratch) -> None:
    copy = scratch.copy()
    try:
        change_policy(copy, "timestamps = 1", "timestamps = 1 # one")
        copy.commit("what is only tried is not remembered")
        assert verdict(copy) == (0, set())
        shutil.rmtree(copy.root / "ops/trust")
        shutil.copytree(scratch.root / "ops/trust", copy.root / "ops/trust")
        change_policy(copy, "timestamps = 1", "timestamps = 1 # other")
        status, codes = verdict(copy)
        assert (status, "trust.policy-fork" in codes) == (1, True)
    finally:
        copy.remove()


def test_a_swapped_owner_certificate_is_refused(scratch: Scratch) -> None:
    stranger = new_key(scratch, "Stranger <stranger@example.invalid>")
    public = export(scratch, stranger)
    (scratch.root / f"ops/trust/keys/{owner(scratch)}.asc").write_bytes(public)
    status, codes = verdict(scratch)
    assert (status, "trust.policy-signature" in codes) == (1, True)


def export(scratch: Scratch, fingerprint: str) -> bytes:
    import subprocess

    command = ["gpg", "--batch", "--armor", "--export", fingerprint]
    return subprocess.run(command, env=scratch.environment(), capture_output=True, check=True).stdout


def test_two_signers_where_two_are_required(scratch: Scratch) -> None:
    bob = new_key(scratch, "Bob <bob@example.invalid>")
    (scratch.base / "bob.asc").write_bytes(export(scratch, bob))
    scratch.ok("trust", "add", "--signer", "bob", "--key", str(scratch.base / "bob.asc"), "--component", "my-svc")
    assert scratch.run("verify-audit").status == 0
    change_policy(scratch, "signatures = 1", "signatures = 2")
    status, codes = verdict(scratch)
    assert (status, "sig.missing" in codes) == (1, True)
    scratch.ok("sign", ARTIFACT)
    assert "sig.missing" in verdict(scratch)[1], "two signatures by one key count once"
    scratch.ok("sign", "--key", bob, ARTIFACT)
    done = scratch.json("verify-full", ARTIFACT)
    rows = {one["check"]: one for one in done.report["findings"]}
    assert rows["signature"]["outcome"] == "verified"
    assert bob in rows["signature"]["details"]["who"]
    assert rows["record-signature"]["code"] == "sig.missing", "the deploy receipt is signed by one of the two only"


def test_a_key_signs_only_its_components(scratch: Scratch) -> None:
    bob = new_key(scratch, "Bob <bob@example.invalid>")
    (scratch.base / "bob.asc").write_bytes(export(scratch, bob))
    scratch.ok("trust", "add", "--signer", "bob", "--key", str(scratch.base / "bob.asc"), "--component", "other")
    scratch.write(NEXT, b"next\n")
    scratch.ok("sign", "--key", bob, NEXT)
    scratch.ok("timestamp", NEXT)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0")
    status, codes = verdict(scratch, NEXT)
    assert (status, "sig.untrusted-key" in codes) == (1, True)


def test_another_log_key_signs_from_now_on(scratch: Scratch) -> None:
    scratch.ok("trust", "rotate", "--log-key-file", str(scratch.base / "new.key"))
    assert (scratch.base / "new.key").stat().st_mode & 0o777 == 0o600
    assert verdict(scratch) == (0, set())
    assert scratch.run("verify-audit").status == 0
    scratch.write(NEXT, b"next\n")
    release(scratch, NEXT, "0.2.0")
    assert verdict(scratch, NEXT) == (0, set())
    assert verdict(scratch) == (0, set())
    assert scratch.run("verify-audit").status == 0
    keys = scratch.json("trust", "show").report["data"]["log key"]
    assert len(keys) == 2
    note = (ledger(scratch) / "checkpoint").read_text()
    assert note.count("\N{EM DASH} ") == 1


def test_a_checkpoint_by_the_old_log_key_is_refused_after_the_change(scratch: Scratch) -> None:
    old = next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / "log.key"
    kept = old.read_text()
    scratch.ok("trust", "rotate", "--log-key-file", str(scratch.base / "new.key"))
    done = scratch.json("seal", REMEMBRANCER_LOG_KEY=kept)
    assert (done.status, done.codes) == (2, {"input.log-key"})


def test_an_owner_hands_over_with_both_signatures(scratch: Scratch) -> None:
    old, new = owner(scratch), new_key(scratch, "New Owner <new@example.invalid>")
    scratch.ok("trust", "rotate", "--owner", new)
    assert verdict(scratch) == (0, set()), "the old pin still leads to a policy that both have signed"
    there = {"HOME": str(scratch.base / "other")}
    (scratch.base / "other").mkdir()
    for who in (old, new):
        assert scratch.run("verify-full", ARTIFACT, "--trust", who, **there).status == 0
    (scratch.root / f"ops/trust/policy.toml.{new}.asc").unlink()
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, "trust.owner-change" in done.codes) == (1, True)


PRODUCTION = ("init", "--production", "--component", "my-svc", "--domain", "example.com")


def begin_production(scratch: Scratch, fingerprint: str, key: Path) -> str:
    who = ("--owner", fingerprint, "--signer", fingerprint)
    return scratch.ok(*PRODUCTION, *who, "--log-key-file", str(key), *authority_options(scratch)).out


def test_production_archives_development(scratch: Scratch) -> None:
    fingerprint = new_key(scratch, "Owner <owner@example.invalid>")
    key = scratch.base / "log.key"
    told = begin_production(scratch, fingerprint, key)
    for name, value in {
        "REMEMBRANCER_LOG_KEY": str(key),
        "REMEMBRANCER_GPG_KEY": f"gpg --armor --export-secret-keys {fingerprint}",
        "REMEMBRANCER_TRUST": fingerprint,
    }.items():
        assert re.search(rf"{name}: .*{re.escape(value)}", " ".join(told.split())), told
    workflow = (ROOT / "templates/ci/.github/workflows/ci.yml").read_text("utf-8")
    # where the repository's host does not do, and what a private repository may have
    optional = {"REGISTRY_USER", "REGISTRY_PASSWORD", "RELEASE_TOKEN", "CODE_SCANNING", "ATTESTATIONS"}
    assert set(re.findall(r"(?:secrets|vars)\.(\w+)", workflow)) - optional == set(
        re.findall(r"REMEMBRANCER_\w+", told)
    )
    scratch.commit("production")
    archive = next((scratch.root / "ops/receipts/archive").iterdir())
    assert (archive / "deploy/my-svc-0.1.0.receipt").is_file()
    assert (archive / "ledger/checkpoint").is_file()
    assert not (scratch.root / "ops/receipts/deploy").exists()
    assert key.stat().st_mode & 0o777 == 0o600
    assert "trust.unpinned" in verdict(scratch)[1], "the new owner is not pinned by itself"
    scratch.ok("trust", "pin", fingerprint)
    status, codes = verdict(scratch)
    assert (status, "hash.unrecorded" in codes) == (1, True), "development proofs are no production evidence"
    assert scratch.run("verify-audit", "--require", "production").status == 0
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0")
    assert "log.pending" in scratch.json("verify-full", ARTIFACT).codes, "only the holder of the log key seals"
    assert scratch.json("seal").codes == {"env.log-key"}
    asked = scratch.json("sign", "--check", ARTIFACT)
    assert (asked.status, asked.codes) == (4, {"env.log-key"}), "asked before anything slow begins"
    for words, more in ((("--no-seal",), {}), ((), {"REMEMBRANCER_LOG_KEY_FILE": str(key)})):
        assert f"can be signed here, by {fingerprint}" in scratch.ok("sign", "--check", *words, ARTIFACT, **more).out
    scratch.ok("seal", REMEMBRANCER_LOG_KEY_FILE=str(key))
    assert "time.missing" in verdict(scratch)[1]
    who = ("--owner", fingerprint, "--signer", fingerprint)
    again = scratch.json(*PRODUCTION, *who, "--log-key-file", str(key), *authority_options(scratch))
    assert (again.status, again.codes) == (2, {"trust.exists"})


def test_the_private_log_key_never_lies_in_the_repository(scratch: Scratch) -> None:
    fingerprint = new_key(scratch, "Owner <owner@example.invalid>")
    who, key = ("--owner", fingerprint, "--signer", fingerprint), ("--log-key-file", "ops/log.key")
    before = scratch.snapshot()
    done = scratch.json(*PRODUCTION, *who, *key, *authority_options(scratch))
    assert (done.status, done.codes) == (2, {"input.log-key"})
    assert scratch.snapshot() == before


def test_a_key_that_ends_while_its_release_waits_is_told_to_seal_first() -> None:
    """What nothing has dated yet would be dated after the key's end, by the very next seal."""
    with production(released=True) as made:
        made.prove("0.2.0")
        made.push("not sealed yet")
        retire = ("trust", "revoke", "signer-1", "--as", "retired", "--dry-run")
        done = made.scratch.json(*retire)
        assert [one["code"] for one in done.report["data"]["lost"]] == ["sig.time-unproven"] * 2, done.out
        assert "only wait to be sealed: seal and publish first" in made.scratch.run(*retire).out
        made.scratch.ok("seal", **made.key)
        made.push("sealed")
        assert made.scratch.json(*retire).report["data"]["lost"] == []
