"""`copier copy` of the complete service with its receipt, against Copier copying the same files raw, without tasks.

Both in memory where the system offers it, because a clone of the template is mostly work for the disk.
"""

import os
import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.measure import Row, Usage, alternate, alternate_cpu, in_memory, run

COPIER = [sys.executable, "-m", "copier", "copy", "--quiet", "--trust", "--defaults", "--vcs-ref", "HEAD"]
ROOT = Path(benchmarks.__path__[0]).parent


def rows() -> list[Row]:
    """Measure in whole processes, as a user waits for them."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    from collection import commit_all, git, render, snapshot

    with tempfile.TemporaryDirectory(prefix="bench-copy.", dir=in_memory()) as folder:
        base = Path(folder)
        source = snapshot(base / "source")
        rendered = render(source, base / "rendered", component="my-svc")
        raw = base / "raw"
        (raw / "template").mkdir(parents=True)
        (raw / "copier.yml").write_text('_subdirectory: template\n_templates_suffix: ".never"\n')
        rendered.rename(raw / "template" / "files")
        git(raw, "init", "--quiet")
        commit_all(raw, "[bench] test: raw")
        counter = iter(range(1_000_000))

        def copy(template: Path, *answers: str) -> Usage:
            target = base / f"out{next(counter)}"
            return run([*COPIER, *answers, str(template), str(target)], env=os.environ | {"TMPDIR": folder})

        ours, floor = alternate(lambda: copy(source), lambda: copy(raw), rounds=9)
        with_it = ("--data", "database=postgresql")
        kept, without = alternate_cpu(lambda: copy(source, *with_it), lambda: copy(source), rounds=7)
    detail = f"{ours * 1000:.0f} ms / {floor * 1000:.0f} ms"
    more = f"{kept * 1000:.0f} ms / {without * 1000:.0f} ms of processor time"
    return [
        Row("copier copy with its receipt", ours / floor, 1.4, "Copier copying the same files raw", detail=detail),
        Row("copier copy with PostgreSQL", kept / without, 1.3, "copier copy without", detail=more),
    ]
