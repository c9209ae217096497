"""The generated service under a constant rate while both of its processes are replaced: what is lost, and how late.

The rate does not wait for answers, and a request's latency counts from when it was due, so that a stall of the
processes or of the client shows. Latencies are published as measured: they are the machine's as much as the service's,
and no budget could hold them on another one. With a database, PostgreSQL is restarted too. Whoever hears 503 meanwhile,
with Retry-After, asks again; a request is lost if it gets no answer or another one, and an item if it was acknowledged
and is not there afterwards.
"""

import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.measure import Row

ROOT = Path(benchmarks.__path__[0]).parent
RATE = 200.0
DATABASE_RATE = 50.0
REST_SECONDS = 8.0
DRAIN_SECONDS = 2.0
AGAIN_SECONDS = 0.2


def rows() -> list[Row]:
    """Run two processes, replace both under load, and count."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    from collection import render, snapshot
    from service_database import PARTS, served
    from service_database import rows as kept
    from service_load import ITEMS, answered, soak

    with tempfile.TemporaryDirectory(prefix="bench-soak.") as folder:
        base = Path(folder)
        source = snapshot(base / "source")
        service = render(source, base / "my-svc", component="my-svc")
        load, processes = soak(service, base, rate=RATE, rest=REST_SECONDS, drain=DRAIN_SECONDS)
        logged = answered(processes)
        (base / "stored").mkdir()
        stored = render(source, base / "stored/my-svc", component="my-svc", database="postgresql")
        with served(stored) as server:

            def restart() -> None:
                server.stop()
                server.start()

            how = {"rate": DATABASE_RATE, "rest": REST_SECONDS, "drain": DRAIN_SECONDS, "again": AGAIN_SECONDS}
            with_database, _ = soak(
                stored,
                base / "stored",
                resource=ITEMS,
                parts=PARTS,
                disturb=restart,
                DATABASE_URL=server.url,
                **how,
            )
            items = kept(stored, server.url)
    p50, p99, worst = (load.percentile(part) * 1e3 for part in (0.5, 0.99, 1.0))
    detail = (
        f"{load.sent} requests at {RATE:.0f} a second, {logged} answers in the logs; "
        f"latency 50 % {p50:.1f} ms, 99 % {p99:.1f} ms, longest {worst:.1f} ms"
    )
    acknowledged = with_database.statuses.get(201, 0)
    p50, p99, worst = (with_database.percentile(part) * 1e3 for part in (0.5, 0.99, 1.0))
    more = (
        f"{with_database.sent} requests at {DATABASE_RATE:.0f} a second, {acknowledged} answers of 201, "
        f"{items} items kept, {with_database.again} times 503 and asked again; "
        f"latency with that 50 % {p50:.1f} ms, 99 % {p99:.1f} ms, longest {worst:.1f} ms"
    )
    lost = with_database.lost + max(0, acknowledged - items)
    floor, other = "two replaced processes", "two replaced processes and a restarted PostgreSQL"
    return [
        Row("requests lost in a rolling restart", load.lost, 0, floor, detail=detail, unit="requests"),
        Row("requests or items lost with a database", lost, 0, other, detail=more, unit="requests"),
    ]
