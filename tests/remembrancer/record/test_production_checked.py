"""`init --production` checks everything, each authority too, before it writes anything; nobody signs by default."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import Outcome, Scratch, end_agents, new_key, new_scratch
from production_support import authority_options
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.server import TimestampServer
from terminal import terminal

BEGIN = ("init", "--production", "--component", "my-svc", "--domain", "example.com")


@pytest.fixture(scope="module")
def keys() -> Iterator[tuple[Scratch, str, str]]:
    """A repository without a ledger, the owner's key and the signer's."""
    scratch = new_scratch()
    made = (scratch, new_key(scratch, "Owner <o@example.invalid>"), new_key(scratch, "Signer <s@example.invalid>"))
    yield made
    end_agents(scratch)
    scratch.remove()


@pytest.fixture
def given(keys: tuple[Scratch, str, str]) -> tuple[str, ...]:
    """Everything but the authorities."""
    scratch, owner, signer = keys
    return (*BEGIN, "--owner", owner, "--signer", signer, "--log-key-file", str(scratch.base / "log.key"))


def refused(scratch: Scratch, *arguments: str, code: str) -> Outcome:
    """Run a command that has to be refused with a code and to leave nothing, not even a log key."""
    before = scratch.snapshot(), sorted(path.name for path in scratch.base.iterdir())
    done = scratch.json(*arguments)
    assert done.status in (1, 2, 4)
    assert done.codes == {code}, done.out
    assert before == (scratch.snapshot(), sorted(path.name for path in scratch.base.iterdir()))
    return done


def test_an_authority_that_does_not_answer(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    scratch = keys[0]
    options = authority_options(scratch)
    second = ("--authority", "down=http://127.0.0.1:9/", "--authority-root", f"down={own_root(scratch)}")
    done = refused(scratch, *given, *options, *second, code="env.network")
    assert "the authority down:" in done.report["error"]["message"]


def test_an_authority_whose_tokens_lead_to_another_root(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    scratch = keys[0]
    name, url, option, _ = authority_options(scratch)
    done = refused(scratch, *given, name, url, option, f"tsa={own_root(scratch)}", code="time.untrusted-root")
    assert "--intermediate" in done.report["error"]["remedy"]


def test_a_policy_under_which_the_authority_stamps_nothing(
    keys: tuple[Scratch, str, str], given: tuple[str, ...]
) -> None:
    oid = ("--policy-oid", "tsa=1.3.6.1.4.1.32473.9")
    refused(keys[0], *given, *authority_options(keys[0]), *oid, code="time.status")


def own_root(scratch: Scratch) -> Path:
    """Return the root of another authority, which has nothing to do with the one of this process."""
    folder = scratch.home / "other"
    if not folder.exists():
        LocalAuthority.create(folder)
    return folder / "tsa-root.pem"


def test_a_leaf_is_no_root(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    leaf = own_root(keys[0]).with_name("tsa.pem")
    url = authority_options(keys[0])[:2]
    refused(keys[0], *given, *url, "--authority-root", f"tsa={leaf}", code="input.certificate")


def test_the_development_authority_is_not_somebody_else(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    scratch = keys[0]
    root = own_root(scratch)
    with TimestampServer(LocalAuthority.load(root.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        own = ("--authority", f"own={server.url}", "--authority-root", f"own={root}")
        done = refused(scratch, *given, *own, code="time.self-asserted")
        assert "tsa serve" in done.report["error"]["message"]
        refused(scratch, *given, *own, "--self-asserted", "own", code="policy.weak")
        beside = (*own, "--self-asserted", "own", *authority_options(scratch))
        assert scratch.json(*given, *beside, "--dry-run").report.get("notices", []) == []
        server.shutdown()


def test_the_owner_signs_no_releases_by_default(keys: tuple[Scratch, str, str]) -> None:
    scratch, owner, _ = keys
    rest = ("--owner", owner, "--log-key-file", str(scratch.base / "log.key"), *authority_options(scratch))
    done = refused(scratch, *BEGIN, *rest, code="input.terms")
    assert "--signer" in done.report["error"]["message"]
    said = scratch.json(*BEGIN, *rest, "--signer", owner, "--dry-run").report["notices"]
    assert any("the owner signs releases too" in one for one in said)


@pytest.mark.parametrize("who", ["--owner", "--signer"])
def test_a_key_that_has_ended(keys: tuple[Scratch, str, str], given: tuple[str, ...], who: str) -> None:
    scratch = keys[0]
    old = f"Old{who} <{who[2:]}@example.invalid>"
    command = ["gpg", "--batch", "--faked-system-time", "20200101T000000!", "--passphrase", "", "--quick-gen-key", old]
    subprocess.run([*command, "ed25519", "sign", "1y"], env=scratch.environment(), check=True, capture_output=True)
    ended = listed(scratch, old)
    changed = tuple(ended if before == who else one for before, one in zip(("", *given), given, strict=False))
    done = refused(scratch, *changed, *authority_options(scratch), code="sig.key-expired")
    assert f"gpg --quick-set-expire {ended}" in done.report["error"]["remedy"]


def listed(scratch: Scratch, name: str) -> str:
    """Return the fingerprint of a key of that name."""
    command = ["gpg", "--batch", "--with-colons", "--list-keys", name]
    done = subprocess.run(command, env=scratch.environment(), check=True, capture_output=True, text=True)
    return next(line.split(":")[9] for line in done.stdout.splitlines() if line.startswith("fpr"))


def test_a_revoked_key(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    scratch = keys[0]
    gone = new_key(scratch, "Gone <gone@example.invalid>")
    stored = (scratch.home / f".gnupg/openpgp-revocs.d/{gone}.rev").read_text()
    revocation = stored[stored.index(":-----BEGIN") + 1 :]
    command = ["gpg", "--batch", "--import"]
    subprocess.run(command, input=revocation, env=scratch.environment(), check=True, capture_output=True, text=True)
    again = (*given, "--signer", gone, *authority_options(scratch))
    refused(scratch, *again, code="sig.key-revoked")


def test_a_dry_run_checks_everything_and_writes_nothing(keys: tuple[Scratch, str, str], given: tuple[str, ...]) -> None:
    scratch = keys[0]
    before = scratch.snapshot()
    done = scratch.ok(*given, *authority_options(scratch), "--dry-run")
    assert "authority tsa: gave a token that verifies" in done.out
    assert "tsa is the only timestamp authority" in done.err + done.out
    assert "nothing was changed" in done.out
    assert (scratch.snapshot(), (scratch.base / "log.key").exists()) == (before, False)


ANSWERS = """\
component = "my-svc"
domain = "example.com"
owner = "{owner}"
signers = ["{signer}"]
log-key-file = "log.key"

