"""The server as a program: over its standard streams and over HTTP, with clients that nobody here wrote."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from cli_support import Scratch, released
from collection import ROOT
from late import Late
from remembrancer.cli.main import main

mcp, over_http = Late("mcp"), Late("mcp.client.streamable_http")
PROGRAM = ["-m", "remembrancer", "mcp"]
QUESTION = {"question": "which version of my-svc was released?"}
INSPECTOR = "@modelcontextprotocol/inspector@0.15.0"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    made.remove()


def environment(scratch: Scratch, **more: str) -> dict[str, str]:
    return scratch.environment(PYTHONPATH=os.pathsep.join(sys.path), **more)


def program(scratch: Scratch) -> Any:
    return mcp.StdioServerParameters(
        command=sys.executable, args=[*PROGRAM, "--root", str(scratch.root)], env=environment(scratch)
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_standard_streams(scratch: Scratch, mode: str) -> None:
    async def work() -> Any:
        async with mcp.Client(program(scratch), mode=mode, read_timeout_seconds=60) as client:
            return client.protocol_version, await client.call_tool("query", QUESTION)

    version, done = asyncio.run(work())
    assert version == {"auto": "2026-07-28", "legacy": "2025-11-25"}[mode]
    assert done.structured_content["verdict"]["outcome"] == "verified"


def test_an_older_protocol_version(scratch: Scratch) -> None:
    hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
    asked = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "query", "arguments": QUESTION}},
    ]
    process = subprocess.Popen(
        [sys.executable, *PROGRAM, "--root", str(scratch.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(scratch),
    )
    assert process.stdin
    assert process.stdout
    try:
        for one in asked:
            process.stdin.write(json.dumps(one) + "\n")
        process.stdin.flush()
        said = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert said[0]["result"]["protocolVersion"] == "2024-11-05"
        text = json.loads(said[1]["result"]["content"][0]["text"])
        assert text["verdict"]["outcome"] == "verified"
    finally:
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, "")


@contextmanager
def listening(scratch: Scratch, *arguments: str, **more: str) -> Iterator[tuple[str, str]]:
    """Yield the address and the token of a server."""
    process = subprocess.Popen(
        [sys.executable, *PROGRAM, "--http", "--port", "0", "--root", str(scratch.root), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(scratch, **more),
    )
    assert process.stderr
    try:
        address = re.fullmatch(r"listening on (http://\S+)\n", process.stderr.readline())
        assert address
        token = more.get("REMEMBRANCER_MCP_TOKEN") or process.stderr.readline().removeprefix("token ").strip()
        yield address[1], token
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_over_http(scratch: Scratch) -> None:
    with listening(scratch) as (address, token):

        async def work() -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                httpx2.AsyncClient(headers=headers, timeout=60) as http,
                mcp.Client(over_http.streamable_http_client(address, http_client=http)) as client,
            ):
                return await client.call_tool("query", QUESTION)

        assert asyncio.run(work()).structured_content["verdict"]["outcome"] == "verified"
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        good = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}

        def asked(**headers: str) -> httpx.Response:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return httpx.post(address, json=body, headers={**good, **given}, timeout=60)

        assert asked().status_code == 200
        refused = asked(Authorization="Bearer wrong")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "input.token")
        assert httpx.get(address, timeout=60).status_code == 401
        assert asked(Host="evil.example").status_code == 421
        assert asked(Origin="https://evil.example").status_code == 403
        assert asked(Origin="null").status_code == 403


def test_a_token_and_a_host_that_were_given(scratch: Scratch) -> None:
    token = "0123456789abcdef0123"
    with listening(scratch, "--allow-host", "mesh.test:80", REMEMBRANCER_MCP_TOKEN=token) as (address, _):
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        done = httpx.post(address, json=body, headers={**headers, "Host": "mesh.test:80"}, timeout=60)
        assert done.status_code == 200


@pytest.mark.reason("input.token", "input.name", "env.network")
@pytest.mark.parametrize(
    ("arguments", "more", "status", "code"),
    [
        (("--http", "--host", "0.0.0.0"), {}, 2, "input.name"),
        (("--http",), {"REMEMBRANCER_MCP_TOKEN": "short"}, 2, "input.token"),
        (("--root", "/nowhere/at/all"), {}, 2, "input.root"),
    ],
)
def test_what_is_refused_at_the_start(
    scratch: Scratch, arguments: tuple[str, ...], more: dict[str, str], status: int, code: str
) -> None:
    done = scratch.run("mcp", *arguments, **more)
    assert (done.status, done.out) == (status, "")
    assert f"[{code}]" in done.err


def test_without_the_extra_one_sentence_says_what_to_install(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("remembrancer.mcp.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    done = scratch.run("mcp", "--root", str(scratch.root))
    assert done.status == 4
    assert "[env.mcp]" in done.err
    assert "pip install 'remembrancer[mcp]'" in done.err


def test_help_loads_no_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from remembrancer.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, "mcp", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "--http" in done.stdout
    assert not {"mcp", "pydantic", "starlette", "anyio", "uvicorn"} & {one.split(".")[0] for one in done.stderr.split()}
    assert main(["mcp", "--help"]) == 0
    capsys.readouterr()


@pytest.mark.system
def test_the_inspector_of_the_protocols_authors(scratch: Scratch, tmp_path: Path) -> None:
    assert shutil.which("npx"), "npx was not found; apt-get install nodejs npm"
    server = [sys.executable, *PROGRAM, "--root", str(scratch.root)]

    def inspect(*arguments: str) -> Any:
        done = subprocess.run(
            ["npx", "--yes", INSPECTOR, "--cli", *server, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            cwd=ROOT,
            env={**os.environ, **environment(scratch), "HOME": os.environ["HOME"], "XDG_STATE_HOME": str(
                scratch.home / ".local/state")},
        )  # fmt: skip
        return json.loads(done.stdout)

    assert len(inspect("--method", "tools/list")["tools"]) == 11
    said = inspect("--method", "tools/call", "--tool-name", "query", "--tool-arg", f"question={QUESTION['question']}")
    assert said["structuredContent"]["verdict"]["outcome"] == "verified"
    assert len(inspect("--method", "prompts/list")["prompts"]) == 6
