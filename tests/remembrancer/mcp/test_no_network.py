"""No tool, resource or prompt asks an address: every one is called while sockets are forbidden."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cli_support import ARTIFACT, Scratch, released
from late import Late
from remembrancer.audit.session import Session
from remembrancer.user.state import Unwritten

mcp, tools = Late("mcp"), Late("remembrancer.mcp.server")
CALLS: dict[str, dict[str, Any]] = {
    "query": {"question": "which version of my-svc was released?"},
    "why": {"path": ARTIFACT},
    "receipt": {"path": "ops/receipts/deploy/my-svc-0.1.0.receipt"},
    "verify_artifact": {"path": ARTIFACT},
    "proof": {"path": ARTIFACT},
}
REACHES_OUT = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo"}
REACHES_OUT |= {
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
    "urllib.Request",
    "http.client.connect",
}
GIT_REACHES_OUT = {"fetch", "pull", "push", "clone", "ls-remote", "fetch-pack", "send-pack", "submodule"}
watched: list[list[str]] = []
"""Where a list is in it, sockets are forbidden, and it takes the commands that are started."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not watched:
        return
    if event in REACHES_OUT:
        raise PermissionError(f"{event} {arguments[1:]}")
    if event == "subprocess.Popen":
        watched[-1] += map(str, arguments[1])


sys.addaudithook(_watch)  # none can be taken away again; outside the fixture it only looks at an empty list


@pytest.fixture
def started() -> Iterator[list[str]]:
    """Forbid sockets; the words of all commands that were started meanwhile."""
    watched.append([])
    yield watched[-1]
    watched.pop()


def test_sockets_are_forbidden_here(started: list[str]) -> None:
    with socket.socket() as one, pytest.raises(PermissionError):
        one.connect(("127.0.0.1", 9))
    with pytest.raises(PermissionError):
        socket.getaddrinfo("example.com", 443)
    assert started == []


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    made.remove()


def test_nothing_is_fetched(scratch: Scratch, started: list[str]) -> None:
    state = Unwritten(scratch.home / ".local/state/remembrancer")
    server = tools.build(lambda: Session(scratch.root, state=state, environ={"HOME": str(scratch.home)}))
    outcomes = {}

    async def work() -> None:
        async with mcp.Client(server) as client:
            for name in tools.NAMES:
                done = await client.call_tool(name, CALLS.get(name, {}))
                assert not done.is_error, (name, done.content)
                outcomes[name] = done.structured_content["verdict"]["outcome"]
            for resource in (await client.list_resources()).resources:
                assert (await client.read_resource(str(resource.uri))).contents
            for prompt in (await client.list_prompts()).prompts:
                given = {one.name: "zebras" for one in prompt.arguments or []}
                assert (await client.get_prompt(prompt.name, given)).messages

    asyncio.run(work())
    assert {outcomes[name] for name in ("query", "receipt", "verify_artifact", "verify_audit")} == {"verified"}
    assert not GIT_REACHES_OUT & set(started), started
