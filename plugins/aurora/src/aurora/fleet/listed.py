"""Which services a fleet has: `fleet.toml`, which people review and commit as they do everything else.

>>> fleet = parse(b'''
... [fleet]
... name = "shop"
... trust = "0123456789abcdef0123456789abcdef01234567"
...
... [[service]]
... name = "payments"
... url = "https://git.example.org/shop/payments.git"
... ''')
>>> fleet.services[0].name, fleet.owner_of(fleet.services[0])[:8]
('payments', '01234567')

The file never says that a repository may be trusted because the repository says so: `trust` is the fingerprint of the
owner, from that person. `write` gives one form to the same content, so that a review shows what has changed.
"""

import gzip
import json
import os
import re
import tomllib
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aurora.files import read_given, write_whole
from aurora.fleet import urls
from aurora.fleet.shard import Shard
from aurora.git import is_branch
from remembrancer.errors import BadInput
from remembrancer.user.state import fingerprint

FILE = "fleet.toml"
MAX_FILE = 32_000_000  # bytes; 100,000 services have about 12 MB
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
_GZIP = b"\x1f\x8b"
LONGEST_NAME = 200
MALFORMED = "the list of the fleet is malformed: "
_HEAD = """\
# The services of this fleet. `aurora fleet discover` finds them, people review what it found.
# trust: the fingerprint of a policy's owner, from that person; never copied out of the repository itself.
"""


class Service(NamedTuple):
    """A service: its name in the fleet, where its repository is, which branch counts, and who owns its policy.

    `branch` "" is the remote's default branch, `trust` "" the fleet's own default.
    """

    name: str
    url: str
    branch: str = ""
    trust: str = ""


class Fleet(NamedTuple):
    """A fleet: its name, the services by name, the default owner, and the repository of the template they came from.

    `trust` and `template` may be ""; `folder` is what relative places are relative to, the one of the file.
    """

    name: str = "fleet"
    services: tuple[Service, ...] = ()
    trust: str = ""
    template: str = ""
    folder: Path = Path()

    def owner_of(self, service: Service) -> str:
        """Return the fingerprint that a service's policy is judged under, "" where nobody has pinned one."""
        return service.trust or self.trust

    def place(self, url: str) -> str:
        """Return what Git is given: a URL as it is, a path as an absolute one."""
        return url if urls.remote(url) else str((self.folder / url).absolute())

    def identity(self, url: str) -> str:
        """Return what all ways of writing this URL have in common; a path is taken from the folder of the list."""
        return urls.identity(url if urls.remote(url) else os.path.normpath(self.place(url)))

    @property
    def digest(self) -> str:
        """The SHA-256 of its one form: two lists that say the same have one digest."""
        return sha256(format_fleet(self)).hexdigest()

    def share(self, shard: Shard) -> "Fleet":
        """Return the fleet with the services of one share."""
        return self._replace(services=tuple(one for one in self.services if shard.takes(one.name)))

    def having(self, services: Iterable[Service]) -> "Fleet":
        """Return the fleet with these services and no others. Raises as `parse`."""
        return checked(self._replace(services=tuple(services)))


def read(path: Path) -> Fleet:
    """Return the fleet in a file, which may be compressed (gzip), as a long one is in a ConfigMap.

    Raises as `parse`, BadInput(input.file), EnvironmentTrouble(env.io).
    """
    how = "Write one with `aurora fleet discover`, or name it with --fleet."
    data = read_given(path, MAX_FILE, how)
    return parse(_unpacked(data) if data.startswith(_GZIP) else data, path.absolute().parent)


def packed(fleet: Fleet) -> bytes:
    """Return the file's bytes, compressed; the same for the same fleet. Raises as `parse`."""
    return gzip.compress(format_fleet(fleet), mtime=0)


def _unpacked(data: bytes) -> bytes:
    """Return what was compressed, and of more than a list may have a byte too many. Raises BadInput(fleet.list)."""
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(data, MAX_FILE + 1)
    except zlib.error:
        raise _malformed("it is not what gzip writes") from None
    if len(found) <= MAX_FILE and (not stream.eof or stream.unused_data):
        raise _malformed("it is not one whole file of gzip")
    return found


def parse(data: bytes, folder: Path = Path()) -> Fleet:
    """Return the fleet in a file's bytes, its services sorted by name.

    Raises BadInput(fleet.list) for anything else than such a list: unknown keys, a name twice, what is no URL;
    BadInput(fleet.listed-twice) for one repository twice, BadInput(fleet.credentials) for a URL with a secret in it.
    """
    if len(data) > MAX_FILE:
        raise _malformed(f"it has more than {MAX_FILE} bytes")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _malformed(f"it is not TOML: {error}") from None
    if unknown := document.keys() - {"fleet", "service"}:
        raise _malformed(f"it has an unknown table {_quoted(min(unknown))}")
    head = _texts(document.get("fleet", {}), ("name", "trust", "template"), (), "[fleet]")
    rows = document.get("service", [])
    if not isinstance(rows, list):
        raise _malformed("service must be [[service]] entries")
    services = [
        Service(**_texts(row, Service._fields, ("name", "url"), f"service {number}"))
        for number, row in enumerate(rows, 1)
    ]
    return checked(Fleet(services=tuple(services), folder=folder, **head))


