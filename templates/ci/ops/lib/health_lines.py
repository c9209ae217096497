"""The lines of the health check: what each one looks at, and when it is healthy, a warning, or broken."""

import contextlib
import functools
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import service
from evidence import gravity, program, remembrancer_json, verdict
from service import ROOT, Service, Trouble

OK, WARNING, BROKEN, SKIPPED = "ok", "warning", "broken", "skipped"
CHECKPOINT = "ops/receipts/ledger/checkpoint"
CLUSTERS = "ops/*/cluster.yaml"
DECISIONS = "ops/receipts/adr"
SOON, WAITS, WAITED = timedelta(days=60), timedelta(days=7), timedelta(days=30)
PENDING = {"log.pending"}
UNWITNESSED = {"log.unwitnessed"}
UNPINNED = {"trust.unpinned"}  # what a fresh checkout is; anything else that is not proven is broken
NO_LAYER = "the Remembrancer (layer 2) is not part of this repository"
INSTALL = "ops/bin/hooks install"
RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
ANSWERS = (".copier-answers.yml", ".copier-answers.k8s.yml", ".copier-answers.ci.yml")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen."""

    name: str
    state: str
    message: str


def has_remembrancer() -> bool:
    """Tell whether layer 2 is part of this repository."""
    return (ROOT / "ops" / "bin" / "remembrancer").is_file()


@functools.cache
def facts() -> dict[str, object]:
    """Return what `ops/bin/remembrancer status` knows; {} when it could not be asked."""
    status = remembrancer_json("status")
    inner = status.get("data", status)
    return inner if isinstance(inner, dict) else {}


def known_to_git(path: str) -> bool:
    """Tell whether HEAD or its history has a file: what was there and is gone was deleted, and not never begun.

    Raises:
        Trouble: there is a repository that git does not read; what it cannot be asked is never "no".
    """
    if not any(os.path.lexists(folder / ".git") for folder in (ROOT, *ROOT.parents)):
        return False
    if not service.git("rev-list", "--max-count=1", "--all"):
        return False
    return bool(service.git("rev-list", "--max-count=1", "HEAD", "--", path).strip())


def ledger(_found: Service) -> Line:
    """The ledger is there and sound."""
    note = ROOT / CHECKPOINT
    if not note.is_file():
        policy = "ops/trust/policy.toml"
        if (ROOT / policy).is_file() or known_to_git(CHECKPOINT) or known_to_git(policy):
            return Line(
                "ledger", BROKEN, "ops/receipts/ledger is missing; restore it with git restore ops/receipts/ledger"
            )
        begin = "not begun; begin one with ops/bin/remembrancer init --dev"
        return Line("ledger", WARNING, begin) if has_remembrancer() else Line("ledger", SKIPPED, NO_LAYER)
    if not has_remembrancer():
        return Line("ledger", SKIPPED, NO_LAYER)
    size = note.read_text(encoding="utf-8", errors="replace").splitlines()[1:2] or ["?"]
    return audited(size[0])


def audited(size: str) -> Line:
    """Everything in the ledger of this size is recomputed and equal."""
    code, said, codes = verdict("verify-audit")
    if code == 0:
        return Line("ledger", OK, f"{size} receipts sealed; everything recomputed and equal")
    if codes == UNPINNED:
        return Line("ledger", WARNING, f"{size} receipts sealed; not proven here: {said}")
    if codes == PENDING:
        return Line("ledger", WARNING, f"{size} receipts sealed, and some wait [log.pending]; the next seal takes them")
    if codes or code not in {4, 127}:
        shown = f" [{', '.join(sorted(codes, key=lambda one: (gravity(one), one)))}]" if codes else ""
        way_out = "witness, once it is pushed" if codes == UNWITNESSED else "verify-audit"
        return Line("ledger", BROKEN, f"{said}{shown} (ops/bin/remembrancer {way_out})")
    return Line("ledger", WARNING, f"not checked: {said}")


def age(now: datetime) -> timedelta | None:
    """Return the age of the last checkpoint: by its timestamp, else by the commit that brought it; None: unknown."""
    stamped = instant(facts().get("stamped"))
    if stamped is None:
        try:
            seconds = service.git("log", "-1", "--format=%ct", "HEAD", "--", CHECKPOINT).strip()
        except Trouble:
            return None
        stamped = datetime.fromtimestamp(int(seconds), UTC) if seconds else None
    return now - stamped if stamped else None


def checkpoint(_found: Service) -> Line:
    """The last checkpoint is young enough for what waits to be sealed."""
    if not (ROOT / CHECKPOINT).is_file():
        return Line("checkpoint", WARNING if has_remembrancer() else SKIPPED, "not begun")
    old, waiting = age(datetime.now(UTC)), facts().get("pending")
    if old is None:
        return Line("checkpoint", WARNING, "of unknown age: no timestamp, and no commit has it; git add ops/receipts")
    if old < -timedelta(minutes=5):
        return Line("checkpoint", BROKEN, "from the future; look at this machine's clock: date -u")
    said = f"{span(old)} old"
    if waiting and old > WAITS:
        state = BROKEN if old > WAITED else WARNING
        return Line("checkpoint", state, f"{said}, and receipts wait since then; ops/bin/remembrancer seal")
    return Line("checkpoint", OK, said)


def pending(_found: Service) -> Line:
    """Receipts that wait for a seal, and receipts that somebody changed."""
    if not (ROOT / "ops" / "receipts").is_dir():
        return Line("receipts", WARNING, "none; ops/bin/remembrancer record spawn writes the first one")
    try:
        changed = service.git(
            "diff", "--name-only", "--diff-filter=MDT", "HEAD", "--", "ops/receipts/*.receipt", "ops/receipts/blobs"
        )
    except Trouble as error:
        return Line("receipts", WARNING, f"not compared with git: {error}")
    if names := changed.decode(errors="replace").splitlines():
        return Line("receipts", BROKEN, f"{names[0]} was edited or removed; git restore {names[0]}")
    waiting = facts().get("pending")
    if waiting is None:
        why = "the Remembrancer did not answer" if has_remembrancer() else NO_LAYER
        return Line("receipts", OK, f"unchanged since they were committed; those that wait were not counted: {why}")
    if waiting:
        return Line("receipts", WARNING, f"unchanged; {waiting} pending, sealed by: ops/bin/remembrancer seal")
    return Line("receipts", OK, "unchanged since they were committed; none pending")


def decisions(_found: Service) -> Line:
    """No two decisions have the same number: branches can take one each, and git merges both."""
    names = sorted(path.name for path in (ROOT / DECISIONS).glob("ADR-*.md"))
    numbered: dict[int, str] = {}
    for name in names:
        if match := re.match(r"ADR-([0-9]+)-", name):
            first = numbered.setdefault(int(match[1]), name)
            if first != name:
                remedy = f"ops/bin/remembrancer adr renumber {DECISIONS}/{name}"
                return Line("decisions", BROKEN, f"{first} and {name} have the same number [adr.number]; {remedy}")
    return Line("decisions", OK, f"{len(names)}, each with its own number" if names else "none yet")


def trust(_found: Service) -> Line:
    """Somebody outside the repository says whom it trusts."""
    if not has_remembrancer():
        return Line("trust", SKIPPED, NO_LAYER)
    if not (ROOT / "ops" / "trust" / "policy.toml").is_file():
        if (ROOT / CHECKPOINT).is_file() or known_to_git(CHECKPOINT) or known_to_git("ops/trust/policy.toml"):
            return Line("trust", BROKEN, "the policy of the ledger is missing; git restore ops/trust")
        return Line("trust", WARNING, "not begun; ops/bin/remembrancer init writes the policy")
    code, said, codes = verdict("trust", "show")
    if code == 0:
        return Line("trust", OK, "the policy's owner is pinned on this machine")
    if codes == UNPINNED:
        return Line("trust", WARNING, "unpinned; ops/bin/remembrancer trust pin FINGERPRINT, which the owner tells you")
    return Line("trust", BROKEN if codes or code not in {4, 127} else WARNING, said)


def keys(_found: Service) -> Line:
    """No key and no certificate that the policy uses has ended or is about to."""
    if not has_remembrancer():
        return Line("keys", SKIPPED, NO_LAYER)
    listed = facts().get("keys")
    if not isinstance(listed, list):
        return Line("keys", WARNING, "not looked at: no policy is trusted on this machine")
    now = datetime.now(UTC)
    # a Remembrancer before 4.2 says no command that helps
    ends = sorted(
        (at, str(one["what"]), str(one.get("renew", "ops/bin/remembrancer trust renew --help")))
        for one in listed
        if (at := instant(one["until"]))
    )
    if not ends:
        return Line("keys", OK, f"none of {len(listed)} ends")
    first, what, renew = ends[0]
    if first <= now:
        return Line("keys", BROKEN, f"{what} ended on {first:%Y-%m-%d}; {renew}")
    if first - now <= SOON:
        return Line("keys", WARNING, f"{what} ends in {span(first - now)}; {renew}")
    return Line("keys", OK, f"{len(listed)} in use; the first to end is {what}, on {first:%Y-%m-%d}")


def cluster(path: Path) -> Line:
    """The Kubernetes that the cluster's file names is one that its vendor still supports at the standard price."""
    text, name = path.read_text("utf-8", "replace"), path.relative_to(ROOT)
    version = re.search(r"""(?m)^  version: ['"]?([0-9.]+)""", text)
    ends = re.search(r"[Ss]tandard support of this version ends on (\d{4}-\d\d-\d\d)", text)
    end = instant(f"{ends[1]}T00:00:00Z") if ends else None
    if version is None or end is None:
        return Line("cluster", WARNING, f"{name} does not say which version it has and when its support ends")
    now = datetime.now(UTC)
    said = f"Kubernetes {version[1]}, supported until {end:%Y-%m-%d}"
    if end > now + SOON:
        return Line("cluster", OK, said)
    move = f"{name} takes a newer version and its date, and says how the cluster follows"
    return Line("cluster", WARNING if end > now else BROKEN, f"{said}; {move}")


