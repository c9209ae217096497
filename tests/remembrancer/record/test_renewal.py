"""Keys and certificates over the years: extended, rotated, replaced; what was proven before stays proven."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from cli_support import Scratch, end_agents, new_key, new_scratch
from production_support import CLOCK, Production, begin, new_authority, production, publish, served
from remembrancer.clock import SystemClock


@pytest.fixture
def made() -> Iterator[Production]:
    with production() as one:
        yield one


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Iterator[Production]:
    """Production that began more than three years ago, by every clock but the one of the OpenPGP library."""
    monkeypatch.setattr(SystemClock, "now", lambda _: CLOCK.now())
    scratch = new_scratch()
    program = scratch.base / "bin/gpg"
    program.parent.mkdir()
    real = shutil.which("gpg")
    program.write_text(f'#!/bin/sh\nexec {real} --faked-system-time "$(cat {scratch.base}/time)" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    try:
        on(scratch, -1200)
        yield publish(begin(scratch, "years"))
    finally:
        CLOCK.at = None
        end_agents(scratch)
        scratch.remove()


def gpg(scratch: Scratch, *arguments: str) -> str:
    command = ["gpg", "--batch", "--passphrase", "", "--pinentry-mode", "loopback", *arguments]
    done = subprocess.run(command, env=scratch.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def on(scratch: Scratch, days: int, minutes: int = 0) -> None:
    """Move every clock: the Remembrancer's, the authorities' and gpg's."""
    CLOCK.on(days, minutes)
    end_agents(scratch)
    (scratch.base / "time").write_text(f"{CLOCK.now():%Y%m%dT%H%M%S}!")


def extend(made: Production, days: int, lasts: str) -> None:
    """Move the clocks, extend the owner's and the signer's key, and move on: gpg's clock stands still between."""
    on(made.scratch, days)
    for who in (made.owner, made.signer):
        gpg(made.scratch, "--quick-set-expire", who, lasts)
    on(made.scratch, days, 5)


def exported(made: Production, fingerprint: str) -> str:
    file = made.scratch.base / f"{fingerprint}.asc"
    file.write_text(gpg(made.scratch, "--armor", "--export", fingerprint))
    return str(file)


def renew(made: Production, *arguments: str) -> None:
    made.scratch.ok("trust", "renew", *arguments, "--dry-run")
    made.scratch.ok("trust", "renew", *arguments)
    made.scratch.ok("seal", **made.key)
    made.push("renewed")


def all_hold(made: Production, *artifacts: str) -> None:
    for artifact in artifacts:
        done = made.scratch.json("verify-full", "--require", "production", artifact)
        wrong = [(one["code"], one["message"]) for one in done.report["findings"] if one["outcome"] != "verified"]
        assert (artifact, done.status, wrong) == (artifact, 0, [])
    done = made.scratch.json("verify-audit", "--require", "production")
    assert (done.status, done.codes) == (0, set()), done.out


def test_three_years_on(past: Production) -> None:
    made = past
    extend(made, -1199, "1y")
    renew(made, "owner")
    renew(made, "signer-1", "--key", exported(made, made.signer))
    artifacts = [made.release("0.1.0")]

    on(made.scratch, -880)
    said = made.scratch.ok("status").out
    assert f"renew it now: gpg --quick-set-expire {made.signer} 2y, then remembrancer trust renew signer-1" in said
    assert "trust renew owner" in said
    extend(made, -880, "2y")
    renew(made, "owner")
    renew(made, made.signer, "--reason", "extended")
    assert "renew it now" not in made.scratch.ok("status").out
    on(made.scratch, -800)
    artifacts.append(made.release("0.2.0"))
    all_hold(made, *artifacts)

    gpg(made.scratch, "--quick-add-key", made.signer, "ed25519", "sign", "3y")
    on(made.scratch, -790)
    renew(made, "signer-1")
    artifacts.append(made.release("0.3.0"))

    server, _ = served("years")
    first, (other, root) = server.authority, new_authority()
    file = made.scratch.base / "new-root.pem"
    file.write_bytes(root)
    server.authority = other
    try:
        lost = made.scratch.json("trust", "renew", "years", "--root", str(file), "--replace", "--dry-run")
        assert lost.report["data"]["lost"], "a root that is taken out takes its timestamps along"
        refused = made.scratch.json("trust", "renew", "years", "--root", str(file), "--replace")
        assert (refused.status, refused.codes) == (2, {"trust.loses"}), refused.out
        renew(made, "years", "--root", str(file))
        artifacts.append(made.release("0.4.0"))
        second, pem = served("years-second")
        file.write_bytes(pem)
        made.scratch.ok("trust", "add", "--authority", "second", "--url", second.url, "--root", str(file))
        made.scratch.ok("seal", **made.key)
        made.push("the second authority stamps what the first one did")
        on(made.scratch, -780)
        early = made.scratch.json("trust", "revoke", "years", "--as", "retired", "--dry-run")
        assert early.report["data"]["lost"] == [], early.out
        made.scratch.ok("trust", "revoke", "years", "--as", "retired")
        made.scratch.ok("seal", **made.key)
        made.push("the second authority follows the first")
        extend(made, -160, "2y")
        renew(made, "owner")
        renew(made, "signer-1")
        artifacts.append(made.release("0.5.0"))
    finally:
        server.authority = first
    all_hold(made, *artifacts)
    on(made.scratch, 20 * 365)
    all_hold(made, *artifacts)


def test_a_renewal_trusts_nobody_new(made: Production) -> None:
    other = new_key(made.scratch, "Other <other@example.invalid>")
    done = made.scratch.json("trust", "renew", "signer-1", "--key", exported(made, other))
    assert (done.status, done.codes) == (2, {"input.certificate"}), done.out
    assert "trust add --signer" in done.report["error"]["remedy"]
    twice = made.scratch.json("trust", "add", "--signer", "again", "--key", exported(made, made.signer))
    assert (twice.status, twice.codes) == (2, {"input.certificate"}), twice.out
    assert "trust renew signer-1 --key FILE" in twice.report["error"]["remedy"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("signer-1",), "trust.unchanged"),
        (("owner",), "trust.unchanged"),
        (("nobody",), "input.name"),
        (("tsa",), "input.name"),
        (("tsa", "--key", "tsa.pem"), "input.name"),
        (("signer-1", "--root", "tsa.pem"), "input.name"),
        (("owner", "--replace"), "input.name"),
        (("tsa", "--root", "tsa.pem"), "trust.unchanged"),
    ],
)
def test_what_is_no_renewal_changes_nothing(made: Production, arguments: tuple[str, ...], code: str) -> None:
    before = made.scratch.snapshot()
    given = [str(made.scratch.base / one) if one.endswith(".pem") else one for one in arguments]
    done = made.scratch.json("trust", "renew", *given)
    assert (done.status, done.codes, made.scratch.snapshot()) == (2, {code}, before), done.out
