"""`copier update` of the complete service against Copier without our hooks, and `drift` against `git status`.

Processor time of whole processes, in turns, and in memory where the system offers it. An update is thrown away after
each turn, outside the measurement.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import benchmarks
from benchmarks._scratch import PROGRAM, environment, remembrancer
from benchmarks.measure import Row, Usage, alternate_cpu, in_memory, run
from benchmarks.verify_cost import FLOOR

ROOT = Path(benchmarks.__path__[0]).parent
COPIER = [sys.executable, "-m", "copier"]
OLD, NEW = "v4.1.0", "v4.2.0"


def rows() -> list[Row]:
    """Measure both kinds of update and drift."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    from collection import snapshot

    with tempfile.TemporaryDirectory(prefix="bench-update.", dir=in_memory()) as folder:
        base = Path(folder)
        (base / "home").mkdir()
        hooked = snapshot(base / "hooked")
        bare = Path(shutil.copytree(hooked, base / "bare", symlinks=True))
        _forget_hooks(bare / "copier.yml")
        services = [_service(base, source) for source in (hooked, bare)]
        real = _measure(base, services, OLD, rounds=5)
        idle = _measure(base, services, NEW, rounds=5)
        return [
            _row("copier update, something new", real, 1.4),
            _row("copier update, nothing new", idle, 1.1),
            *_drift(services[0]),
        ]


def _forget_hooks(questions: Path) -> None:
    from collection import commit_all, git

    text = questions.read_text("utf-8")
    for key in ("_tasks", "_migrations"):
        text = re.sub(rf"^{key}:\n(?: .*\n|\n)*", "", text, flags=re.MULTILINE)
    questions.write_text(text, "utf-8")
    commit_all(questions.parent, "[bench] test: without hooks")
    git(questions.parent, "tag", "--force", OLD)


def _service(base: Path, source: Path) -> Path:
    """Generate a service at the old version, then give its template a new one; both are commits of the service."""
    from collection import commit_all, git

    target = base / f"{source.name}-my-svc"
    copy = [*COPIER, "copy", "--quiet", "--trust", "--defaults", "--data", "component=my-svc", "--vcs-ref", OLD]
    run([*copy, source, target], env=environment(base / "home"))
    git(target, "init", "--quiet", "--initial-branch", "main")
    commit_all(target, "[my-svc] feat: generate")
    git(target, "tag", OLD)
    with (source / "templates/ci/ops/release.mk").open("a") as file:
        file.write("# one more line\n")
    commit_all(source, "[bench] test: a newer standard")
    git(source, "tag", NEW)
    _update(base, target)
    commit_all(target, "[my-svc] chore: update")
    git(target, "tag", NEW)
    return target


def _update(base: Path, service: Path) -> Usage:
    return run(
        [*COPIER, "update", "--quiet", "--trust", "--defaults"],
        cwd=service,
        env=environment(base / "home") | {"TMPDIR": str(base)},
    )


def _measure(base: Path, services: list[Path], begin: str, rounds: int) -> tuple[float, float]:
    from collection import git

    def work(service: Path) -> Callable[[], Usage]:
        def turn() -> Usage:
            git(service, "reset", "--quiet", "--hard", begin)
            git(service, "clean", "-d", "--force", "--quiet")
            return _update(base, service)

        return turn

    return alternate_cpu(work(services[0]), work(services[1]), rounds=rounds)


def _row(what: str, measured: tuple[float, float], budget: float) -> Row:
    ours, floor = measured
    detail = f"{ours:.2f} s / {floor:.2f} s of processor time"
    return Row(what, ours / floor, budget, "Copier without our hooks", detail=detail)


def _drift(service: Path) -> list[Row]:
    """Measure drift twice: its own work in a running interpreter, and the whole program."""
    from collection import commit_all

    remembrancer(service, "init", "--dev", "--component", "my-svc")
    commit_all(service, "[my-svc] chore: begin a ledger")
    home = environment(service.parent / "home")
    # a script beside this one, because what this interpreter has imported would slow its garbage collector down
    variables = {**home, "PYTHONPATH": str(ROOT)}
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks._drift_work", service],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    work, floor = json.loads(measured.stdout)
    program, start = alternate_cpu(
        partial(run, [*PROGRAM, "drift"], cwd=service, env=home), partial(run, FLOOR, cwd=service, env=home), rounds=21
    )
    return [
        Row(
            "drift of a complete service, without start-up",
            work / floor,
            3,
            "git status",
            detail=f"{work * 1000:.1f} ms / {floor * 1000:.1f} ms",
        ),
        Row(
            "drift of a complete service, the whole program",
            program / start,
            1.4,
            "an interpreter importing a verdict's libraries",
            detail=f"{program * 1000:.0f} ms / {start * 1000:.0f} ms of processor time",
        ),
    ]
