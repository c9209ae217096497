"""A thousand remotes made of a few real generations: three versions of the template, and one update that conflicts.

The generations are Copier's, each with its own ledger, release and seal. The remotes are commits on top of them that
one `git fast-import` writes, each in a bare repository of its own that borrows the objects.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import update_history
from aurora.fleet.listed import Fleet, Service
from cli_support import ARTIFACT, Scratch, owner, prove
from collection import commit_all, git
from update_support import end_world, new_world, receipts, spawn, update

LAYER = "fastapi-service"
STANDARD = "app/core/health.py"  # of the standard: whoever changes it drifts
UNLIKE = {"forged": 3, "drifted": 10, "conflicting": 5, "unreachable": 2, "endless": 1}
"""How many services are not as they should be, and in which way."""


@dataclass(frozen=True)
class Made:
    """A generation: its commit, who owns its policy, and the bytes of some of its files."""

    commit: str
    owner: str
    files: Mapping[str, bytes]


def generations(folder: Path) -> tuple[Path, dict[str, Made]]:
    """Make a service of each version and one with a held update; return their repository and each by its name."""
    history = update_history.make(folder / "history")
    store = folder / "objects.git"
    git(folder, "init", "--quiet", "--bare", str(store))
    made = {}
    for version in (update_history.OLDEST, update_history.OLDER, update_history.NEWEST):
        service = spawn(history, folder / version, LAYER, version)
        scratch = new_world(service)
        shutil.rmtree(service)
        try:
            begun(scratch, version)
            made[version] = kept(scratch, store, version)
            if version == update_history.OLDEST:
                conflict(scratch, history)
                made["conflicting"] = kept(scratch, store, "conflicting")
        finally:
            end_world(scratch)
    git(store, "repack", "-a", "-d", "-q")
    return store, made


def begun(scratch: Scratch, version: str) -> None:
    """Give a service its trust, one release and a seal."""
    name = f"svc-{version.replace('.', '-')}"
    scratch.ok("init", "--dev", "--component", name)
    scratch.write(ARTIFACT, b"the artifact's bytes\n" * 50)
    prove(scratch, ARTIFACT, "0.1.0", name)
    scratch.ok("seal")
    scratch.commit("[my-svc] feat: begin")


def conflict(scratch: Scratch, history: update_history.History) -> None:
    """Update a service to the newest version over lines that its team has changed."""
    path = scratch.root / "Makefile"
    path.write_text("".join(f"{line} # ours\n" for line in path.read_text().splitlines()))
    commit_all(scratch.root, "[my-svc] chore: ours")
    update(history, scratch.root, LAYER, update_history.NEWEST)
    assert receipts(scratch.root, "update")[-1]["conflicts"]
    scratch.commit("[my-svc] chore: update")


def kept(scratch: Scratch, store: Path, name: str) -> Made:
    """Take a service's branch into the repository of all, and what forgeries are made of."""
    git(store, "fetch", "--quiet", str(scratch.root), f"+HEAD:refs/heads/{name}")
    root = scratch.root
    names = [STANDARD, "ops/trust/policy.toml"]
    names += [path.relative_to(root).as_posix() for path in root.glob("ops/receipts/ledger/tile/entries/*")]
    names += [path.relative_to(root).as_posix() for path in root.glob("ops/receipts/deploy/*.receipt")][:1]
    files = {name: (root / name).read_bytes() for name in names if (root / name).is_file()}
    return Made(git(store, "rev-parse", name), owner(scratch), files)


def kinds(count: int) -> Iterator[str]:
    """What each of so many services is; those that are not as they should be lie among the others."""
    unlike = [kind for kind, number in UNLIKE.items() for _ in range(number)]
    step = count // len(unlike)
    for number in range(count):
        place, rest = divmod(number, step)
        yield unlike[place] if rest == step // 2 and place < len(unlike) else "sound"


def remotes(folder: Path, store: Path, made: dict[str, Made], count: int, endless: str) -> tuple[Fleet, dict[str, str]]:
    """Publish so many services; return the list of them, and of each what it is."""
    versions = [name for name in made if name != "conflicting"]
    stream, services, what = [b""], [], {}
    for number, kind in enumerate(kinds(count)):
        name, base = f"service-{number:04}", made["conflicting" if kind == "conflicting" else versions[number % 3]]
        url = str(folder / f"{name}.git")
        if kind in ("unreachable", "endless"):
            url = endless if kind == "endless" else str(folder / "nowhere" / name)
        services.append(Service(name, url, trust=base.owner))
        what[name] = kind
        stream.append(commit_of(number, base, changes(kind, number, base)))
    subprocess.run(["git", "-C", str(store), "fast-import", "--quiet", "--done"], input=b"".join(stream) + b"done\n",
                   check=True)  # fmt: skip
    listing = git(store, "for-each-ref", "--format=%(refname:short) %(objectname)").splitlines()
    heads = dict(line.split(" ") for line in listing)
    for one in services:
        if what[one.name] not in ("unreachable", "endless"):
            bare(Path(one.url), store, heads[one.name])
    return Fleet("scale", tuple(services), template=str(folder / "history/bare.git")), what


def bare(folder: Path, store: Path, commit: str) -> None:
    """Make a repository of one branch that borrows its objects."""
    for place in ("objects/info", "refs/heads"):
        (folder / place).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[uploadpack]\n\tallowFilter\n"
    )
    (folder / "objects/info/alternates").write_text(f"{store}/objects\n")
    (folder / "refs/heads/main").write_text(f"{commit}\n")


def changes(kind: str, number: int, base: Made) -> dict[str, bytes]:
    """Return the files that a service has of its own."""
    found = {"docs/ours.md": f"# Service {number}\n".encode()}
    if kind == "drifted":
        found[STANDARD] = base.files[STANDARD] + f"# ours, {number}\n".encode()
    if kind == "forged":
        forgeries = [path for path in base.files if path != STANDARD]
        path = forgeries[number % len(forgeries)]
        found[path] = base.files[path].replace(b"svc-", b"SVC-", 1)
        assert found[path] != base.files[path], path
    return found


def commit_of(number: int, base: Made, files: Mapping[str, bytes]) -> bytes:
    """Return the lines of a fast-import stream that make one commit on a generation."""
    head = f"commit refs/heads/service-{number:04}\ncommitter T <t@example.invalid> {1_800_000_000 + number} +0000\n"
    lines = [f"{head}data 1\nx\nfrom {base.commit}\n".encode()]
    for path, data in files.items():
        lines.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    return b"".join(lines)


@dataclass(frozen=True)
class Used:
    """What a program used: processor seconds of it and its children, the largest of its processes, and its output."""

    seconds: float
    largest: int
    status: int
    said: str


# Linux counts the memory of whoever starts a program as the program's own, so a small process starts it.
MEASURE = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


def used(command: list[str], environment: Mapping[str, str]) -> Used:
    """Run a program and measure it, whatever else the machine does."""
    words = [sys.executable, "-I", "-S", "-c", MEASURE, *command]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    status, seconds, largest = done.stderr.splitlines()[-1].split()
    return Used(float(seconds), int(largest) << 10, int(status), done.stdout)
