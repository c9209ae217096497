"""Forges by their REST interfaces: pages, rate limits, tokens, and answers that are none."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aurora.fleet.forges.access import access
from aurora.fleet.forges.base import Forge as Interface
from aurora.fleet.forges.known import Forges, connect
from aurora.fleet.forges.rest import limit
from collection import git
from forges_double import ANSWERS, TOKEN, Asked, Forge, serving
from remembrancer.errors import BadInput, EnvironmentTrouble, RemembrancerError

VARIABLES = {"github": ("GITHUB_TOKEN", "GITHUB_API_URL"), "gitlab": ("GITLAB_TOKEN", "CI_API_V4_URL")}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    """Five repositories of acme, one of them empty, made once for all tests of this file."""
    made = Forge("", tmp_path_factory.mktemp("hosted"))
    for name in ("orders", "billing", "shop", "empty", "old"):
        bare = made.add(f"acme/{name}")
        if name != "empty":
            tree(bare, {".copier-answers.ci.yml": f"component: {name}\n", "README.md": "hi\n"})
    return made


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, hosted: Forge) -> Iterator[Forge]:
    """A forge with these repositories, one of them archived."""
    with serving(Forge(request.param, hosted.folder, {"acme": [*hosted.owners["acme"]]})) as made:
        made.archived.add("acme/old")
        yield made


def tree(bare: Path, files: dict[str, str], branch: str = "main") -> str:
    """Commit files to a branch of a bare repository."""
    work = bare.parent / "work"
    work.mkdir()
    for name, text in files.items():
        (work / name).write_text(text)
    place = ("--git-dir", str(bare), "--work-tree", str(work))
    git(work, *place, "add", "--all")
    commit = git(work, *place, "commit-tree", git(work, *place, "write-tree"), "-m", "one")
    git(bare, "update-ref", f"refs/heads/{branch}", commit)
    for name in files:
        (work / name).unlink()
    work.rmdir()
    return commit


def way(forge: Forge, said: list[str] | None = None, patience: float = 60.0) -> Interface:
    token, api = VARIABLES[forge.kind]
    found = access(forge.kind, named=False, environment={token: TOKEN, api: forge.api})
    return connect(found, patience=patience, say=(said if said is not None else []).append)


def code(call: object) -> str:
    with pytest.raises(RemembrancerError) as error:
        list(call()) if callable(call) else None
    assert TOKEN not in error.value.message
    return error.value.code


def test_every_page_is_read_and_archived_and_empty_ones_are_no_trouble(forge: Forge) -> None:
    forge.page = 2
    asked = way(forge)
    found = list(asked.repositories("acme"))
    assert [one.path for one in found] == ["acme/orders", "acme/billing", "acme/shop", "acme/empty"]
    assert found[0].url == forge.url("acme/orders")
    orders, *_, empty = found
    assert asked.names(orders) == {".copier-answers.ci.yml", "README.md"}
    assert asked.file(orders, ".copier-answers.ci.yml") == b"component: orders\n"
    assert asked.names(empty._replace(branch="main")) == frozenset()
    forge.people.add("acme")
    assert len(list(asked.repositories("acme"))) == 4
    assert all(TOKEN not in line for line in forge.log)


ENTITIES = {
    "GET /groups/{id}": "Group",
    "GET /groups/{id}/projects": "Project",
    "GET /users/{id}/projects": "Project",
    "GET /projects/{id}/repository/tree": "TreeObject",
    "GET /projects/{id}/merge_requests": "MergeRequest",
    "GET /projects/{id}/merge_requests/{iid}": "MergeRequest",
    "POST /projects/{id}/merge_requests": "MergeRequest",
}


@pytest.mark.parametrize(("at", "entity"), ENTITIES.items())
def test_the_double_of_gitlab_answers_as_its_description_says(at: str, entity: str) -> None:
    published = ANSWERS["gitlab"]["published"]

    def compare(schema: dict[str, Any], name: str) -> None:
        assert schema["additionalProperties"] is False
        for member, one in schema["properties"].items():
            kind = published[name][member]
            if kind in published:
                compare(next(form for form in one["anyOf"] if form["type"] == "object"), kind)
                continue
            kinds = one.get("type", "string")  # an enumeration of texts narrows a string
            assert ({kinds} if isinstance(kinds, str) else {*kinds}) - {"null"} == {kind}, member

    schema = ANSWERS["gitlab"]["answers"][at]
    compare(schema.get("items", schema), entity)


def test_a_request_is_opened_once_and_its_checks_are_read(forge: Forge) -> None:
    asked = way(forge)
    assert asked.request("acme/orders", "new", "main") is None
    tree(forge.folder / "acme/orders.git", {"README.md": "new\n"}, "new")
    first = asked.propose("acme/orders", "new", "main", "[orders] chore: x", "text")
    assert asked.propose("acme/orders", "new", "main", "[orders] chore: x", "text") == first
    assert (len(forge.requests), first.state, first.checks) == (1, "open", "none")
    for checks in ("running", "red", "green"):
        forge.requests[0].checks = checks
        found = asked.request("acme/orders", "new", "main")
        assert found is not None
        assert found.checks == checks
    for state in ("closed", "merged"):
        forge.requests[0].state = state
        found = asked.request("acme/orders", "new", "main")
        assert found is not None
        assert (found.state, found.checks) == (state, "none")
    forge.requests.insert(0, Asked("acme/orders", 9, "new", "main", "again", ""))
    found = asked.request("acme/orders", "new", "main")
    assert found is not None
    assert found.state == "open"


@pytest.mark.parametrize("state", ["open", "closed", "merged"])
def test_a_request_out_of_a_fork_is_nobody_elses(forge: Forge, state: str) -> None:
    asked = way(forge)
    forge.requests.append(Asked("acme/orders", 1, "new", "main", "theirs", "", state, "green", fork=True))
    assert asked.request("acme/orders", "new", "main") is None
    forge.requests.insert(0, Asked("acme/orders", 2, "new", "main", "ours", "", "merged"))
    found = asked.request("acme/orders", "new", "main")
    assert found is not None
    assert (found.url[-1], found.state) == ("2", "merged")


def test_a_request_that_does_not_say_where_it_comes_from_is_nobodys(forge: Forge) -> None:
    asked = way(forge)
    forge.requests.append(Asked("acme/orders", 1, "new", "main", "whose", "", "merged"))
    silent: dict[str, object] = {"head": {"repo": None}, "source_project_id": None, "target_project_id": None}
    pull, merge = forge.pull, forge.merge

    def without(said: dict[str, object]) -> dict[str, object]:
        return {**said, **{name: silent[name] for name in silent if name in said}}

    forge.pull = lambda one: without(pull(one))  # type: ignore[method-assign]
    forge.merge = lambda one, *, whole=False: without(merge(one, whole=whole))  # type: ignore[method-assign]
    forge.check = lambda *_: None  # type: ignore[method-assign]
    assert asked.request("acme/orders", "new", "main") is None


def test_limits_are_waited_for_within_the_patience_and_said(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("aurora.fleet.forges.rest.time.time", lambda: 1000.0)
    said: list[str] = []
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1011"}
    forge.faults = [(429, {"Retry-After": "7"}), (403, spent), (503, {})]
    asked = connect(
        access(forge.kind, forge.api, named=True, environment={VARIABLES[forge.kind][0]: TOKEN}), say=said.append
    )
    asked._rest._pause = waited.append  # type: ignore[attr-defined]
    assert len(list(asked.repositories("acme"))) == 4
    assert waited == [7.0, 12.0, 4.0]
    assert said[0] == f"{forge.host}: waiting 7 seconds for its rate limit"
    forge.faults = [(429, {"Retry-After": "3600"})]
    assert code(lambda: way(forge).repositories("acme")) == "fleet.rate-limit"


def test_what_asks_to_wait() -> None:
    assert limit(403, {}, 0) is None
    assert limit(403, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "99"}, 0) is None
    assert limit(429, {}, 0) == 60.0
    assert limit(429, {"ratelimit-reset": "50"}, 40) == 11.0
    assert limit(403, {"retry-after": "Wed"}, 0) is None
    assert limit(200, {"retry-after": "5"}, 0) is None


def test_answers_that_are_none(forge: Forge) -> None:
    def listing() -> object:
        return way(forge).repositories("acme")

    forge.page, forge.next = 2, "http://127.0.0.1:1/elsewhere"
    assert code(listing) == "fleet.forge"  # the token is not sent to another host
    forge.next = f"{forge.api}/{'orgs' if forge.kind == 'github' else 'groups'}/acme/"
    forge.next += "repos?page=1" if forge.kind == "github" else "projects?page=1"
    assert code(listing) == "fleet.forge"  # pages without an end
    forge.page, forge.next = 100, ""
    forge.faults = [(302, {"Location": "http://127.0.0.1:1/elsewhere"})]
    assert code(listing) == "fleet.forge"
    forge.faults = [(403, {})]
    assert code(listing) == "fleet.forge-access"
    forge.faults = [(500, {})]
    assert code(listing) == "fleet.forge"
    forge.token = "another"
    assert code(listing) == "fleet.forge-access"
    gone = access(forge.kind, "http://127.0.0.1:1/api", named=True, environment={VARIABLES[forge.kind][0]: TOKEN})
    assert code(lambda: connect(gone).repositories("acme")) == "fleet.forge"


@pytest.mark.parametrize("way_off", ["next", "redirect"])
def test_another_host_is_never_asked(forge: Forge, hosted: Forge, way_off: str) -> None:
    with serving(Forge(forge.kind, hosted.folder, hosted.owners)) as other:
        where = "orgs/acme/repos" if forge.kind == "github" else "groups/acme/projects"
        if way_off == "next":
            forge.page, forge.next = 2, f"{other.api}/{where}"
        else:
            forge.faults = [(302, {"Location": f"{other.api}/{where}"})]
        assert code(lambda: way(forge).repositories("acme")) == "fleet.forge"
        assert (other.log, len(forge.log) > 0) == ([], True)


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b'{"a": 1}', b"[1]", b'[{"full_name": 3}]'])
def test_garbage_is_refused(forge: Forge, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(forge, "answer", lambda *_: (200, {}, body))
    assert code(lambda: way(forge).repositories("acme")) == "fleet.forge"


def test_too_large_an_answer_is_refused(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.fleet.forges.rest.LARGEST", 100)
    assert code(lambda: way(forge).repositories("acme")) == "fleet.forge"


def test_an_answer_without_an_end_has_a_deadline(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.fleet.forges.rest.LONGEST", -1.0)
    with pytest.raises(EnvironmentTrouble, match="an answer of more than"):
        list(way(forge).repositories("acme"))


def test_headers_that_come_a_byte_at_a_time_have_a_deadline(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.fleet.forges.rest.LONGEST", 0.4)
    forge.slow = 0.05
    began = time.monotonic()
    with pytest.raises(EnvironmentTrouble, match="an answer of more than"):
        list(way(forge).repositories("acme"))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("name", "most"), [("ANSWERS", 1), ("BYTES", 100), ("SECONDS", 0.0), ("PAGES", 1)])
def test_all_answers_together_have_a_limit(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, name: str, most: float
) -> None:
    monkeypatch.setattr(f"aurora.fleet.forges.rest.{name}", most)
    forge.page = 1
    assert code(lambda: way(forge).repositories("acme")) == "fleet.forge-limit"


def test_the_token_goes_to_the_host_that_it_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.fleet.forges.access._from_helper", lambda origin: f"from {origin}")
    runner = {"GITHUB_TOKEN": "env", "GITHUB_API_URL": "https://git.example.com/api/v3"}
    assert access("github", named=False, environment={"GITHUB_TOKEN": "env"}).token == "env"
    assert access("github", named=False, environment=runner)[1:] == (
        "https://git.example.com/api/v3",
        "git.example.com",
        "env",
    )
    # the runner's own forge has another token than the public one
    assert (
        access("github", "https://api.github.com", named=False, environment=runner).token == "from https://github.com"
    )
    assert access("github", "https://else.example.com/api/v3", named=True, environment=runner).token == "env"
    known = Forges(("code.example.com=gitlab",), environment=runner)
    hosted = known.of("git@code.example.com:team/sub/shop.git")
    assert hosted is not None
    assert (hosted.access.api, hosted.path) == ("https://code.example.com/api/v4", "team/sub/shop")
    assert hosted.access.token == "from https://code.example.com"
    public = known.of("https://github.com/acme/orders.git")
    assert public is not None
    assert public.access.token == "from https://github.com"
    mine = known.of("https://git.example.com/acme/orders.git")
    assert mine is not None
    assert mine.access.token == "env"
    assert "env" not in repr(mine.access)
    assert known.of("https://unknown.example.com/acme/orders.git") is None
    assert known.of("/srv/git/orders.git") is None
    assert known.of("https://github.com/acme/../../user") is None
    assert known.of("https://github.com/acme/%2e%2e/user") is None
    dotted = known.of("https://github.com:443/acme/.github.git")
    assert dotted is not None
    assert dotted.path == "acme/.github"
    for bad in ("http://git.example.com/api/v3", "https://user@git.example.com", "ftp://x", "https://x:99999999"):
        with pytest.raises(BadInput):
            access("github", bad, named=True, environment={"GITHUB_TOKEN": "env"})
    for bad in ("git.example.com", "git.example.com=svn"):
        with pytest.raises(BadInput):
            Forges((bad,), environment={})
    with pytest.raises(BadInput):
        access("github", named=False, environment={"GITHUB_TOKEN": "two\nlines"})


def test_git_gets_the_token_outside_of_its_arguments_and_of_other_helpers(tmp_path: Path) -> None:
    from aurora import git as own

    found = access("gitlab", named=False, environment={"GITLAB_TOKEN": TOKEN})
    more = found.for_git("https://gitlab.com/acme/orders.git")
    assert found.for_git("https://gitlab.com.evil.example/acme/orders.git") == {}
    assert found.for_git("git@gitlab.com:acme/orders.git") == {}
    asked = own.run(tmp_path, "credential", "fill", data=b"protocol=https\nhost=gitlab.com\n\n", more=more)
    assert asked.stdout.decode().splitlines()[2:] == ["username=oauth2", f"password={TOKEN}"]
    other = own.run(tmp_path, "credential", "fill", data=b"protocol=https\nhost=example.com\n\n", more=more)
    assert TOKEN not in other.stdout.decode()


def test_a_credential_helper_is_asked_where_the_environment_has_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text('[credential]\n\thelper = "!echo password=kept; echo username=me #"\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    assert access("github", named=False, environment={}).token == "kept"
    (tmp_path / ".gitconfig").write_text("")
    assert access("github", named=False, environment={}).token == ""


def test_without_the_extra_a_forge_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(EnvironmentTrouble, match="httpx"):
        connect(access("github", named=False, environment={"GITHUB_TOKEN": "x"}))
