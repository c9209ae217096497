"""Which forge a repository's URL belongs to."""

import os
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import NamedTuple

from aurora.fleet.forges.access import KINDS, Access, access, host_of
from aurora.fleet.forges.base import Forge
from aurora.fleet.forges.github import HEADERS, GitHub
from aurora.fleet.forges.gitlab import GitLab
from aurora.fleet.forges.rest import PATIENCE, Rest, Say
from aurora.fleet.urls import split
from remembrancer.errors import BadInput

_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})+", re.ASCII)


def is_path(text: str) -> bool:
    """Say whether a forge may have a repository of this path, which becomes a part of its interface's URLs."""
    return bool(_PATH.fullmatch(text))


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
            self._kinds[split(f"https://{host}/")[0]] = (name, api or default, True)

    def of(self, url: str) -> Hosted | None:
        """Return the repository behind a URL, None for one that lies on no known forge.

        Raises BadInput(input.field), EnvironmentTrouble(env.git).
        """
        host, path = split(url)
        if host not in self._kinds or not is_path(path):
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
