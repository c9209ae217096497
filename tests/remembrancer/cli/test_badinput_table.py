"""Whatever nonsense comes in: one sentence, the right exit status, its reason code, and nothing written."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, new_scratch, released
from ledger_world import AT, waiver
from remembrancer.clock import SystemClock
from remembrancer.reasons import REASONS
from remembrancer.receipt.statement import parse, relative_path

DEPLOY = ("record", "deploy", "--component", "my-svc", "--version", "0.2.0", "--evidence", ARTIFACT)
ZEROS = "0" * 64


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = released()
    scratch.write("dist/other.bin", b"other bytes\n")
    yield scratch
    scratch.remove()


@pytest.fixture
def scratch(original: Scratch) -> Iterator[Scratch]:
    copy = original.copy()
    yield copy
    for folder, _, _ in os.walk(copy.base):
        Path(folder).chmod(0o700)
    copy.remove()


@pytest.fixture(scope="module")
def untouched(original: Scratch) -> Iterator[Scratch]:
    """One copy for every refusal, which writes nothing: neither the test that it happens in nor a later one changes."""
    copy = original.copy()
    before = copy.snapshot()
    yield copy
    assert copy.snapshot() == before
    copy.remove()


def deploy(component: str = "my-svc", version: str = "0.2.0", *more: str) -> tuple[str, ...]:
    return ("record", "deploy", "--component", component, "--version", version, "--evidence", ARTIFACT, *more)


NAMES = [
    ("empty", ""),
    ("path", "../x"),
    ("absolute", "/etc/passwd"),
    ("slash", "a/b"),
    ("upper case", "My-Svc"),
    ("newline", "a\nb"),
    ("carriage return", "a\rb"),
    ("escape", "a\x1b[31m"),
    ("jinja", "{{7*7}}"),
    ("shell", "$(id)"),
    ("quote", "a'b\"c"),
    ("space", "a b"),
    ("long", "a" * 300),
    ("hyphen first", "-a"),
    ("hyphen last", "a-"),
    ("digit first", "1a"),
    ("unicode", "ä"),
    ("bidi", "a\u202eb"),
    ("dots", ".."),
]
VERSIONS = [row for row in NAMES if row[0] not in ("upper case", "digit first", "hyphen last")] + [
    ("dot last", "1.0."),
    ("two dots", "1..0"),
]
DOMAINS = [
    ("empty label", "a..example"),
    ("not yours", "example.invalid"),
    ("scheme", "https://example.org"),
    ("newline", "example.org\n"),
    ("upper case", "Example.org"),
    ("long", "a." * 130 + "example"),
]
PRODUCTION = ("init", "--production", "--owner", "0" * 40, "--signer", "0" * 40, "--log-key-file", "new.key",
              "--authority", "tsa=https://tsa.example/", "--authority-root", "tsa=ops/trust/policy.toml")  # fmt: skip

ROWS: list[tuple[str, tuple[str, ...], int, str]] = [
    *[(f"component: {what}", deploy(component=value), 2, "input.component") for what, value in NAMES],
    *[(f"version: {what}", deploy(version=value), 2, "input.version") for what, value in VERSIONS],
    ("digest not hex", (*DEPLOY, "--sha256", "g" * 64), 2, "input.digest"),
    ("digest too short", (*DEPLOY, "--sha256", "ab"), 2, "input.digest"),
    ("digest in upper case", (*DEPLOY, "--sha256", "A" * 64), 2, "input.digest"),
    ("digest empty", (*DEPLOY, "--sha256", ""), 2, "input.digest"),
    ("digest with newline", (*DEPLOY, "--sha256", ZEROS[:-1] + "\n"), 2, "input.digest"),
    ("digest of other bytes", (*DEPLOY, "--sha256", ZEROS), 2, "hash.evidence"),
    ("no evidence", ("record", "deploy", "--component", "my-svc", "--version", "9.9.9"), 2, "input.evidence"),
    ("evidence is a folder", (*deploy()[:-1], "dist"), 2, "input.evidence"),
    ("environment with newline", (*DEPLOY, "--environment", "a\nb"), 2, "input.field"),
    ("image digest malformed", (*DEPLOY, "--image-digest", "sha256:zz"), 2, "input.field"),
    ("no such sbom", (*DEPLOY, "--sbom", "dist/none.json"), 2, "input.evidence"),
    ("plan with control characters", (*DEPLOY, "--rollback", "a\x00b"), 2, "input.field"),
    ("same version, other digest", (*deploy(version="0.1.0")[:-1], "dist/other.bin"), 2, "receipt.conflict"),
    ("no such artifact to sign", ("sign", "dist/none.tar.gz"), 2, "input.file"),
    ("a folder to sign", ("sign", "dist"), 2, "input.file"),
    ("no such key", ("sign", ARTIFACT, "--key", "0123456789ABCDEF0123456789ABCDEF01234567"), 2, "input.key"),
    ("option as key", ("sign", ARTIFACT, "--key", "--output=x"), 2, "input.key"),
    ("no such authority", ("timestamp", ARTIFACT, "--tsa", "http://127.0.0.1:1/"), 2, "input.authority"),
    ("no such artifact to stamp", ("timestamp", "dist/none.tar.gz"), 2, "input.file"),
    ("no such artifact to verify", ("verify-full", "dist/none.tar.gz"), 2, "input.file"),
    ("a folder to verify", ("verify", "dist"), 2, "input.file"),
    ("short fingerprint", ("trust", "pin", "DEADBEEF"), 2, "input.fingerprint"),
    ("fingerprint not hex", ("trust", "pin", "Z" * 40), 2, "input.fingerprint"),
    ("short fingerprint for a run", ("verify-full", ARTIFACT, "--trust", "DEADBEEF"), 2, "input.fingerprint"),
    ("not pinned", ("trust", "unpin", "0" * 40), 2, "input.fingerprint"),
    ("init twice", ("init", "--dev"), 2, "trust.exists"),
    ("development with a domain", ("init", "--dev", "--domain", "example.org"), 2, "input.name"),
    ("production without its terms", ("init", "--production"), 2, "input.terms"),
    *[(f"domain: {what}", (*PRODUCTION, "--domain", value), 2, "input.domain") for what, value in DOMAINS],
    ("nobody of that name", ("trust", "revoke", "nobody", "--as", "retired"), 2, "input.name"),
    ("nobody to add", ("trust", "add", "--signer", "alice"), 2, "input.name"),
    ("two things to rotate", ("trust", "rotate", "--owner", "0" * 40, "--log-key-file", "new.key"), 2, "input.name"),
    ("nothing to rotate", ("trust", "rotate"), 2, "input.name"),
    ("no such root", ("status", "--root", "/nonexistent"), 2, "input.root"),
    ("rollback to nothing", ("record", "rollback", "--component", "my-svc", "--to", "7.0.0", "--environment", "staging",
                             "--reason", "x"), 2, "input.version"),
    ("rollback without a reason", ("record", "rollback", "--component", "my-svc", "--to", "0.1.0", "--environment",
                                   "staging", "--reason", ""), 2, "input.field"),
    ("no such kind", ("list", "receipts", "--kind", "nonsense"), 2, "input.kind"),
    ("no such receipt", ("receipt", "ops/receipts/deploy/none-1.receipt"), 2, "input.file"),
    ("no such checkpoint", ("verify-audit", "--since", "none"), 2, "input.file"),
    ("a time that is none", ("verify-signature", "--signature", ARTIFACT, "--data", ARTIFACT, "--key", ARTIFACT, "--at",
                             "yesterday"), 2, "input.time"),
    ("a nonce that is none", ("verify-timestamp", "--token", ARTIFACT, "--data", ARTIFACT, "--root",
                              "ops/trust/policy.toml", "--nonce", "xyz"), 2, "input.nonce"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "arguments", "status", "code"), ROWS, ids=[row[0] for row in ROWS])
def test_refused(untouched: Scratch, what: str, arguments: tuple[str, ...], status: int, code: str) -> None:
    refuse(untouched, arguments, status, code)


def refuse(scratch: Scratch, arguments: tuple[str, ...], status: int, code: str, **more: str) -> None:
    before = scratch.snapshot()
    done = scratch.run(*arguments, **more)
    assert (done.status, f"[{code}]" in done.err) == (status, True), done.err + done.out
    first = done.err.splitlines()[0]
    assert first.startswith("remembrancer: ")
    assert len(first) < 400
    assert all(char.isprintable() for line in done.err.splitlines() for char in line)
    assert "Traceback" not in done.err
    assert code in REASONS
    assert scratch.snapshot() == before
    shown = scratch.json(*arguments, **more)
    assert (shown.status, shown.codes) == (status, {code})


OF_NO_USE_HERE = {
    "input.file": "put the file or folder itself in the place",
    "input.version": "such as 1.4.0",
}
OWN_REMEDIES = [
    ("an artifact that was not made here", ("verify-full", "dist/none.tar.gz"), "make dist at the release's tag"),
    ("an artifact in no folder", ("sign", ARTIFACT + "/x"), "make dist at the release's tag"),
    ("a folder to verify", ("verify", "dist"), "Name the file itself."),
    ("a folder to sign", ("sign", "dist"), "Name the file itself."),
    ("no such proof", ("verify-proof", "none.proof.json"), "fetch the file from where it was published"),
    ("no such receipt", ("receipt", "none.receipt"), "below ops/receipts"),
    ("production without its terms", ("init", "--production", "--domain", "example.org"), "remembrancer init --help"),
    ("a log key that would be committed", (*PRODUCTION, "--domain", "example.org"), "--log-key-file ../log.key"),
    ("a folder of receipts", ("receipt", "ops/receipts/deploy"), "remembrancer list receipts"),
    ("no receipt", ("receipt", "ops/trust/policy.toml"), "remembrancer list receipts"),
    ("rollback to nothing", ("record", "rollback", "--component", "my-svc", "--to", "9.9.9", "--environment", "staging",
                             "--reason", "x"), "remembrancer list deployments"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "arguments", "remedy"), OWN_REMEDIES, ids=[row[0] for row in OWN_REMEDIES])
def test_what_is_not_there_has_a_remedy_of_its_own(
    scratch: Scratch, what: str, arguments: tuple[str, ...], remedy: str
) -> None:
    error = scratch.json(*arguments).report["error"]
    assert remedy in error["remedy"]
    assert OF_NO_USE_HERE.get(error["code"], REASONS[error["code"]].remedy) not in error["remedy"]


def test_a_production_that_cannot_begin_leaves_no_key(scratch: Scratch) -> None:
    """A log key of the first attempt would be refused by the second one, if that has another domain."""
    root = tomllib.loads((scratch.root / "ops/trust/policy.toml").read_text())["authority"][0]["roots"][0]
    (scratch.base / "root.pem").write_text(root)
    terms = (*PRODUCTION[:6], "--domain", "example.org", "--authority", "tsa=https://tsa.example/")
    files = ("--log-key-file", "../new.key", "--authority-root", "tsa=../root.pem")
    refuse(scratch, (*terms, *files), 2, "sig.no-key")
    assert not (scratch.base / "new.key").exists()


def test_status_says_what_to_do_about_trust() -> None:
    scratch = new_scratch()
    try:
        assert "`remembrancer init`" in scratch.ok("status").out
    finally:
        scratch.remove()


USAGE = [
    ("unknown command", ("verfy-full", ARTIFACT), "verify-full"),
    ("unknown subcommand", ("record", "deplo"), "deploy"),
    ("unknown flag", ("verify-full", ARTIFACT, "--force"), "--force"),
    ("unknown flag of the program", ("--bogus",), "--bogus"),
    ("a command's flag before it", ("--root", ".", "status"), "remembrancer COMMAND --root"),
    ("missing argument", ("verify-full",), "ARTIFACT"),
    ("missing option", ("record", "deploy", "--component", "my-svc"), "--version"),
    ("two arguments", ("verify-full", ARTIFACT, ARTIFACT), "unexpected"),
    ("unknown format", ("status", "--format", "yaml"), "yaml"),
    ("unknown requirement", ("verify-full", ARTIFACT, "--require", "nothing"), "nothing"),
    ("port out of range", ("tsa", "serve", "--port", "70000"), "70000"),
]


@pytest.mark.parametrize(("what", "arguments", "hint"), USAGE, ids=[row[0] for row in USAGE])
def test_usage(untouched: Scratch, what: str, arguments: tuple[str, ...], hint: str) -> None:
    scratch = untouched
    before = scratch.snapshot()
    done = scratch.run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert hint in done.err
    assert "Traceback" not in done.err
    asked = scratch.run(*arguments, "--format=json") if "yaml" not in arguments else None
    assert asked is None or (asked.status, asked.codes, asked.err, hint in asked.out) == (2, {"input.usage"}, "", True)
    assert scratch.snapshot() == before


def test_two_versions_that_share_a_file_name(scratch: Scratch) -> None:
    scratch.ok(*deploy(component="a-b", version="c"))
    refuse(scratch, deploy(component="a", version="b-c"), 2, "receipt.name-clash")
    assert "a-b c" in scratch.run(*deploy(component="a", version="b-c")).err


def test_the_same_again_writes_nothing(scratch: Scratch) -> None:
    before = scratch.snapshot()
    done = scratch.run(*deploy(version="0.1.0"))
    assert (done.status, scratch.snapshot()) == (0, before)
    assert "already recorded" in done.out


def test_another_environment_is_a_rollout(scratch: Scratch) -> None:
    scratch.ok(*deploy("my-svc", "0.1.0", "--environment", "staging"))
    before = scratch.snapshot()
    scratch.ok(*deploy("my-svc", "0.1.0", "--environment", "staging"))
    assert scratch.snapshot() == before
    kinds = [row["kind"] for row in scratch.json("list", "deployments").report["data"]["items"]]
    assert sorted(kinds) == ["deploy", "rollout"]


def use_authority(scratch: Scratch, url: str) -> None:
    """Write a policy whose only authority is at a URL, signed by the development owner."""
    from remembrancer.record.begin import sign_policy, write_policy
    from remembrancer.repository.reader import Repository
    from remembrancer.trust import policy

    path = scratch.root / "ops/trust/policy.toml"
    data = path.read_bytes().replace(b'"local:development"', f'"{url}"'.encode())
    data = data.replace(b"version = 1", f'version = 2\nprevious = "{policy.parse(path.read_bytes()).digest}"'.encode())
    owner = policy.parse(data).owner
    home = next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / "gnupg"
    write_policy(Repository(scratch.root), data, {owner: sign_policy(data, owner, home, scratch.base)}, {})


def test_an_authority_that_cannot_be_reached(scratch: Scratch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        use_authority(scratch, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        refuse(scratch, ("timestamp", ARTIFACT), 4, "env.network")


class Html(BaseHTTPRequestHandler):
    kind = "text/html"

    def do_POST(self) -> None:
        body = b"<html><body>Sign in to the captive portal</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class LyingHtml(Html):
    kind = "application/timestamp-reply"


@pytest.mark.parametrize(("page", "status", "code"), [(Html, 4, "env.authority"), (LyingHtml, 1, "time.malformed")])
def test_a_page_instead_of_a_token(scratch: Scratch, page: type[Html], status: int, code: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        use_authority(scratch, f"http://127.0.0.1:{server.server_address[1]}/")
        (scratch.root / (ARTIFACT + ".tsr")).unlink()
        refuse(scratch, ("timestamp", ARTIFACT), status, code)
        assert not (scratch.root / (ARTIFACT + ".tsr")).exists()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def without_gpg(scratch: Scratch) -> dict[str, str]:
    tools = scratch.base / "bin"
    tools.mkdir()
    git = shutil.which("git")
    assert git is not None
    (tools / "git").symlink_to(git)
    return {"PATH": str(tools)}


def test_no_gpg(scratch: Scratch) -> None:
    refuse(scratch, ("sign", ARTIFACT), 4, "env.no-gpg", **without_gpg(scratch))


def test_no_gpg_at_the_beginning() -> None:
    scratch = new_scratch()
    try:
        refuse(scratch, ("init", "--dev", "--component", "my-svc"), 4, "env.no-gpg", **without_gpg(scratch))
        assert not any((scratch.home / ".local/state/remembrancer/dev").iterdir())
    finally:
        scratch.remove()


def test_no_key(scratch: Scratch) -> None:
    for folder in (scratch.home / ".local/state/remembrancer/dev").iterdir():
        shutil.rmtree(folder / "gnupg")
        (folder / "gnupg").mkdir(mode=0o700)
    refuse(scratch, ("sign", ARTIFACT), 2, "sig.no-key")


def test_no_policy() -> None:
    scratch = new_scratch()
    try:
        refuse(scratch, ("sign", ARTIFACT), 3, "trust.not-begun")
        refuse(scratch, ("timestamp", ARTIFACT), 3, "trust.not-begun")
        refuse(scratch, ("seal",), 3, "trust.not-begun")
    finally:
        scratch.remove()


WRITING = [DEPLOY, ("sign", ARTIFACT), ("timestamp", ARTIFACT)]


@pytest.mark.parametrize("arguments", WRITING, ids=["record", "sign", "timestamp"])
def test_something_else_where_the_receipts_belong(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    shutil.move(scratch.root / "ops/receipts", scratch.base / "receipts")
    (scratch.root / "ops/receipts").write_bytes(b"")
    refuse(scratch, arguments, 2, "input.file")


@pytest.mark.parametrize("arguments", WRITING, ids=["record", "sign", "timestamp"])
@pytest.mark.parametrize("folder", ["ops/receipts", "dist"])
def test_a_read_only_folder(scratch: Scratch, arguments: tuple[str, ...], folder: str) -> None:
    if folder == "dist" and arguments == DEPLOY:
        folder = "ops/receipts/.local"
    for path, _, _ in os.walk(scratch.root / folder):
        Path(path).chmod(0o500)
    before = scratch.snapshot()
    done = without_override(scratch, *arguments)
    assert (done.returncode, "[env.io]" in done.stderr) == (4, True), done.stderr
    assert "Traceback" not in done.stderr
    assert scratch.snapshot() == before


def without_override(scratch: Scratch, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program as somebody whom permissions stop, which they do not stop root from."""
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*prefix, sys.executable, "-m", "remembrancer", *arguments],
        cwd=scratch.root,
        env=scratch.environment(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk(scratch: Scratch) -> None:
    """No file may grow: what a full disk does to a program."""
    before = scratch.snapshot()
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "from remembrancer.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *DEPLOY],
        cwd=scratch.root,
        env=scratch.environment(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "[env.io]" in done.stderr) == (4, True), done.stderr
    assert scratch.snapshot() == before


@pytest.mark.parametrize("path", ["ops/trust/policy.toml", "ops/receipts/ledger/checkpoint", "ops/receipts/deploy"])
def test_links_and_pipes_are_no_evidence(scratch: Scratch, path: str) -> None:
    """A pipe would make a verifier wait for ever, a link could show other bytes to somebody else."""
    victim = scratch.root / path
    if victim.is_dir():
        victim = victim / "my-svc-0.1.0.receipt"
    kept = victim.read_bytes()
    victim.unlink()
    os.mkfifo(victim)
    assert scratch.run("verify-full", ARTIFACT).status == 1
    assert scratch.run("verify-audit").status == 1
    victim.unlink()
    (scratch.base / "elsewhere").write_bytes(kept)
    victim.symlink_to(scratch.base / "elsewhere")
    assert scratch.run("verify-full", ARTIFACT).status == 1
    assert scratch.run("verify-audit").status == 1


def test_a_receipt_from_years_ahead_is_not_sealed(scratch: Scratch) -> None:
    late = waiver("from the future").replace(AT.encode(), b"2999-01-01T00:00:00Z")
    scratch.write(f"ops/receipts/{relative_path(parse(late))}", late)
    scratch.commit("a clock that is wrong")
    done = scratch.json("seal")
    assert (done.status, done.report["exitCode"]) == (1, 1), done.out
    assert [one["code"] for one in done.report["data"]["refused"]] == ["receipt.future"]
    assert "2999-01-01T00:00:00Z" in done.out


def test_the_29th_of_february_is_a_day_like_any_other(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime(2028, 2, 29, 12, tzinfo=UTC))
    scratch.ok(*deploy("my-svc", "0.2.0", "--no-seal"))
    scratch.ok("seal")
