"""GitHub and GitLab on loopback, by their published interfaces: real bare repositories, requests, pages and limits.

Every answer and question is checked against the excerpt in forge_answers.json, so that no test passes on a member,
a query or a body that the real one does not have.
"""

import json
import re
import shutil
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from jsonschema import Draft202012Validator

from collection import git

ANSWERS = json.loads(Path(__file__).with_name("forge_answers.json").read_text("utf-8"))
BASES = {"github": "/api/v3", "gitlab": "/api/v4"}
TOKEN = "s3cret-token"


@cache
def _empty() -> "TemporaryDirectory[str]":
    """Return an empty bare repository to copy; it lives as long as this process."""
    folder = TemporaryDirectory(prefix="forge-")
    git(Path(folder.name), "init", "--quiet", "--bare", "--template=", "--initial-branch", "main")
    return folder


@dataclass
class Asked:
    """A pull or merge request."""

    path: str
    number: int
    branch: str
    base: str
    title: str
    text: str
    state: str = "open"
    checks: str = "none"
    fork: bool = False  # from a branch of the same name in a fork, which whoever sees the repository can make


@dataclass
class Forge:
    """One forge: bare repositories by path below a folder, requests, and faults that a test asks for."""

    kind: str
    folder: Path
    owners: dict[str, list[str]] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    archived: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    page: int = 100
    next: str = ""
    token: str = TOKEN
    port: int = 0
    log: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    offers: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # members of a repository that a hostile forge gives
    slow: float = 0.0  # seconds between two bytes of a head

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"http://{self.host}{BASES[self.kind]}"

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}.git"

    def add(self, path: str) -> Path:
        """Make an empty bare repository."""
        bare = self.folder / f"{path}.git"
        shutil.copytree(_empty().name, bare)
        self.owners.setdefault(path.split("/", 1)[0], []).append(path)
        return bare

    def head(self, path: str, branch: str = "main") -> str:
        """Return a branch's commit, "" for none."""
        with suppress(OSError):  # a branch that was never packed
            return (self.folder / f"{path}.git/refs/heads/{branch}").read_text("ascii").strip()
        said = git(self.folder / f"{path}.git", "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return said.strip()

    def answer(self, method: str, target: str, body: Any) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body."""
        if self.faults:
            status, headers = self.faults.pop(0)
            return status, headers, {"message": "slow down" if headers else "no"}
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix(BASES[self.kind])
        return (
            self.github(method, path, query, body) if self.kind == "github" else self.gitlab(method, path, query, body)
        )

    # ---------------------------------------------------------------- GitHub

    def github(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
        if found := re.fullmatch(r"/users/([^/]+)", path):
            if found[1] not in self.owners:
                return 404, {}, {"message": "Not Found"}
            kind = "User" if found[1] in self.people else "Organization"
            return self.made("GET /users/{username}", {"login": found[1], "type": kind}, query)
        if found := re.fullmatch(r"/(orgs|users)/([^/]+)/repos", path):
            rows = [self.repository(one) for one in self.owners.get(found[2], [])]
            name = "org" if found[1] == "orgs" else "username"
            return self.listed(f"GET /{found[1]}/{{{name}}}/repos", rows, query, path)
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)/(.+)", path)
        assert found, path
        repository, rest = found[1], unquote(found[2])
        if rest.startswith("git/trees/"):
            if not self.head(repository):
                return 409, {}, {"message": "Git Repository is empty."}
            rows = [
                {"path": name, "type": kind, "sha": sha, "mode": mode} for mode, kind, sha, name in self.top(repository)
            ]
            at = "GET /repos/{owner}/{repo}/git/trees/{tree_sha}"
            return self.made(at, {"sha": "0" * 40, "tree": rows, "truncated": False}, query)
        if rest.startswith("contents/"):
            name = rest.removeprefix("contents/")
            data = self.blob(repository, name)
            said = {"type": "file", "encoding": "base64", "content": data, "name": name, "path": name}
            return self.made("GET /repos/{owner}/{repo}/contents/{path}", said, query)
        if rest == "pulls" and method == "POST":
            self.check("POST /repos/{owner}/{repo}/pulls (body)", body)
            if self.open(repository, body["head"]):
                return 422, {}, {"message": "Validation Failed"}
            asked = self.ask(repository, body["head"], body["base"], body["title"], body["body"])
            return self.made("POST /repos/{owner}/{repo}/pulls", self.pull(asked), {}, 201)
        if rest == "pulls":
            assert query["head"].split(":")[0] == repository.split("/")[0]
            rows = [self.pull(one) for one in self.from_branch(repository, query["head"].split(":")[1], query["base"])]
            return self.listed("GET /repos/{owner}/{repo}/pulls", rows, query, path)
        found = re.fullmatch(r"commits/([0-9a-f]{40})/(check-runs|status)", rest)
        assert found, rest
        checks = next(one.checks for one in self.requests if self.head(one.path, one.branch) == found[1])
        if found[2] == "status":
            said = {"state": "pending", "total_count": 0, "statuses": [], "sha": found[1]}
            return self.made("GET /repos/{owner}/{repo}/commits/{ref}/status", said, query)
        ended = {"green": "success", "red": "failure"}.get(checks)
        runs = [{"status": "completed" if ended else "in_progress", "conclusion": ended, "name": "tests"}]
        listed = {"total_count": 1, "check_runs": runs} if checks != "none" else {"total_count": 0, "check_runs": []}
        return self.made("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", listed, query)

    def repository(self, path: str) -> dict[str, Any]:
        return {
            "full_name": path,
            "name": path.rpartition("/")[2],
            "clone_url": self.url(path),
            "ssh_url": f"git@{self.host.partition(':')[0]}:{path}.git",
            "default_branch": "main",
            "archived": path in self.archived,
            "disabled": False,
            **self.offers.get(path, {}),
        }

    def pull(self, one: Asked) -> dict[str, Any]:
        return {
            "number": one.number,
            "state": "open" if one.state == "open" else "closed",
            "merged_at": "2026-01-02T03:04:05Z" if one.state == "merged" else None,
            "title": one.title,
            "body": one.text,
            "html_url": f"http://{self.host}/{one.path}/pull/{one.number}",
            "head": {
                "ref": one.branch,
                "sha": self.head(one.path, one.branch) or "0" * 40,
                "repo": {"id": 2, "full_name": "someone/fork"} if one.fork else {"id": 1, "full_name": one.path},
            },
            "base": {"ref": one.base, "sha": self.head(one.path, one.base), "repo": {"id": 1, "full_name": one.path}},
        }

    # ---------------------------------------------------------------- GitLab

    def gitlab(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
        if found := re.fullmatch(r"/groups/([^/]+)", path):
            if found[1] in self.people or found[1] not in self.owners:
                return 404, {}, {"message": "404 Group Not Found"}
            return self.made("GET /groups/{id}", {"id": 1, "full_path": found[1], "web_url": "https://x"}, query)
        if found := re.fullmatch(r"/(groups|users)/([^/]+)/projects", path):
            rows = [self.project(one) for one in self.owners.get(found[2], []) if one not in self.archived]
            return self.listed(f"GET /{found[1]}/{{id}}/projects", rows, query, path)
        found = re.fullmatch(r"/projects/([^/]+)/(.+)", path)
        assert found, path
        project, rest = unquote(found[1]), found[2]
        if rest == "repository/tree":
            if not self.head(project):
                return 404, {}, {"message": "404 Tree Not Found"}
            rows = [
                {"id": sha, "name": name, "path": name, "type": kind, "mode": mode}
                for mode, kind, sha, name in self.top(project)
            ]
            return self.listed("GET /projects/{id}/repository/tree", rows, query, path)
        if rest.startswith("repository/files/"):
            name = unquote(rest.removeprefix("repository/files/"))
            data = self.blob(project, name)
            said = {"file_name": name, "file_path": name, "size": 1, "encoding": "base64", "content": data}
            said |= {"ref": "main", "blob_id": "0" * 40}
            return self.made("GET /projects/{id}/repository/files/{file_path}", said, query)
        if rest == "merge_requests" and method == "POST":
            self.check("POST /projects/{id}/merge_requests (body)", body)
            if self.open(project, body["source_branch"]):
                return 409, {}, {"message": ["Another open merge request already exists"]}
            asked = self.ask(project, body["source_branch"], body["target_branch"], body["title"], body["description"])
            return self.made("POST /projects/{id}/merge_requests", self.merge(asked, whole=True), {}, 201)
        if rest == "merge_requests":
            rows = [
                self.merge(one) for one in self.from_branch(project, query["source_branch"], query["target_branch"])
            ]
            return self.listed("GET /projects/{id}/merge_requests", rows, query, path)
        found = re.fullmatch(r"merge_requests/(\d+)", rest)
        assert found, rest
        one = next(one for one in self.requests if one.number == int(found[1]))
        return self.made("GET /projects/{id}/merge_requests/{iid}", self.merge(one, whole=True), query)

    def project(self, path: str) -> dict[str, Any]:
        return {
            "id": 1,
            "path_with_namespace": path,
            "default_branch": "main" if self.head(path) else None,
            "http_url_to_repo": self.url(path),
            "ssh_url_to_repo": f"git@{self.host.partition(':')[0]}:{path}.git",
            "web_url": f"http://{self.host}/{path}",
            "archived": path in self.archived,
            "empty_repo": not self.head(path),
            **self.offers.get(path, {}),
        }

    def merge(self, one: Asked, *, whole: bool = False) -> dict[str, Any]:
        said = {
            "id": one.number,
            "iid": one.number,
            "project_id": 1,
            "source_project_id": 2 if one.fork else 1,
            "target_project_id": 1,
            "title": one.title,
            "description": one.text,
            "state": {"open": "opened"}.get(one.state, one.state),
            "source_branch": one.branch,
            "target_branch": one.base,
            "sha": self.head(one.path, one.branch),
            "web_url": f"http://{self.host}/{one.path}/-/merge_requests/{one.number}",
            "merged_at": None,
            "draft": False,
        }
        status = {"green": "success", "red": "failed", "running": "running"}.get(one.checks)
        pipeline = {"id": 1, "sha": said["sha"], "status": status} if status else None
        return {**said, "head_pipeline": pipeline} if whole else said

    # ---------------------------------------------------------------- both

    def ask(self, path: str, branch: str, base: str, title: str, text: str) -> Asked:
        assert self.head(path, branch), "a request is from a branch that was pushed"
        self.requests.append(Asked(path, len(self.requests) + 1, branch, base, title, text))
        return self.requests[-1]

    def open(self, path: str, branch: str) -> bool:
        return any(one.state == "open" for one in self.requests if (one.path, one.branch) == (path, branch))

    def from_branch(self, path: str, branch: str, base: str) -> list[Asked]:
        wanted = (path, branch, base)
        return [one for one in reversed(self.requests) if (one.path, one.branch, one.base) == wanted]

    def top(self, path: str) -> list[list[str]]:
        lines = git(self.folder / f"{path}.git", "ls-tree", "main").splitlines()
        return [[*line.partition("\t")[0].split(), line.partition("\t")[2]] for line in lines]

    def blob(self, path: str, name: str) -> str:
        text = git(self.folder / f"{path}.git", "show", f"main:{name}")
        return b64encode(f"{text}\n".encode()).decode()

    def listed(self, at: str, rows: list[Any], query: dict[str, str], path: str) -> tuple[int, dict[str, str], Any]:
        """Return one page, and where the next one is, as RFC 8288 has it."""
        size, page = min(self.page, int(query.get("per_page", 30))), int(query.get("page", 1))
        more = len(rows) > size * page
        following = f"{self.api}{path}?{urlencode({**query, 'page': page + 1})}"
        link = {"Link": f'<{self.next or following}>; rel="next", <{self.api}>; rel="first"'} if more else {}
        status, _, body = self.made(at, rows[size * (page - 1) : size * page], query)
        return status, link, body

    def made(self, at: str, said: Any, query: dict[str, str], status: int = 200) -> tuple[int, dict[str, str], Any]:
        """Return an answer with all members that its schema requires, checked."""
        body = complete(ANSWERS[self.kind]["answers"][at], said)
        self.check(at, body)
        known = ANSWERS[self.kind]["queries"].get(at.partition(" ")[2], [])
        self.wrong += [f"{at} takes no {name}" for name in query if name not in known]
        return status, {}, body

    def check(self, at: str, body: Any) -> None:
        found = Draft202012Validator(ANSWERS[self.kind]["answers"][at]).iter_errors(body)
        self.wrong += [f"{at}: {error.json_path}: {error.message[:200]}" for error in found]


def complete(schema: dict[str, Any], given: Any) -> Any:
    """Return what is given with a value for each further member that a schema requires."""
    schema = next((one for one in schema.get("oneOf", schema.get("anyOf", [])) if one.get("type") != "null"), schema)
    if isinstance(given, list):
        return [complete(schema.get("items", {}), one) for one in given]
    if isinstance(given, dict):
        known = schema.get("properties", {})
        more = {name: filler(known.get(name, {})) for name in schema.get("required", []) if name not in given}
        return {**more, **{name: complete(known.get(name, {}), one) for name, one in given.items()}}
    return given


def filler(schema: dict[str, Any]) -> Any:
    kinds = schema.get("type", [])
    if "null" in kinds or {"type": "null"} in schema.get("anyOf", []):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    schema = next(iter(schema.get("oneOf", schema.get("anyOf", []))), schema)
    kind = schema.get("type")
    plain = {"integer": 0, "number": 0, "boolean": False, "array": [], "string": "2026-01-02T03:04:05Z"}
    return complete(schema, {}) if kind == "object" else plain.get(str(kind), {})


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """Serve a forge; at the end nothing was wrong with what was asked and answered."""

    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        begun = False

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def reply(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size)) if size else None
            forge.log.append(f"{self.command} {self.path}")
            given = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, headers, said = 401, dict[str, str](), {"message": "Bad credentials"}
            if given == forge.token:
                try:
                    status, headers, said = forge.answer(self.command, self.path, body)
                except Exception as error:  # noqa: BLE001 - the test fails at its end, in its own thread
                    forge.wrong.append(repr(error))
                    status = 500
            data = json.dumps(said).encode() if not isinstance(said, bytes) else said
            while forge.slow and not ended.wait(forge.slow):
                try:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: " if not self.begun else b".")
                    self.wfile.flush()
                except OSError:
                    return
                self.begun = True
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forge.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield forge
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
    assert not forge.wrong, forge.wrong
