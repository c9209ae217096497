"""What `assistants` brings: one configuration for each chosen client, in that client's form, that starts a server."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import manifest
from collection import ROOT, commit_all, git, render
from late import Late
from newcomer import bare

mcp = Late("mcp")
CLIENTS = {
    "amazonq": ".amazonq/mcp.json",
    "claude": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
}
LOCK = "ops/assistants.lock"
TEXTS = {"type": "array", "items": {"type": "string"}}


def one_file(of: str, server: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a file with servers of this schema below `of`, and nothing else."""
    servers = {"type": "object", "minProperties": 1, "additionalProperties": server}
    return {"type": "object", "required": [of], "additionalProperties": False, "properties": {of: servers}}


def stdio(*required: str, **more: Any) -> dict[str, Any]:
    """Return the schema of a server that is a program."""
    known = {"command": {"type": "string", "minLength": 1}, "args": TEXTS, "env": {"type": "object"}} | more
    return {"type": "object", "required": [*required], "additionalProperties": False, "properties": known}


TEXT = {"type": "string"}
KIND = {"const": "stdio"}
# What each publishes, as of November 2026, for a server that is a program:
# amazonq: `mcpServers` in schemas/agent-v1.json of aws/amazon-q-developer-cli; the IDE reads the file too.
# claude: no schema is published; the fields and `${NAME:-default}` are those of code.claude.com/docs/en/mcp.
# cursor: no schema is published; the table of cursor.com/docs/mcp, which asks for `type` and has `${workspaceFolder}`.
# vscode: `mcpStdioServerSchema` in mcpConfiguration.ts of microsoft/vscode; its page asks for `type` and `command`.
PUBLISHED = {
    "amazonq": one_file(
        "mcpServers", stdio("command", type=KIND, timeout={"type": "integer"}, disabled={"type": "boolean"})
    ),
    "claude": one_file("mcpServers", stdio("command", type=KIND)),
    "cursor": one_file("mcpServers", stdio("type", "command", type=KIND, envFile=TEXT)),
    "vscode": one_file("servers", stdio("type", "command", type=KIND, cwd=TEXT, envFile=TEXT)),
}


@pytest.fixture(scope="module")
def every(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(collection, tmp_path_factory.mktemp("clients") / "svc", assistants=[*CLIENTS])


def read(target: Path, client: str) -> Any:
    return json.loads((target / CLIENTS[client]).read_text(encoding="utf-8"))


@pytest.mark.parametrize("client", CLIENTS)
def test_each_has_the_form_that_its_client_publishes(every: Path, client: str) -> None:
    jsonschema.validate(read(every, client), PUBLISHED[client])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(read(every, "claude" if client == "vscode" else "vscode"), PUBLISHED[client])


@pytest.mark.parametrize("chosen", [[], ["claude"], ["amazonq", "cursor"], ["vscode"]])
def test_only_what_was_chosen_is_there(collection: Path, tmp_path: Path, chosen: list[str]) -> None:
    target = render(collection, tmp_path / "svc", assistants=chosen)
    assert {name for name, path in CLIENTS.items() if (target / path).exists()} == set(chosen)
    assert (target / LOCK).exists() == bool(chosen)
    assert (target / ".cursor").exists() == ("cursor" in chosen)
    assert (target / ".vscode").exists() == ("vscode" in chosen)


def test_a_configuration_is_the_teams_and_the_lock_the_standards() -> None:
    seeded = manifest.seeded_patterns(ROOT / "hooks/ownership.toml")
    assert {manifest.owner_of(path, seeded) for path in CLIENTS.values()} == {"seeded"}
    assert manifest.owner_of(LOCK, seeded) == "standard"


def test_the_lock_agrees_with_the_other_and_adds_the_sdk() -> None:
    def pins(path: str) -> set[str]:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    more = pins(f"templates/fastapi-service/{LOCK}")
    assert pins("templates/ci/ops/remembrancer.lock") < more
    assert {pin.split("==")[0] for pin in more} >= {"mcp", "pydantic", "starlette", "uvicorn"}


def started(target: Path, client: str, home: Path) -> Any:
    """Return how a client starts the server, its variables filled in as it documents."""
    found = next(iter(next(iter(read(target, client).values())).values()))
    filled = [
        word.replace("${workspaceFolder}", str(target)).replace("${CLAUDE_PROJECT_DIR:-.}", ".")
        for word in (found["command"], *found["args"])
    ]
    return mcp.StdioServerParameters(command=filled[0], args=filled[1:], cwd=target, env=bare(home))


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_configured_commands_start_a_server_that_answers(collection: Path, tmp_path: Path) -> None:
    target = render(collection, tmp_path / "svc", tasks=True, assistants=[*CLIENTS])
    git(target, "init", "--quiet", "--initial-branch", "main")
    commit_all(target, "[svc] feat: begin")
    home = tmp_path / "home"
    home.mkdir()

    async def ask(client: str) -> Any:
        async with mcp.Client(started(target, client, home), read_timeout_seconds=300) as asked:
            named = {tool.name for tool in (await asked.list_tools()).tools}
            return named, await asked.call_tool("why", {"path": "app/main.py"})

    for client in CLIENTS:
        named, answer = asyncio.run(ask(client))
        assert {"query", "why", "timeline"} <= named
        assert answer.structured_content["verdict"]["outcome"] in {"verified", "unverifiable"}
        assert answer.structured_content["quoted"]["items"]
    assert git(target, "status", "--porcelain") == ""
    plain = subprocess.run(
        ["ops/bin/remembrancer", "--version"], cwd=target, env=bare(home), capture_output=True, text=True, check=False
    )
    assert plain.returncode == 0, plain.stderr
    made = sorted(path.name for path in (home / ".cache/remembrancer").iterdir())
    commit = json.loads((target / "ops/remembrancer.json").read_text(encoding="utf-8"))["commit"]
    assert made == [commit, f"{commit}-mcp", "made"]
