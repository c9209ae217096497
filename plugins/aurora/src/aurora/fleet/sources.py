"""Where repositories of a fleet may be: on a forge, in a list of URLs, in a folder of clones.

Each gives candidates with a way to read files at their top, and names what no list may have.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aurora import git
from aurora.files import read_given
from aurora.fleet.forges.access import access
from aurora.fleet.forges.base import Forge, Found
from aurora.fleet.forges.known import Forges, connect, is_path
from aurora.fleet.forges.rest import PATIENCE, Say
from aurora.fleet.listed import LONGEST_NAME, MALFORMED, check_url, is_name
from aurora.fleet.urls import identity, place, split
from aurora.foreign.snapshot import Snapshot
from remembrancer.errors import BadInput
from remembrancer.standard.generations import ANSWERS, MAX_BYTES

MAX_LIST = 16_000_000  # bytes of a file of URLs
Read = Callable[[str], bytes | None]


class Candidate(NamedTuple):
    """A repository that may belong: its name in the fleet, its URL, how a file at its top is read, its other URLs."""

    name: str
    url: str
    read: Read
    others: tuple[str, ...] = ()

    @property
    def identities(self) -> set[str]:
        """All forms under which a list may have it: behind an unusual port only the forge knows that they are one."""
        return {identity(one) for one in (self.url, *self.others)}


class Unread(NamedTuple):
    """A repository of which nothing could be learned."""

    name: str
    code: str
    message: str


class Source(NamedTuple):
    """Where to look: the candidates, and whether the URL of an entry is one that had to be among them."""

    candidates: Iterable[Candidate | Unread]
    covers: Callable[[str], bool]


def on_forge(
    kind: str,
    owner: str,
    api: str = "",
    *,
    ssh: bool = False,
    patience: float = PATIENCE,
    say: Say = lambda _: None,
    environment: Mapping[str, str] | None = None,
) -> Source:
    """Return what an organisation, a group or a user has on a forge. Raises BadInput(input.field)."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}", owner, re.ASCII):
        raise BadInput("input.field", f"{owner[:80]!r} is not the name of an organisation, a group or a user")
    way = access(kind, api, named=bool(api), environment=environment)
    forge = connect(way, patience=patience, say=say)
    say(f"{way.host}: asking for the repositories of {owner}" + ("" if way.token else ", without a token"))

    def covers(url: str) -> bool:
        host, path = split(url)
        return host == way.host and path.lower().startswith(f"{owner.lower()}/")

    schemes = ("ssh",) if ssh else ("https", urlsplit(way.api).scheme)
    return Source((_offered(forge, found, schemes) for found in forge.repositories(owner)), covers)


def _offered(forge: Forge, found: Found, schemes: tuple[str, ...]) -> Candidate | Unread:
    """Return the candidate that a forge offers, or why a list may not have it: the forge chooses what Git is given."""
    own, others = (found.ssh, found.url) if "ssh" in schemes else (found.url, found.ssh)
    name = name_of(f"https://forge/{found.path}")
    try:
        check_url(own, name)
        odd = place(own).scheme not in schemes and f"{json.dumps(own[:80])} is no URL for {schemes[0]}"
    except BadInput as error:
        odd = error.message.removeprefix(MALFORMED).removeprefix(f"{name}: ")
    if not is_path(found.path) or not is_name(name):
        odd = f"{json.dumps(found.path[:80])} is not the path of a repository"
    if odd:
        return Unread(name[:LONGEST_NAME], "fleet.forge-offer", f"the forge offers what no list may have: {odd}")
    return Candidate(name, own, _Reader(forge, found), (others,) if others else ())


class _Reader:
    """Reads files at the top of a repository of a forge, and asks for none that is not there."""

    def __init__(self, forge: Forge, found: Found) -> None:
        self._forge, self._found = forge, found
        self._names: frozenset[str] | None = None

    def __call__(self, path: str) -> bytes | None:
        if self._names is None:
            self._names = self._forge.names(self._found) if self._found.branch else frozenset()
        return self._forge.file(self._found, path) if path in self._names else None


def in_list(file: Path, forges: Forges) -> Source:
    """Return the URLs of a file, one a line; lines that begin with # are for people.

    Raises BadInput(input.file), EnvironmentTrouble(env.io).
    """
    data = read_given(file, MAX_LIST)
    if len(data) > MAX_LIST:
        raise BadInput("input.file", f"{file} has more than {MAX_LIST} bytes")
    try:
        lines = [line.strip() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise BadInput("input.file", f"{file} is not UTF-8") from None
    listed: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#"):
            check_url(line, f"{file}, line {number}")  # before any of them is fetched
            listed.setdefault(identity(line), line)
    return Source(
        (Candidate(name_of(url), url, _Fetched(url, forges)) for url in listed.values()),
        lambda url: identity(url) in listed,
    )


class _Fetched:
    """Reads files at the top of a remote's default branch, which is fetched once and without its history."""

    def __init__(self, url: str, forges: Forges) -> None:
        self._url, self._forges = url, forges
        self._files: dict[str, bytes] | None = None

    def __call__(self, path: str) -> bytes | None:
        if self._files is None:
            more = self._forges.for_git(self._url)
            self._files = {}
            with Snapshot(self._url, more=more) as snapshot:
                for name in ANSWERS.values():
                    try:
                        self._files[name] = snapshot.file(name, MAX_BYTES)
                    except FileNotFoundError:
                        continue
        return self._files.get(path)


def in_folder(folder: Path, say: Say = lambda _: None) -> Source:
    """Return the clones and bare repositories in a folder: each by its `origin`, or by its path where it has none.

    Raises BadInput(input.file) where there is no such folder.
    """
    if not folder.is_dir():
        raise BadInput("input.file", f"there is no folder {folder}")
    whole = folder.absolute()
    places = [place for place in sorted(whole.iterdir()) if (place / ".git").exists() or (place / "objects").is_dir()]
    found = [_clone(place, say) for place in places]
    return Source(found, lambda url: url.startswith(f"{whole}{os.sep}"))


def _clone(folder: Path, say: Say) -> Candidate | Unread:
    def read(path: str) -> bytes | None:
        done = git.run(folder, "cat-file", "blob", f"HEAD:{path}")
        return done.stdout if done.returncode == 0 else None

    origin = git.run(folder, "config", "--get", "remote.origin.url").stdout.decode("utf-8", "replace").strip()
    url = re.sub(r"^(https?://)[^/@]*@", r"\1", origin)
    if url != origin:
        say(f"{folder.name}: the URL of its origin has a user in it, which is left out")
    url = url or str(folder)
    try:
        check_url(url, "the URL of its origin")
    except BadInput as error:
        return Unread(folder.name, "fleet.list", error.message.removeprefix(MALFORMED))
    return Candidate(name_of(url), url, read)


def name_of(url: str) -> str:
    """Return the name of a repository in a fleet: its path on the host, or the last part of a local path.

    >>> name_of("https://git.example.com/acme/orders.git"), name_of("/srv/git/orders.git")
    ('acme/orders', 'orders')
    """
    host, path = split(url)
    name = unquote(path) if host else identity(url).rpartition("/")[2]
    parts = (re.sub(r"[^A-Za-z0-9._-]", "-", part).lstrip("._-") for part in name.split("/"))
    return "/".join(part for part in parts if part) or "service"
