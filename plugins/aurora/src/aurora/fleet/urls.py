"""One normal form of a repository's URL: how it is written says nothing about whether it is another repository.

>>> identity("git@Git.example.org:shop/orders.git"), identity("https://git.example.org:443/shop/orders/")
('git.example.org/shop/orders', 'git.example.org/shop/orders')
>>> identity("file:///srv/git/orders.git"), identity("/srv/git/orders/.git")
('/srv/git/orders', '/srv/git/orders')
"""

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("https", "http", "ssh", "git", "file")
_PORTS = {"https": 443, "http": 80, "git": 9418}
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([^:].*)", re.ASCII)


class Place(NamedTuple):
    """Where a repository is: its scheme, the host, and the path there in its normal form, without its `.git`.

    The scheme of the short SSH form is ssh. Scheme and host of a local path are "", and its path begins with / or with
    ./, so that none is ever like a host's. The host is in lower case, and has a port only where a URL of another scheme
    than SSH has an unusual one: behind one host name is one forge, whatever the port of its SSH server.
    """

    scheme: str
    host: str
    path: str


def place(url: str) -> Place:
    """Return where a URL or a path leads. Raises ValueError for a host or a port that can be none.

    The short SSH form is what Git takes for it (gitremote-helpers is another): a colon before the first slash. Paths of
    web URLs are compared by RFC 3986, section 6.2.2; Git itself decodes those of ssh, git and file URLs. `..` is kept:
    behind a symbolic link it leads elsewhere than it seems to.
    """
    scheme, found, _ = url.partition("://")
    if not found:
        scp = _SCP.fullmatch(url)
        if scp is None:
            return Place("", "", _joined(url.split("/"), local=True))
        return Place("ssh", _host(scp[1].strip("[]")), _joined(scp[2].split("/")))
    scheme = scheme.lower()
    web = scheme in ("http", "https")
    parts = urlsplit(url)
    # only a web URL has a query and a fragment
    path = parts.path if web else unquote("/" + url.partition("://")[2].partition("/")[2])
    if scheme == "file":
        return Place("", "", _joined(path.split("/"), local=True))
    host = _host(parts.hostname or "")
    if parts.port not in (None, _PORTS.get(scheme)) and scheme != "ssh":
        host = f"{host}:{parts.port}"
    segments = [unquote(one) for one in path.split("/")] if web else path.split("/")
    query = f"?{parts.query}" if web and parts.query else ""
    return Place(scheme, host, _joined(segments) + query)


def identity(url: str) -> str:
    """Return what all ways of writing one repository's URL have in common: those of SSH and of HTTPS, of Git and files.

    A text that is no URL at all is only like itself.
    """
    try:
        found = place(url)
    except ValueError:
        return url
    if found.scheme and not found.host:
        return url
    return f"{found.host}/{found.path}" if found.host else found.path


def split(url: str) -> tuple[str, str]:
    """Return host and path of a repository's URL; both "" for a local path and for what is no URL.

    >>> split("https://git.example.com/acme/orders.git"), split("ssh://git@git.example.com:2222/acme/orders")
    (('git.example.com', 'acme/orders'), ('git.example.com', 'acme/orders'))
    """
    try:
        found = place(url)
    except ValueError:
        return "", ""
    return (found.host, found.path) if found.host else ("", "")


def remote(url: str) -> bool:
    """Say whether Git takes this as something else than a path."""
    scheme, found, _ = url.partition("://")
    return scheme in SCHEMES if found else bool(_SCP.fullmatch(url))


def _host(name: str) -> str:
    """Return a host in its one form; an IPv6 address is in brackets. Raises ValueError."""
    if ":" in name:
        return f"[{ip_address(name).compressed}]"
    return name.lower().rstrip(".")


def _joined(segments: list[str], *, local: bool = False) -> str:
    """Return a path without what says nothing: empty parts, `.`, and `.git` or `/.git` at the end."""
    kept = [one for one in segments if one not in ("", ".")]
    if kept[-1:] == [".git"]:
        kept.pop()
    elif kept:
        kept[-1] = kept[-1].removesuffix(".git")
    if local:
        return ("/" if segments[0] == "" else "./") + "/".join(kept)
    return "/".join(quote(one, safe="~!$&'()*+,;=:@") for one in kept)