def hooks(_found: Service) -> Line:
    """The commit hooks are installed, and git can run them."""
    if not (ROOT / ".pre-commit-config.yaml").is_file():
        return Line("hooks", WARNING, "this repository has no .pre-commit-config.yaml")
    try:
        folder = ROOT / hooks_folder()
    except Trouble as error:
        return Line("hooks", WARNING, str(error))
    wanted = ("pre-commit", "prepare-commit-msg", "commit-msg")
    if missing := [name for name in wanted if not (folder / name).is_file()]:
        return Line("hooks", WARNING, f"{', '.join(missing)} not installed; run: {INSTALL}")
    # git passes over a hook that it may not execute
    if dead := [name for name in wanted if not os.access(folder / name, os.X_OK)]:
        return Line("hooks", BROKEN, f"{' and '.join(dead)} cannot be executed; run: {INSTALL}")
    return Line("hooks", OK, f"{', '.join(wanted)} are installed")


def hooks_folder() -> str:
    """Return where git looks for hooks: what a configuration says counts before the repository's own folder."""
    for scope in ("--local", "--global", "--system"):
        with contextlib.suppress(Trouble):
            return service.git("config", scope, "--type=path", "core.hooksPath").decode().strip()
    return service.git("rev-parse", "--git-common-dir").decode().strip() + "/hooks"