def checked(fleet: Fleet) -> Fleet:
    """Return a fleet in its one form: sorted by name, fingerprints in upper case. Raises as `parse`."""
    _check_name(fleet.name, "[fleet]")
    if fleet.template:
        check_url(fleet.template, "[fleet] template")
    services = sorted(map(_checked, fleet.services))
    names: set[str] = set()
    places: dict[tuple[str, str], Service] = {}
    for one in services:
        if one.name in names:
            raise _malformed(f"two services have the name {one.name}")
        names.add(one.name)
        other = places.setdefault((fleet.identity(one.url), one.branch), one)
        if other is not one:
            why = f"{other.name} and {one.name} are one repository: {other.url} and {one.url}"
            raise BadInput("fleet.listed-twice", why)
    return fleet._replace(services=tuple(services), trust=_fingerprint(fleet.trust, "[fleet]"))


def _checked(one: Service) -> Service:
    _check_name(one.name, "a service")
    check_url(one.url, one.name)
    if one.branch and not is_branch(one.branch):
        raise _malformed(f"{one.name}: {_quoted(one.branch)} is not the name of a branch")
    return one._replace(trust=_fingerprint(one.trust, one.name))


def format_fleet(fleet: Fleet) -> bytes:
    """Return the file's bytes, the same for the same fleet; `parse` reads them back. Raises as `parse`."""
    fleet = checked(fleet)
    head = {"name": fleet.name, "trust": fleet.trust, "template": fleet.template}
    parts = [_HEAD, _table("[fleet]", head), *(_table("[[service]]", one._asdict()) for one in fleet.services)]
    return "\n".join(parts).encode()


def write(path: Path, fleet: Fleet) -> None:
    """Write a fleet, over an older file, whole or not at all. Raises as `parse`, EnvironmentTrouble(env.io)."""
    write_whole(path, format_fleet(fleet))


def _table(head: str, values: dict[str, str]) -> str:
    # without control characters, which no field may hold, a JSON string is a TOML basic string too
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join([head, *lines, ""])


def _texts(table: object, known: tuple[str, ...], needed: tuple[str, ...], where: str) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _malformed(f"{where} is not a table")
    for key, value in table.items():
        if key not in known:
            raise _malformed(f"{where} has an unknown key {_quoted(str(key))}")
        if not isinstance(value, str) or not value:
            raise _malformed(f"{where}: {key} must be a text")
    if missing := [key for key in needed if key not in table]:
        raise _malformed(f"{where} has no {missing[0]}")
    return table


def is_name(name: str) -> bool:
    """Say whether a service may have this name."""
    return len(name) <= LONGEST_NAME and bool(_NAME.fullmatch(name))


def _check_name(name: str, where: str) -> None:
    if not is_name(name):
        raise _malformed(f"{where}: {_quoted(name)} is not a name of letters, digits and . _ - /")


def check_url(url: str, where: str) -> None:
    """Refuse what Git would not take as a place, and what would put a secret into a file that is committed.

    Raises BadInput(fleet.list, fleet.credentials).
    """
    odd = _malformed(f"{where}: {_quoted(_hidden(url))} is not a URL or a path")
    if not url or not url.isprintable() or any(char.isspace() for char in url) or url.startswith("-"):
        raise odd
    try:
        place, parts = urls.place(url), urlsplit(url)
    except ValueError:
        raise odd from None
    web = parts.scheme in ("http", "https")
    if parts.password is not None or (web and (parts.username is not None or parts.query or parts.fragment)):
        raise BadInput("fleet.credentials", f"{where}: its URL holds more than a place, perhaps a password or a token")
    if not urls.remote(url):
        if "::" in url or (":" in url and "://" in url):
            raise _malformed(f"{where}: {_quoted(url)} is not a URL of {', '.join(urls.SCHEMES)}")
    elif place.scheme and not parts.hostname and not place.host:
        raise _malformed(f"{where}: {_quoted(url)} names no host")
    elif parts.hostname and parts.hostname.startswith("-"):
        raise odd


def _fingerprint(text: str, where: str) -> str:
    try:
        return fingerprint(text) if text else ""
    except BadInput as error:
        raise BadInput(error.code, f"{where}: {error.message}") from None


def _hidden(url: str) -> str:
    """Return a URL without what may be a secret, for a message."""
    return re.sub(r"//[^/@]*@", "//...@", url)


def _quoted(text: str) -> str:
    return json.dumps(text[:80])


def _malformed(why: str) -> BadInput:
    return BadInput("fleet.list", f"{MALFORMED}{why}")
