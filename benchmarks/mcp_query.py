"""How long an assistant waits for an answer from a ledger of ten thousand receipts in which nothing changed."""

import asyncio
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

from mcp import Client

from benchmarks import query_quality
from benchmarks._scratch import many
from benchmarks.measure import Row
from remembrancer.audit.session import Session
from remembrancer.mcp.server import build
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.record import seal_after, start_development
from remembrancer.user.state import State, Unwritten

RECEIPTS_COUNT = 10_000
LIMIT = 150  # ms
ROUNDS = 40
QUESTIONS = ("why did we choose PostgreSQL for parcels?", "how are releases signed?", "what is deployed to production?")


def rows() -> list[Row]:
    """Ask an in-process server over the protocol's own client; half of all answers come at least as fast."""
    with tempfile.TemporaryDirectory(prefix="bench-mcp.") as folder:
        root = Path(folder, "repository")
        state = State(Path(folder, "state"))
        query_quality.repository(root)
        session = Session(root, state=state, environ={})
        start_development(session, "my-svc")
        (root / RECEIPTS / "deploy").mkdir(parents=True, exist_ok=True)
        for data in islice(many(RECEIPTS_COUNT), RECEIPTS_COUNT):
            (root / RECEIPTS / relative_path(parse(data))).write_bytes(data)
        seal_after(Session(root, state=state, environ={}), wait=False)
        taken = asyncio.run(_ask(root, state))
    p50, p95 = statistics.median(taken), sorted(taken)[int(len(taken) * 0.95)]
    what = f"an answer over MCP, {RECEIPTS_COUNT:,} receipts (p50)"
    return [
        Row(what, p50, LIMIT, "processor time of the process, nothing changed", detail=f"p95 {p95:.0f} ms", unit="ms")
    ]


async def _ask(root: Path, state: State) -> list[float]:
    server = build(lambda: Session(root, state=Unwritten(state.folder), environ={}))
    taken = []
    async with Client(server) as client:
        for number in range(ROUNDS + len(QUESTIONS)):
            begun = time.process_time()
            done = await client.call_tool("query", {"question": QUESTIONS[number % len(QUESTIONS)]})
            if done.is_error or not done.structured_content:
                raise RuntimeError(str(done.content))
            if number >= len(QUESTIONS):  # the first ones make the index
                taken.append((time.process_time() - begun) * 1000)
    return taken