def template(_found: Service, *, online: bool = False) -> Line:
    """The template is the newest one that is known here; asking a server takes `--online`."""
    texts = {name: (ROOT / name).read_text("utf-8", "replace") for name in ANSWERS if (ROOT / name).is_file()}
    if not texts:
        return Line("template", WARNING, "no answers file, so copier update does not know what this came from")
    said = []
    for name, text in texts.items():
        pairs = dict(re.findall(r"(?m)^(_src_path|_commit): ['\"]?([^'\"\n]+)", text))
        if len(pairs) != 2 or re.search(r"(?m)^<{7} ", text):
            return Line("template", BROKEN, f"{name} names no template and version; git restore {name}")
        source, version = pairs["_src_path"], pairs["_commit"]
        if source.startswith("git+local:"):
            said.append(f"{version}; its source has no address: REMEMBRANCER_SOURCE=file:///PATH make update")
            continue
        if not ((ROOT / source).is_dir() or online):
            said.append(f"{version}; whether a newer one exists needs the network: ops/bin/health-check --online")
            continue
        newest = newest_tag(source)
        mine = RELEASE.match(version)
        if newest is None:
            return Line("template", WARNING, f"{version}; {source} shows no released versions")
        if mine is None or number(mine) < number(newest):
            return Line("template", WARNING, f"{version} is behind {newest[0]}; run: copier update --trust")
        said.append(f"{version} is the newest")
    return Line("template", OK, said[0])


def newest_tag(source: str) -> re.Match[str] | None:
    """Return the newest released version among a template's tags, None when there is none or it does not answer."""
    address = source.removeprefix("git+")
    for short, host in {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}.items():
        address = f"{host}{address.removeprefix(short)}" if address.startswith(short) else address
    # without a terminal to ask on, git fails where a server wants a password
    ask = ["env", "GIT_TERMINAL_PROMPT=0", "git", "ls-remote", "--tags", "--refs", "--", address]
    code, output = program(ask, seconds=30)
    names = [word.removeprefix("refs/tags/") for word in output.split()]
    found = [match for name in names if (match := RELEASE.fullmatch(name))]
    return max(found, key=number, default=None) if code == 0 else None


def number(version: re.Match[str]) -> tuple[int, ...]:
    """Return a version's parts as numbers."""
    return tuple(int(part) for part in version.groups())


def instant(value: object) -> datetime | None:
    """Return the time that a fact states; None for none."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def span(length: timedelta) -> str:
    """Return a length of time in one unit, for people."""
    hours = max(length // timedelta(hours=1), 0)
    count, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"
