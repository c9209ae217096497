"""A service with a database under a constant rate, while its processes are replaced and PostgreSQL is restarted.

A request is lost if it gets no answer at all, or one that neither keeps what it sent nor says when to ask again. What
was acknowledged has to be there afterwards. The long run is the row of `benchmarks/service_soak.py`.
"""

from pathlib import Path

import pytest

from collection import render
from service_database import PARTS, rows, served
from service_load import ITEMS, soak

pytestmark = pytest.mark.system
RATE = 50
AGAIN_SECONDS = 0.2


def test_nothing_is_lost_over_a_rolling_restart_and_a_restart_of_the_database(collection: Path, tmp_path: Path) -> None:
    stored = render(collection, tmp_path / "my-svc", component="my-svc", database="postgresql")
    with served(stored) as server:

        def restart() -> None:
            server.stop()
            server.start()

        load, processes = soak(
            stored,
            tmp_path,
            rate=RATE,
            rest=1,
            drain=1,
            resource=ITEMS,
            parts=PARTS,
            again=AGAIN_SECONDS,
            disturb=restart,
            DATABASE_URL=server.url,
        )
        kept = rows(stored, server.url)
    assert load.failures == []
    assert load.statuses == {201: load.sent}
    assert load.sent > 3 * RATE
    # Somebody heard 503 while the database was away: a restart that nobody notices proves nothing.
    assert load.again > 0
    # An item that was kept, but whose answer said 503, was kept again; one that was acknowledged is there.
    assert kept >= load.sent
    assert len(processes) == 4
    assert {line["event"] for one in processes[2:] for line in one.lines()} >= {"database error"}
