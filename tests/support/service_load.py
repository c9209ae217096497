"""A constant rate of requests over several processes, as a load balancer spreads it, while they are replaced.

The rate does not wait for answers, and a request's latency counts from when it was due: a stall is not hidden. Nothing
is tried twice, so that each request that a replacement costs is seen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from service_support import PATIENCE, Running, started

QUOTES = ("/quotes", b'{"lines": [{"product": "lamp"}]}', 200)
ITEMS = ("/items", b'{"name": "lamp"}', 201)
PROBE_SECONDS = 0.1
Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Load:
    """What was sent, and what came back."""

    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    again: int = 0
    wanted: int = 200

    @property
    def sent(self) -> int:
        """Requests that were due."""
        return len(self.seconds) + len(self.failures)

    @property
    def lost(self) -> int:
        """Requests without the answer that they should have."""
        return self.sent - self.statuses.get(self.wanted, 0)

    def percentile(self, part: float) -> float:
        """The latency in seconds that this part of the requests stayed within."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


class Balancer:
    """Round robin over the processes that say they are ready, with kept connections."""

    def __init__(self, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self.ready: list[int] = []
        self.known: set[int] = set()
        self._idle: dict[int, list[Link]] = {}
        self._turn = 0

    async def ask(self, port: int, request: bytes) -> int:
        """Send one request to one process and read its whole answer; returns the status."""
        idle = self._idle.setdefault(port, [])
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]))
        except BaseException:
            writer.close()
            raise
        if b"\r\nconnection: close\r\n" in head:
            writer.close()
        else:
            idle.append((reader, writer))
        status = int(head.split(b" ", 2)[1])
        if status == 503 and b"\r\nretry-after: " not in head:
            raise ConnectionError("503 that does not say when to ask again")
        return status

    async def close(self) -> None:
        """Close every connection that is kept."""
        for _, writer in (link for links in self._idle.values() for link in links):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def post(self) -> int:
        """Give one request to the process whose turn it is; returns the status."""
        self._turn += 1
        if not self.ready:
            return 503
        return await self.ask(self.ready[self._turn % len(self.ready)], self._request)

    async def probe(self) -> None:
        """Ask every known process whether it is ready, again and again, each without waiting for the others."""

        async def wants_requests(port: int) -> bool:
            try:
                return await self.ask(port, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n") == 200
            except (OSError, asyncio.IncompleteReadError):
                self.known.discard(port)
                return False

        while True:
            known = sorted(self.known)
            answers = await asyncio.gather(*map(wants_requests, known))
            self.ready = [port for port, ready in zip(known, answers, strict=True) if ready]
            await asyncio.sleep(PROBE_SECONDS)

    async def until(self, port: int, ready: bool) -> None:
        """Wait until the probe has seen that a process is ready, or is no more. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while (port in self.ready) is not ready:
                await asyncio.sleep(PROBE_SECONDS / 2)


async def constant(
    balancer: Balancer, rate: float, wanted: int, work: Callable[[], Awaitable[None]], again: float | None = None
) -> Load:
    """Send `rate` requests a second for as long as the work takes; with `again`, 503 is asked again after this time."""
    load, loop = Load(wanted=wanted), asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        try:
            while (status := await balancer.post()) == 503 and again and loop.time() - due < PATIENCE:
                load.again += 1
                await asyncio.sleep(again)
        except (OSError, asyncio.IncompleteReadError) as error:
            load.failures.append(f"{type(error).__name__}: {error}")
        else:
            load.statuses[status] = load.statuses.get(status, 0) + 1
            load.seconds.append(loop.time() - due)

    working = asyncio.ensure_future(work())
    begun, number = loop.time(), 0
    while not working.done():
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        task = asyncio.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    await asyncio.gather(*tasks)
    await working
    return load


def soak(
    service: Path,
    folder: Path,
    *,
    rate: float,
    rest: float,
    drain: float,
    resource: tuple[str, bytes, int] = QUOTES,
    parts: frozenset[str] = frozenset(),
    again: float | None = None,
    disturb: Callable[[], None] | None = None,
    **variables: str,
) -> tuple[Load, list[Running]]:
    """Replace two processes one after the other under load; returns the load and every process, all ended.

    `rest` is how long the load runs before, between and after the replacements; `drain` the service's DRAIN_SECONDS.
    `resource` is the path and body of each request, and the status of a good answer. `disturb` runs after the
    replacements, beside the load; with `again`, whoever hears 503 asks again after this time, as Retry-After says.
    """
    processes: list[Running] = []
    path, body, wanted = resource
    with ExitStack() as stack:

        def start() -> Running:
            log = folder / f"{len(processes)}.log"
            settings = {"DRAIN_SECONDS": str(drain), "LOG_LEVEL": "INFO"} | variables
            processes.append(stack.enter_context(started(service, log, parts, **settings)))
            return processes[-1]

        async def whole() -> Load:
            balancer = Balancer(path, body)
            balancer.known = {start().port, start().port}
            probing = asyncio.create_task(balancer.probe())
            for one in list(processes):
                await balancer.until(one.port, ready=True)

            async def roll() -> None:
                for old in processes[:2]:
                    await asyncio.sleep(rest)
                    new = await asyncio.to_thread(start)
                    balancer.known.add(new.port)
                    await balancer.until(new.port, ready=True)
                    assert await asyncio.to_thread(old.stop) == 0
                await asyncio.sleep(rest)
                if disturb:
                    await asyncio.to_thread(disturb)
                    for one in processes[2:]:
                        await balancer.until(one.port, ready=True)
                    await asyncio.sleep(rest)

            load = await constant(balancer, rate, wanted, roll, again)
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
            await balancer.close()
            return load

        load = asyncio.run(whole())
        for one in processes[2:]:
            assert one.stop() == 0
    return load, processes


def answered(processes: list[Running]) -> int:
    """How many requests the processes' own logs say they have answered with 200."""
    return sum(line.get("route") == "/quotes" and line["status"] == 200 for one in processes for line in one.lines())
