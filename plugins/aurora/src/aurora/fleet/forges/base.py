"""What a forge is asked, whichever it is."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Found(NamedTuple):
    """A repository of a forge: its path there (`acme/orders`), where Git finds it, and its default branch."""

    path: str
    url: str
    ssh: str
    branch: str


class Request(NamedTuple):
    """A pull or merge request: its page, what became of it, and what the checks of its newest commit say.

    `state` is open, merged or closed; `checks` is green, red, running, or none where nothing checks it.
    """

    url: str
    state: str
    checks: str


class Forge(Protocol):
    """One forge. Every call raises EnvironmentTrouble(fleet.forge, fleet.forge-access, fleet.rate-limit)."""

    def repositories(self, owner: str) -> Iterator[Found]:
        """Yield the repositories of an organisation, a group with its subgroups, or a user, but no archived one."""

    def names(self, found: Found) -> frozenset[str]:
        """Return the names of the files at the top of a repository's default branch, none for an empty one."""

    def file(self, found: Found, path: str) -> bytes:
        """Return a file of the default branch."""

    def request(self, path: str, branch: str, base: str) -> Request | None:
        """Return the newest request from a branch, of whatever state, None where there never was one."""

    def propose(self, path: str, branch: str, base: str, title: str, text: str) -> Request:
        """Open a request, or return the one that is open already."""
