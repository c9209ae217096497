"""A repository in production: an owner and a signer of its own, a timestamp authority that answers, a bare origin."""

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cli_support import Scratch, end_agents, new_key, new_scratch, slim
from remembrancer.clock import SystemClock
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.server import TimestampServer

REAL = SystemClock().now
"""The time outside of a test that moves the clock."""


class Moved:
    """A clock that an authority reads, and that a test may set."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def now(self) -> datetime:
        """Return the time that was set, else the real one."""
        return self.at or REAL()

    def on(self, days: int, minutes: int = 0) -> None:
        """Move to some days and minutes after now; negative ones are before it."""
        self.at = REAL() + timedelta(days=days, minutes=minutes)


CLOCK = Moved()
"""What every authority of this process goes by."""


class Outside(LocalAuthority):
    """An authority as somebody else runs one: its tokens do not say that they are for development."""

    policy_oid = "1.3.6.1.4.1.32473.1"


def new_authority() -> tuple[Outside, bytes]:
    """Make an authority; returns it and its root (PEM)."""
    scratch = new_scratch()
    authority = Outside.create(scratch.base / "tsa", CLOCK)
    root = (scratch.base / "tsa" / "tsa-root.pem").read_bytes()
    scratch.remove()
    return authority, root


@functools.cache
def served(name: str = "tsa") -> tuple[TimestampServer, bytes]:
    """Serve an authority of this name for the whole process; returns the server and the root (PEM)."""
    authority, root = new_authority()
    server = TimestampServer(authority)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, root


@dataclass(frozen=True)
class Production:
    """The owner's clone with the log key beside it, and the bare repository that it publishes to."""

    scratch: Scratch
    owner: str
    signer: str

    @property
    def origin(self) -> Path:
        return self.scratch.base / "origin.git"

    @property
    def key(self) -> dict[str, str]:
        """What the environment of the sealing job holds."""
        return {"REMEMBRANCER_LOG_KEY_FILE": str(self.scratch.base / "log.key"), "REMEMBRANCER_TRUST": self.owner}

    def push(self, message: str = "change") -> None:
        """Commit everything and publish it."""
        self.scratch.commit(message)
        self.scratch.git("push", "-q", "origin", "HEAD:main")

    def prove(self, version: str) -> str:
        """Build, sign, stamp and record a version without a seal; returns the artifact's path."""
        artifact = f"dist/my-svc-{version}.tar.gz"
        self.scratch.write(artifact, f"{version}\n" * 9)
        self.scratch.ok("sign", artifact)
        self.scratch.ok("timestamp", artifact)
        self.scratch.ok("record", "deploy", "--component", "my-svc", "--version", version, "--evidence", artifact)
        return artifact

    def release(self, version: str) -> str:
        """Prove a version, seal it as the pipeline does, and publish it."""
        artifact = self.prove(version)
        self.scratch.ok("seal", **self.key)
        self.push(f"record {version}")
        return artifact

    def copy(self) -> "Production":
        """Return an independent copy of the clone, its home and its origin; no agent may run in the home."""
        scratch = self.scratch.copy()
        config = scratch.root / ".git/config"
        config.write_text(config.read_text().replace(str(self.scratch.base), str(scratch.base)))
        return Production(scratch, self.owner, self.signer)

    def clone(self, name: str) -> Path:
        """Return a fresh clone of what is published."""
        self.scratch.git("clone", "-q", str(self.origin), str(self.scratch.base / name))
        return self.scratch.base / name

    def stranger(self) -> dict[str, str]:
        """Return the environment of somebody who trusts the owner and remembers nothing."""
        home = self.scratch.base / "stranger"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home), "REMEMBRANCER_TRUST": self.owner}


def authority_options(scratch: Scratch, name: str = "tsa") -> tuple[str, ...]:
    """Return the options of `init --production` that list an authority of this process."""
    server, root = served(name)
    (scratch.base / f"{name}.pem").write_bytes(root)
    return ("--authority", f"{name}={server.url}", "--authority-root", f"{name}={scratch.base / name}.pem")


def begin(scratch: Scratch, authority: str = "tsa") -> Production:
    """Begin production in a scratch repository, with one authority of this process."""
    owner = new_key(scratch, "Owner <owner@example.invalid>")
    signer = new_key(scratch, "Signer <signer@example.invalid>")
    scratch.git("init", "-q", "--bare", "-b", "main", str(scratch.base / "origin.git"))
    scratch.ok(
        *("init", "--production", "--component", "my-svc", "--domain", "example.com", "--owner", owner),
        *("--signer", signer, "--log-key-file", str(scratch.base / "log.key"), *authority_options(scratch, authority)),
    )
    scratch.ok("trust", "pin", owner)
    scratch.commit("production")
    return Production(scratch, owner, signer)


def publish(made: Production) -> Production:
    """Connect a repository with its origin, and publish what it has."""
    made.scratch.git("remote", "add", "origin", str(made.origin))
    made.scratch.git("push", "-q", "origin", "HEAD:main")
    made.scratch.git("fetch", "-q", "origin")
    return made


@functools.cache
def _begun() -> Production:
    made = publish(begin(new_scratch()))
    end_agents(made.scratch)
    slim(made.scratch)
    shutil.rmtree(made.origin / "hooks")
    return made


@functools.cache
def _released() -> Production:
    made = _begun().copy()
    made.release("0.1.0")
    end_agents(made.scratch)
    return made


@contextmanager
def production(*, released: bool = False) -> Iterator[Production]:
    """Give a copy of a repository in production whose beginning is published, or also the release of 0.1.0."""
    copy = (_released() if released else _begun()).copy()
    try:
        yield copy
    finally:
        end_agents(copy.scratch)
        copy.scratch.remove()


def forget_production() -> None:
    """Remove what `production` copies."""
    for kept in (_begun, _released):
        if kept.cache_info().currsize:
            with suppress(OSError):
                kept().scratch.remove()
            kept.cache_clear()
