"""Which forge a repository's URL belongs to."""

import os
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aurora.fleet.forges.access import KINDS, Access, access, host_of
from aurora.fleet.forges.base import Forge
from aurora.fleet.forges.github import HEADERS, GitHub
from aurora.fleet.forges.gitlab import GitLab
from aurora.fleet.forges.rest import PATIENCE, Rest, Say
from remembrancer.errors import BadInput

_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):([^:/].*)", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", re.ASCII)


class Hosted(NamedTuple):
    """A repository on a forge: the forge, how it is reached, and the repository's path there."""

    forge: Forge
    access: Access
    path: str


def connect(way: Access, *, patience: float = PATIENCE, say: Say = lambda _: None) -> Forge:
    """Return the forge behind an access."""
    if way.kind.name == "github":
        token = {"Authorization": f"Bearer {way.token}"} if way.token else {}
        return GitHub(Rest(way, {**HEADERS, **token}, patience=patience, say=say))
    return GitLab(Rest(way, {"PRIVATE-TOKEN": way.token} if way.token else {}, patience=patience, say=say))


class Forges:
    """The forges that are known: the two public ones, those that the environment names, and those that are given.

    Takes words `HOST=github`, `HOST=gitlab`, or `HOST=KIND@API` where the interface is elsewhere.
    """

    def __init__(
        self,
        given: tuple[str, ...] = (),
        *,
        environment: Mapping[str, str] | None = None,
        connect: Callable[[Access], Forge] = connect,
    ) -> None:
        """Raises BadInput(input.field)."""
        self._environment = os.environ if environment is None else environment
        self._connect = connect
        self._one_at_a_time = Lock()
        self._open: dict[str, tuple[Forge, Access]] = {}
        self._kinds: dict[str, tuple[str, str, bool]] = {
            kind.host: (kind.name, kind.public, False) for kind in KINDS.values()
        }
        for kind in KINDS.values():
            if named := self._environment.get(kind.interface, ""):
                self._kinds[host_of(named, kind)] = (kind.name, named, False)
        for word in given:
            host, _, rest = word.partition("=")
            name, _, api = rest.partition("@")
            if not host or name not in KINDS:
                raise BadInput("input.field", "--forge is HOST=github, HOST=gitlab or HOST=KIND@URL of its interface")
            default = f"https://{host}/api/v3" if name == "github" else f"https://{host}/api/v4"
            self._kinds[host.lower()] = (name, api or default, True)

    def of(self, url: str) -> Hosted | None:
        """Return the repository behind a URL, None for one that lies on no known forge.

        Raises BadInput(input.field), EnvironmentTrouble(env.git).
        """
        host, path = split(url)
        if host not in self._kinds or not _PATH.fullmatch(path):
            return None
        with self._one_at_a_time:
            if host not in self._open:
                name, api, named = self._kinds[host]
                way = access(name, api, named=named, environment=self._environment)._replace(host=host)
                self._open[host] = (self._connect(way), way)
        return Hosted(*self._open[host], path)

    def for_git(self, url: str) -> dict[str, str]:
        """Return the variables with which Git itself reaches a URL, none on no known forge. Raises as `of`."""
        hosted = self.of(url)
        return hosted.access.for_git(url) if hosted else {}


def split(url: str) -> tuple[str, str]:
    """Return host (with a port, where a web URL has one) and path of a repository's URL; both "" for a local path.

    >>> split("https://git.example.com/acme/orders.git"), split("git@git.example.com:acme/orders.git")
    (('git.example.com', 'acme/orders'), ('git.example.com', 'acme/orders'))
    """
    scp = _SCP.fullmatch(url)
    if "://" in url:
        parts = urlsplit(url)
        host = (parts.netloc if parts.scheme in ("http", "https") else parts.hostname or "").rpartition("@")[2]
        path = unquote(parts.path)
    elif scp:
        host, path = scp[1], scp[2]
    else:
        return "", ""
    return host.lower(), path.strip("/").removesuffix(".git")
