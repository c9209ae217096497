"""GitHub and GitHub Enterprise Server, by their REST interface of version 2022-11-28."""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from aurora.fleet.forges.base import Found, Request
from aurora.fleet.forges.fields import flag, needed, table, text
from aurora.fleet.forges.rest import Rest
from remembrancer.errors import EnvironmentTrouble

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
RED = frozenset({"failure", "cancelled", "timed_out", "action_required", "startup_failure", "stale"})


class GitHub:
    """A `Forge`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def repositories(self, owner: str) -> Iterator[Found]:
        """Yield the repositories of an organisation or a user."""
        name = quote(owner, safe="")
        kind = self._rest.get(f"/users/{name}").body
        where = "orgs" if text(table(kind), "type") == "Organization" else "users"
        for row in self._rest.pages(f"/{where}/{name}/repos", per_page=100, sort="full_name"):
            if not flag(row, "archived") and not flag(row, "disabled"):
                yield Found(
                    needed(row, "full_name"),
                    text(row, "clone_url"),
                    text(row, "ssh_url"),
                    text(row, "default_branch"),
                )

    def names(self, found: Found) -> frozenset[str]:
        """Return the names of the files at the top; GitHub answers 409 or 404 for an empty repository."""
        where = f"/repos/{found.path}/git/trees/{quote(found.branch, safe='')}"
        answer = self._rest.get(where, missing=(404, 409))
        rows = table(answer.body).get("tree") if answer.body else []
        return frozenset(text(row, "path") for row in rows or [] if text(row, "type") == "blob")

    def file(self, found: Found, path: str) -> bytes:
        """Return a file of the default branch."""
        said = self._rest.get(f"/repos/{found.path}/contents/{quote(path)}", ref=found.branch).body
        try:
            return b64decode(text(said, "content"))
        except binascii.Error:
            raise EnvironmentTrouble("fleet.forge", f"{path} of {found.path} is not in base64") from None

    def request(self, path: str, branch: str, base: str) -> Request | None:
        """Return the newest pull request from a branch: an open one before all others."""
        head = f"{path.partition('/')[0]}:{branch}"
        query: dict[str, Any] = {
            "state": "all",
            "head": head,
            "base": base,
            "sort": "created",
            "direction": "desc",
            "per_page": 100,
        }
        rows = [row for row in map(table, self._rest.pages(f"/repos/{path}/pulls", **query)) if _own(row)]
        best = next((row for row in rows if text(row, "state") == "open"), rows[0] if rows else None)
        return self._request(path, best) if best else None

    def propose(self, path: str, branch: str, base: str, title: str, text: str) -> Request:
        """Open a pull request; GitHub answers 422 where there is an open one."""
        body = {"title": title, "head": branch, "base": base, "body": text, "maintainer_can_modify": True}
        answer = self._rest.post(f"/repos/{path}/pulls", body, missing=(422,))
        if answer.body:
            return self._request(path, table(answer.body))
        if found := self.request(path, branch, base):
            return found
        raise EnvironmentTrouble("fleet.forge", f"{self._rest.access.host} takes no pull request of {path}")

    def _request(self, path: str, row: dict[str, Any]) -> Request:
        state = "merged" if row.get("merged_at") else text(row, "state")
        checks = self._checks(path, text(table(row.get("head")), "sha")) if state == "open" else "none"
        return Request(needed(row, "html_url"), state, checks)

    def _checks(self, path: str, commit: str) -> str:
        """Return what check runs and commit statuses say together."""
        at = f"/repos/{path}/commits/{quote(commit, safe='')}"
        runs = [table(row) for row in self._rest.pages(f"{at}/check-runs", "check_runs", filter="latest", per_page=100)]
        combined = table(self._rest.get(f"{at}/status").body)
        said = [text(row, "conclusion") if text(row, "status") == "completed" else "running" for row in runs]
        if combined.get("total_count"):
            said.append({"success": "success", "pending": "running"}.get(text(combined, "state"), "failure"))
        if any(one in RED for one in said):
            return "red"
        return "none" if not said else "running" if "running" in said else "green"


def _own(row: dict[str, Any]) -> bool:
    """Say whether a pull request is out of the repository itself: a fork may have a branch of the same name."""
    head, base = (table(row.get(side)).get("repo") for side in ("head", "base"))
    # that of the head is null where the fork was deleted
    return isinstance(head, dict) and isinstance(head.get("id"), int) and head["id"] == table(base).get("id")
