"""The generated service under a constant rate while both of its processes are replaced: what is lost, and how late.

The rate does not wait for answers, and a request's latency counts from when it was due, so that a stall of the
processes or of the client shows. Latencies are published as measured: they are the machine's as much as the service's,
and no budget could hold them on another one.
"""

import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.measure import Row

ROOT = Path(benchmarks.__path__[0]).parent
RATE = 200.0
REST_SECONDS = 8.0
DRAIN_SECONDS = 2.0


def rows() -> list[Row]:
    """Run two processes, replace both under load, and count."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    from collection import render, snapshot
    from service_load import answered, soak

    with tempfile.TemporaryDirectory(prefix="bench-soak.") as folder:
        base = Path(folder)
        service = render(snapshot(base / "source"), base / "my-svc", component="my-svc")
        load, processes = soak(service, base, rate=RATE, rest=REST_SECONDS, drain=DRAIN_SECONDS)
        logged = answered(processes)
    p50, p99, worst = (load.percentile(part) * 1e3 for part in (0.5, 0.99, 1.0))
    detail = (
        f"{load.sent} requests at {RATE:.0f} a second, {logged} answers in the logs; "
        f"latency 50 % {p50:.1f} ms, 99 % {p99:.1f} ms, longest {worst:.1f} ms"
    )
    floor = "two replaced processes"
    return [Row("requests lost in a rolling restart", load.lost, 0, floor, detail=detail, unit="requests")]
