"""The template at one version: fetched once, and the only thing that an update of a service can fetch.

Which template a service follows is written in its own answers file, which its team can edit; an update runs the
template's code. So an update takes place only where that file names this template, and then reads this copy of it.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from aurora import git
from aurora.fleet.urls import identity
from remembrancer.errors import BadInput, EnvironmentTrouble

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}", re.ASCII)
_SHORT = {"gh": "https://github.com/", "gl": "https://gitlab.com/"}


class Template(NamedTuple):
    """A template: its URL, the version and its commit, whether that is a tag, and the bare copy in a folder.

    `others` are further addresses by which services name it.
    """

    url: str
    version: str
    commit: str
    tag: bool
    folder: Path
    others: tuple[str, ...] = ()

    def names(self, source: str) -> bool:
        """Say whether the `_src_path` of an answers file is this template; a relative path never is."""
        named = normal(source)
        return not named.startswith(".") and named in {normal(one) for one in (self.url, *self.others)}

    def configuration(self, sources: Iterable[str]) -> str:
        """Return a Git configuration with which these sources are read from the copy, and nothing else is fetched."""
        spelled = sorted({form for source in sources for form in forms(source)})
        lines = [f'[url "{self.folder}"]', *(f'\tinsteadOf = "{_escaped(one)}"' for one in spelled)]
        return "\n".join([*lines, "[safe]", '\tdirectory = "*"', ""])


def fetch(
    url: str, version: str, folder: Path, others: tuple[str, ...] = (), more: Mapping[str, str] | None = None
) -> Template:
    """Copy branches and tags of a template into a folder, and find a version: a tag, or a branch for a look ahead.

    Raises BadInput(fleet.template) where there is no such version, EnvironmentTrouble(env.git).
    """
    if not _VERSION.fullmatch(version) or ".." in version:
        raise BadInput("fleet.template", f"{version[:80]!r} is not the name of a version")
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    git.receive(folder, url, *refs, more=more)
    for kind in ("tags", "heads"):
        found = git.run(folder, "rev-parse", "--verify", "--quiet", f"refs/{kind}/{version}^{{commit}}")
        if found.returncode == 0:
            return Template(url, version, found.stdout.decode().strip(), kind == "tags", folder, others)
    raise BadInput("fleet.template", f"{url} has no version {version}")


def forms(source: str) -> tuple[str, ...]:
    """Return how Git may be given a source: as it is written, and as Copier expands it.

    >>> forms("gh:acme/templates")
    ('https://github.com/acme/templates', 'https://github.com/acme/templates.git')
    """
    plain = source.removeprefix("git+")
    short, _, rest = plain.partition(":")
    if short in _SHORT:
        plain = _SHORT[short] + rest.lstrip("/")
    stem = plain.removesuffix(".git")
    return (stem, f"{stem}.git") if "://" in plain or "@" in plain else (plain,)


def normal(source: str) -> str:
    """Return what all spellings of one source have in common, Copier's own shorthand among them."""
    return identity(forms(source)[0])


def _escaped(text: str) -> str:
    if not text.isprintable():
        raise EnvironmentTrouble("env.git", "an address of the template has characters that no configuration can hold")
    return text.replace("\\", "\\\\").replace('"', '\\"')
