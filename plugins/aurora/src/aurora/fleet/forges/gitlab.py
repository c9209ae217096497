"""GitLab, by version 4 of its REST interface."""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from aurora.fleet.forges.base import Found, Request
from aurora.fleet.forges.fields import flag, needed, table, text
from aurora.fleet.forges.rest import Rest
from remembrancer.errors import EnvironmentTrouble

CHECKS = {"success": "green", "skipped": "none", "failed": "red", "canceled": "red"}
STATES = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}


class GitLab:
    """A `Forge`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def repositories(self, owner: str) -> Iterator[Found]:
        """Yield the projects of a group and its subgroups, or of a user."""
        name = quote(owner, safe="")
        group = self._rest.get(f"/groups/{name}", missing=(404,), with_projects="false").body
        where = f"/groups/{name}/projects" if group else f"/users/{name}/projects"
        more = {"include_subgroups": "true"} if group else {}
        query: dict[str, Any] = {"archived": "false", "order_by": "id", "sort": "asc", "per_page": 100, **more}
        for row in self._rest.pages(where, **query):
            if not flag(row, "archived"):
                yield Found(
                    needed(row, "path_with_namespace"),
                    text(row, "http_url_to_repo"),
                    text(row, "ssh_url_to_repo"),
                    text(row, "default_branch"),
                )

    def names(self, found: Found) -> frozenset[str]:
        """Return the names of the files at the top; GitLab answers 404 for an empty repository."""
        if not found.branch:
            return frozenset()
        where = f"/projects/{quote(found.path, safe='')}/repository/tree"
        if self._rest.get(where, missing=(404,), ref=found.branch, per_page=1).body is None:
            return frozenset()
        rows = self._rest.pages(where, ref=found.branch, per_page=100)
        return frozenset(text(row, "path") for row in rows if text(row, "type") == "blob")

    def file(self, found: Found, path: str) -> bytes:
        """Return a file of the default branch."""
        where = f"/projects/{quote(found.path, safe='')}/repository/files/{quote(path, safe='')}"
        try:
            return b64decode(text(self._rest.get(where, ref=found.branch).body, "content"))
        except ValueError:
            raise EnvironmentTrouble("fleet.forge", f"{path} of {found.path} is not in base64") from None

    def request(self, path: str, branch: str, base: str) -> Request | None:
        """Return the newest merge request from a branch: an open one before all others, and none out of a fork."""
        query: dict[str, Any] = {"source_branch": branch, "target_branch": base, "state": "all", "per_page": 100}
        said = map(table, self._rest.pages(self._at(path), order_by="created_at", sort="desc", **query))
        # a fork may have a branch of the same name
        rows = [
            row
            for row in said
            if isinstance(own := row.get("target_project_id"), int) and row.get("source_project_id") == own
        ]
        best = next((row for row in rows if text(row, "state") == "opened"), rows[0] if rows else None)
        return self._request(path, best) if best else None

    def propose(self, path: str, branch: str, base: str, title: str, text: str) -> Request:
        """Open a merge request; GitLab answers 409 where there is an open one."""
        body = {
            "source_branch": branch,
            "target_branch": base,
            "title": title,
            "description": text,
            "remove_source_branch": True,
        }
        answer = self._rest.post(self._at(path), body, missing=(409,))
        if answer.body:
            return self._request(path, table(answer.body))
        if found := self.request(path, branch, base):
            return found
        raise EnvironmentTrouble("fleet.forge", f"{self._rest.access.host} takes no merge request of {path}")

    def _at(self, path: str) -> str:
        return f"/projects/{quote(path, safe='')}/merge_requests"

    def _request(self, path: str, row: dict[str, Any]) -> Request:
        state = STATES.get(text(row, "state"), "open")
        if state != "open":
            return Request(needed(row, "web_url"), state, "none")
        number = row.get("iid")
        if not isinstance(number, int):
            raise EnvironmentTrouble(
                "fleet.forge", f"{self._rest.access.host} answered with a request without a number"
            )
        # only the single request names its pipeline
        pipeline = table(self._rest.get(f"{self._at(path)}/{number}").body).get("head_pipeline")
        checks = CHECKS.get(text(table(pipeline), "status"), "running") if pipeline else "none"
        return Request(needed(row, "web_url"), state, checks)