[[authority]]
name = "tsa"
url = "{url}"
roots = ["tsa.pem"]
policy-oids = ["1.3.6.1.4.1.32473.1"]
"""


def answers(keys: tuple[Scratch, str, str], change: tuple[str, str] = ("", "")) -> Path:
    """Write a file of answers beside the repository, with a change, and return it."""
    scratch, owner, signer = keys
    url = authority_options(scratch)[1].partition("=")[2]
    file = scratch.base / "answers.toml"
    file.write_text(ANSWERS.format(owner=owner, signer=signer, url=url).replace(*change))
    return file


def test_a_file_of_answers_is_all_that_a_program_needs(keys: tuple[Scratch, str, str]) -> None:
    """Its paths begin at its own folder, and an option wins over it."""
    end_agents(keys[0])
    scratch = keys[0].copy()
    try:
        file = answers((scratch, *keys[1:]))
        begun = scratch.json("init", "--production", "--answers", "../answers.toml", "--domain", "example.org")
        assert begun.status == 0, begun.out
        assert begun.report["data"]["origin"] == "example.org/my-svc"
        assert (file.parent / "log.key").stat().st_mode & 0o777 == 0o600
        policy = (scratch.root / "ops/trust/policy.toml").read_text()
        assert 'policy-oids = ["1.3.6.1.4.1.32473.1"]' in policy
        assert f'fingerprint = "{keys[2]}"' in policy
    finally:
        end_agents(scratch)
        scratch.remove()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("domain", "domian"), "unknown name 'domian'"),
        (("signers = [", "signers = [1, "), "must list texts for signers"),
        (('log-key-file = "log.key"', "log-key-file = 7"), "type str for log-key-file"),
        (("roots = [", "root = ["), "unknown name 'root' in [[authority]] 1"),
        (('roots = ["tsa.pem"]', ""), "no roots in [[authority]] 1"),
        (("[[authority]]", "authority = [1]\n[other]"), "unknown name 'other'"),
        (("[[authority]]\n", "authority = [1]\n#"), "no table in [[authority]] 1"),
        (("[[authority]]", "[[authority]"), "is not TOML"),
    ],
)
def test_a_file_of_answers_that_says_something_else(
    keys: tuple[Scratch, str, str], change: tuple[str, str], said: str
) -> None:
    file = answers(keys, change)
    if "#" in change[1]:
        file.write_text(file.read_text().partition("#")[0])
    done = refused(keys[0], "init", "--production", "--answers", str(file), code="input.terms")
    assert said in done.report["error"]["message"]


@pytest.mark.parametrize(
    "more",
    [
        ("--intermediate", "other=x.pem"),
        ("--policy-oid", "other=1.2.3"),
        ("--allow-ess-v1", "other"),
        ("--self-asserted", "other"),
        ("--authority", "tsa=http://127.0.0.1:9/"),
    ],
)
def test_an_option_for_no_authority(
    keys: tuple[Scratch, str, str], given: tuple[str, ...], more: tuple[str, str]
) -> None:
    refused(keys[0], *given, *authority_options(keys[0]), *more, code="input.authority")


def test_a_terminal_is_asked_for_what_is_missing(keys: tuple[Scratch, str, str]) -> None:
    scratch, owner, signer = keys
    _, url, _, root = (one.partition("=")[2] or one for one in authority_options(scratch))
    typed = "\n".join(["example.com", owner, signer, "", "", url, root, "", "n", ""])
    shown = terminal(scratch, "init", "--production", "--component", "my-svc", "--dry-run", width=200, typed=typed)
    assert "would begin example.com/my-svc" in shown, shown
    assert "authority tsa-1: gave a token that verifies" in shown
