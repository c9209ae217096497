"""Scratch repositories and the real command line, for the tests of trust, verdicts and commands."""

import contextlib
import functools
import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from remembrancer.cli.main import main
from short_path import short_path

ARTIFACT = "dist/my-svc-0.1.0.tar.gz"
GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.invalid",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit status and what it printed."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        return json.loads(self.out)

    @property
    def codes(self) -> set[str]:
        """Reason codes of everything that is not verified, or of the error."""
        report = self.report
        if "error" in report:
            return {report["error"]["code"]}
        return {one["code"] for one in report.get("findings", []) if one["outcome"] != "verified"}


@dataclass(frozen=True)
class Scratch:
    """A repository and a home folder of its own, below one short path."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "r"

    @property
    def home(self) -> Path:
        return self.base / "h"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**kept, **GIT_IDENTITY, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **more}

    def run(self, *arguments: str, cwd: Path | None = None, **more: str) -> Outcome:
        """Run a command in this process, as the console script does, with only this scratch's environment."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _environment(self.environment(**more)),
            _folder(cwd or self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = main(list(arguments))
        return Outcome(status, out.getvalue(), err.getvalue())

    def json(self, *arguments: str, cwd: Path | None = None, **more: str) -> Outcome:
        done = self.run(*arguments, "--format", "json", cwd=cwd, **more)
        assert done.report["exitCode"] == done.status, "the report says what the process does"
        return done

    def ok(self, *arguments: str, **more: str) -> Outcome:
        done = self.run(*arguments, **more)
        assert done.status == 0, f"{arguments}: {done.out}{done.err}"
        return done

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        command = ["git", "-C", str(cwd or self.root), *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, data: bytes | str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        return file

    def snapshot(self) -> dict[str, str]:
        """Every file of the repository with its digest, without Git's own and the ledger's local ones."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and not name.startswith((".git/", "ops/receipts/.local/")):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def copy(self) -> "Scratch":
        """An independent copy of repository and home."""
        base = Path(short_path("rm"))
        shutil.copytree(self.base, base, dirs_exist_ok=True, symlinks=True)
        return Scratch(base)

    def remove(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def new_scratch() -> Scratch:
    """A repository with one commit and one artifact, and an empty home."""
    scratch = Scratch(Path(short_path("rm")))
    scratch.root.mkdir()
    scratch.home.mkdir()
    scratch.git("init", "-q", "-b", "main")
    scratch.write(".gitignore", "dist/\n")
    scratch.write(".gitattributes", "ops/receipts/** -text\nops/trust/** -text\n")
    scratch.write(ARTIFACT, b"the artifact's bytes\n" * 50)
    scratch.commit("begin")
    return scratch


def prove(scratch: Scratch, artifact: str, version: str, component: str) -> None:
    """Sign, stamp and record one artifact."""
    scratch.ok("sign", "--no-seal", artifact)
    scratch.ok("timestamp", "--no-seal", artifact)
    scratch.ok("record", "deploy", "--no-seal", "--component", component, "--version", version, "--evidence", artifact)


def release(scratch: Scratch, artifact: str = ARTIFACT, version: str = "0.1.0", component: str = "my-svc") -> None:
    """Sign, stamp, record and seal one artifact, and commit the receipts."""
    prove(scratch, artifact, version, component)
    scratch.ok("seal")
    scratch.commit(f"record {version}")


@functools.cache
def _release() -> Scratch:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    scratch.commit("init")
    release(scratch)
    slim(scratch)
    return scratch


def slim(scratch: Scratch) -> None:
    """Leave half as many files to copy: objects in one pack, and none of Git's sample hooks."""
    scratch.git("repack", "-adq")
    shutil.rmtree(scratch.root / ".git/hooks")


def released() -> Scratch:
    """A repository with development trust and one complete release: a copy of the one that each process makes once."""
    return _release().copy()


def forget_release() -> None:
    """Remove what `released` copies."""
    if _release.cache_info().currsize:
        end_agents(_release())
        _release().remove()
        _release.cache_clear()


def new_key(scratch: Scratch, name: str) -> str:
    """Make an OpenPGP key in the scratch user's own keyring; returns its fingerprint."""
    home = scratch.home / ".gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    command = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", "0"]
    subprocess.run(command, env=scratch.environment(), check=True, capture_output=True)
    listed = subprocess.run(
        ["gpg", "--batch", "--with-colons", "--list-secret-keys", name],
        env=scratch.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))


def end_agents(scratch: Scratch) -> None:
    """End the gpg agent of the scratch user, where there can be one."""
    if (scratch.home / ".gnupg").is_dir():
        subprocess.run(["gpgconf", "--kill", "all"], env=scratch.environment(), check=False, capture_output=True)


def ledger(scratch: Scratch) -> Path:
    return scratch.root / "ops/receipts/ledger"


def receipts(scratch: Scratch, kind: str) -> Sequence[Path]:
    return sorted((scratch.root / "ops/receipts" / kind).rglob("*.receipt"))


def owner(scratch: Scratch) -> str:
    return str(scratch.json("trust", "show").report["data"]["owner"])


def change_policy(scratch: Scratch, old: str, new: str) -> None:
    """Write the next version of the policy with a change, signed by the development owner, without recording it."""
    from remembrancer.record.begin import sign_policy, write_policy
    from remembrancer.repository.reader import Repository
    from remembrancer.trust import policy

    path = scratch.root / "ops/trust/policy.toml"
    now = policy.parse(path.read_bytes())
    text = path.read_text().replace(old, new, 1)
    head, _, rest = text.partition(f"version = {now.version}")
    rest = "\n".join(line for line in rest.split("\n") if not line.startswith("previous"))
    data = f'{head}version = {now.version + 1}\nprevious = "{now.digest}"{rest}'.encode()
    home = next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / "gnupg"
    write_policy(Repository(scratch.root), data, {now.owner: sign_policy(data, now.owner, home, scratch.base)}, {})
