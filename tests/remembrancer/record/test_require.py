"""`trust require`: k signatures and n timestamps from a moment on; what is older keeps the rule it was made under."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli_support import Scratch, end_agents, ledger, new_key
from production_support import CLOCK, REAL, Production, production, served
from remembrancer.clock import FixedClock, SystemClock, rfc3339
from remembrancer.ledger import Ledger
from remembrancer.receipt.statement import parse
from remembrancer.record import statements
from remembrancer.repository.store import Store
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.request import make_request
from remembrancer.user.keys import read_log_key

TWO = ("trust", "require", "--signatures", "2", "--timestamps", "2")


@dataclass(frozen=True)
class Pair:
    """A repository in production with one release, then a second signer and a second authority in its policy."""

    made: Production
    second: str
    old: str

    def verdict(self, artifact: str) -> tuple[int, set[str]]:
        """Ask somebody who trusts the owner and remembers nothing."""
        done = self.made.scratch.json("verify-full", artifact, **self.made.stranger())
        return done.status, done.codes


@pytest.fixture(scope="module")
def original() -> Iterator[Pair]:
    with production() as made:
        scratch = made.scratch
        second = new_key(scratch, "Second <second@example.invalid>")
        key = scratch.base / "second.asc"
        export = ["gpg", "--armor", "--export", second]
        key.write_bytes(subprocess.run(export, env=scratch.environment(), check=True, capture_output=True).stdout)
        # the accuracy of a stamp is a second, and the rule of its time is the one at its late end
        CLOCK.at = REAL() - timedelta(minutes=2)
        try:
            old = made.release("0.1.0")
        finally:
            CLOCK.at = None
        server, root = served("tsa2")
        (scratch.base / "tsa2.pem").write_bytes(root)
        scratch.ok("trust", "add", "--signer", "second", "--key", str(key))
        scratch.ok("trust", "add", "--authority", "tsa2", "--url", server.url, "--root", str(scratch.base / "tsa2.pem"))
        scratch.ok("seal", **made.key)
        made.push("a second signer and authority")
        end_agents(scratch)
        yield Pair(made, second, old)


@pytest.fixture
def pair(original: Pair) -> Iterator[Pair]:
    made = original.made.copy()
    yield replace(original, made=made)
    end_agents(made.scratch)
    made.scratch.remove()


def require_two(pair: Pair) -> None:
    pair.made.scratch.ok(*TWO, "--reason", "four eyes")
    pair.made.scratch.ok("seal", **pair.made.key)
    pair.made.push("two of each")


def test_two_of_each_from_now_on(pair: Pair) -> None:
    scratch = pair.made.scratch
    require_two(pair)
    receipts = [parse(data) for _, data in Ledger(scratch.root).entries()]
    assert [one.predicate["action"] for one in receipts if one.kind == "trust"][-1] == "require"
    shown = scratch.json("trust", "show").report["data"]["required"]
    assert [one.partition(",")[0] for one in shown] == ["1 signature", "2 signatures"]
    assert pair.verdict(pair.old) == (0, set()), "what is older keeps its rule"
    assert scratch.run("verify-audit", **pair.made.stranger()).status == 0

    new = pair.made.prove("0.2.0")
    assert (scratch.root / f"{new}.tsr").is_file()
    assert (scratch.root / f"{new}.tsa2.tsr").is_file(), "timestamp asks as many as are required"
    done = scratch.json("seal", **pair.made.key)
    (held,) = done.report["data"]["held"]
    assert (done.status, held["code"]) == (0, "receipt.waiting"), "one of the two alone releases nothing"
    assert held["message"] == (
        "my-svc 0.2.0 has 1 of 2 signatures, 1 of 2 signatures of its receipt; it waits for the signer second"
    )
    assert pair.verdict(new) == (1, {"sig.missing", "log.pending"})
    pair.made.push("a pending release")

    scratch.ok("sign", new, "--key", pair.second)
    scratch.ok("seal", **pair.made.key)
    pair.made.push("record 0.2.0")
    assert pair.verdict(new) == (0, set())
    assert pair.verdict(pair.old) == (0, set())


def test_who_approves_signs_what_is_on_the_record_and_nothing_else(pair: Pair) -> None:
    """An archive that the approver built and that is not the recorded one is refused before anything is signed."""
    scratch = pair.made.scratch
    require_two(pair)
    artifact = pair.made.prove("0.2.0")
    pair.made.push("a pending release")
    scratch.write(artifact, "another build\n")
    before = scratch.snapshot()
    done = scratch.json("sign", artifact, "--key", pair.second)
    assert (done.status, done.codes) == (1, {"hash.mismatch"}), done.out
    assert "my-svc-0.2.0.receipt" in done.out
    assert scratch.snapshot() == before


def test_what_waits_is_named_with_whom_it_waits_for(pair: Pair) -> None:
    scratch = pair.made.scratch
    require_two(pair)
    artifact = pair.made.prove("0.2.0")
    third = new_key(scratch, "Third <third@example.invalid>")
    key = scratch.base / "third.asc"
    export = ["gpg", "--armor", "--export", third]
    key.write_bytes(subprocess.run(export, env=scratch.environment(), check=True, capture_output=True).stdout)
    scratch.ok("trust", "add", "--signer", "third", "--key", str(key))
    before = scratch.snapshot()
    done = scratch.json("seal", "--dry-run")
    (held,) = done.report["data"]["held"]
    assert held["message"].endswith("it waits for one of the signers second, third")
    assert held["subject"].endswith(f"{Path(artifact).name.removesuffix('.tar.gz')}.receipt")
    assert scratch.snapshot() == before


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_a_proof_that_travels_carries_what_dates_it(pair: Pair, version: str) -> None:
    scratch, artifact = pair.made.scratch, pair.old
    require_two(pair)
    if version == "0.2.0":
        artifact = pair.made.prove(version)
        scratch.ok("sign", artifact, "--key", pair.second)
        scratch.ok("seal", **pair.made.key)
        pair.made.push("record 0.2.0")
    scratch.ok("export-proof", artifact)
    policy = str(scratch.root / "ops/trust/policy.toml")
    done = scratch.json("verify-proof", f"{artifact}.proof.json", "--policy", policy, **pair.made.stranger())
    assert (done.status, done.codes) == (0, set()), done.out


def test_what_nothing_dates_is_judged_by_the_rule_of_today(pair: Pair) -> None:
    require_two(pair)
    shutil.rmtree(ledger(pair.made.scratch) / "timestamps")
    assert pair.verdict(pair.old) == (1, {"sig.missing", "time.missing"})


def sealed_by_hand(pair: Pair, artifact: str) -> None:
    """Seal without the checks of `remembrancer seal`, as the holder of the log key can."""
    key = read_log_key(pair.made.scratch.base / "log.key")
    Ledger(pair.made.scratch.root).seal(key)
    pair.made.scratch.commit(f"seal {artifact}")


def test_the_clock_of_a_receipt_has_no_say(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    require_two(pair)
    with monkeypatch.context() as back:
        back.setattr(SystemClock, "now", lambda _: datetime.now(UTC) - timedelta(minutes=2))
        artifact = pair.made.prove("0.2.0")
    sealed_by_hand(pair, artifact)
    status, codes = pair.verdict(artifact)
    assert (status, "sig.missing" in codes) == (1, True)


@dataclass(frozen=True)
class Own:
    """An authority that the signer runs, listed as that, whose clock is an hour slow."""

    folder: Path
    clock: FixedClock

    def over(self, data: bytes) -> bytes:
        """Stamp bytes with its time."""
        return LocalAuthority.load(self.folder, self.clock).respond(make_request(hashlib.sha256(data).digest(), 1))

    def over_checkpoint(self, scratch: Scratch) -> None:
        """Stamp the newest checkpoint."""
        note = (ledger(scratch) / "checkpoint").read_bytes()
        size, stamps = int(note.split(b"\n")[1]), ledger(scratch) / "timestamps"
        (stamps / f"{size}.note").write_bytes(note)
        (stamps / f"{size}.own.tsr").write_bytes(self.over(note))


@pytest.fixture
def own(pair: Pair) -> Own:
    scratch = pair.made.scratch
    clock = FixedClock(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    LocalAuthority.create(scratch.base / "own", FixedClock(clock.now() - timedelta(minutes=1)))
    root = scratch.base / "own/tsa-root.pem"
    add = ("trust", "add", "--authority", "own", "--url", "http://127.0.0.1:9/", "--root", str(root))
    scratch.ok(*add, "--self-asserted")
    return Own(root.parent, clock)


def test_the_signer_s_own_authority_makes_nothing_older(pair: Pair, own: Own) -> None:
    """It stamps a checkpoint of today an hour back: the rule of then is not the rule of the release."""
    scratch = pair.made.scratch
    scratch.ok("trust", "require", "--signatures", "2")
    scratch.ok("seal", **pair.made.key)
    artifact = pair.made.prove("0.2.0")
    sealed_by_hand(pair, artifact)
    own.over_checkpoint(scratch)
    status, codes = pair.verdict(artifact)
    assert (status, "sig.missing" in codes) == (1, True)


@pytest.mark.parametrize("over", ["the checkpoint", "the signature"])
def test_the_signer_s_own_authority_proves_nothing_for_a_stolen_key(pair: Pair, own: Own, over: str) -> None:
    """Who has the key has that clock as well: what was signed after the theft is stamped an hour back."""
    scratch = pair.made.scratch
    artifact = pair.made.prove("0.2.0")
    if over == "the signature":
        token, store = own.over((scratch.root / f"{artifact}.asc").read_bytes()), Store(scratch.root)
        about = (
            f"{Path(artifact).name}.asc",
            hashlib.sha256((scratch.root / f"{artifact}.asc").read_bytes()).hexdigest(),
        )
        store.write_receipt(
            statements.timestamp(
                about,
                authority="own",
                gen_time=own.clock.now(),
                nonce=1,
                blob=store.write_blob(token),
                now=own.clock.now(),
            )
        )
    sealed_by_hand(pair, artifact)
    if over == "the checkpoint":
        own.over_checkpoint(scratch)
    theft = rfc3339(datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30))
    scratch.ok("trust", "revoke", "signer-1", "--as", "compromised", "--compromised-at", theft)
    scratch.ok("seal", **pair.made.key)
    pair.made.push("stolen")
    done = scratch.json("verify-full", artifact, **pair.made.stranger())
    (said,) = [one["code"] for one in done.report["findings"] if one["check"] == "signature"]
    assert (done.status, said) == (1, "sig.key-compromised"), done.out


def test_a_dry_run_names_the_releases_that_would_be_left_behind(pair: Pair) -> None:
    scratch = pair.made.scratch
    pending = pair.made.prove("0.2.0")
    before = scratch.snapshot()
    done = scratch.json(*TWO, "--dry-run")
    assert done.status == 0, done.out
    lost = [(one["subject"], one["code"]) for one in done.report["data"]["lost"]]
    path = f"ops/receipts/deploy/{Path(pending).name.removesuffix('.tar.gz')}.receipt"
    assert lost == [(path, "sig.missing"), (path, "time.missing"), (path, "sig.missing")]
    assert scratch.snapshot() == before


def test_an_older_release_is_dated_by_as_many_as_were_required_then(pair: Pair) -> None:
    """Its signer retires after two were required, and only one authority ever stamped its checkpoint."""
    scratch = pair.made.scratch
    require_two(pair)
    scratch.ok("trust", "revoke", "signer-1", "--as", "retired")
    scratch.ok("seal", **pair.made.key)
    pair.made.push("signer-1 retires")
    assert pair.verdict(pair.old) == (0, set())


PAST = rfc3339(datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), "input.name", "--signatures, --timestamps or both"),
        (("--signatures", "1"), "input.name", "asks for 1 signature and 1 timestamp already"),
        (("--signatures", "3"), "policy.weak", "3 signatures and 1 timestamp cannot be had from 2 signers"),
        (("--timestamps", "3"), "policy.weak", "2 independent authorities in use"),
        (("--signatures", "2", "--from", PAST), "input.time", "has passed"),
    ],
)
def test_what_cannot_be_required(pair: Pair, arguments: tuple[str, ...], code: str, said: str) -> None:
    before = pair.made.scratch.snapshot()
    done = pair.made.scratch.json("trust", "require", *arguments)
    assert (done.status, done.codes) == (2, {code}), done.out
    assert said in done.report["error"]["message"]
    assert pair.made.scratch.snapshot() == before


def test_a_moment_to_come(pair: Pair) -> None:
    """Until then one is enough, and no other rule can come before it."""
    scratch = pair.made.scratch
    scratch.ok("trust", "require", "--signatures", "2", "--from", "30d")
    scratch.ok("seal", **pair.made.key)
    assert pair.verdict(pair.made.release("0.2.0")) == (0, set())
    done = scratch.json("trust", "require", "--signatures", "1")
    assert (done.status, done.codes) == (2, {"input.time"})
    scratch.ok("trust", "require", "--signatures", "1", "--from", "31d")
