"""Where the templates come from: this clone, under the name that other machines know it by.

Copier stores the source as it was typed. A path would be useless elsewhere and would tell where this clone lies, so the
render runs under the clone's `origin` URL while git is told, for this one run, to read that URL from here.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from environment import clean_environment, with_settings

UNPUBLISHED = "git+local:"  # and the clone's name: no server has it, and git can be told where it is
RENDERED = ("copier.yml", "templates", "hooks", "plugins")
GIT_SUFFIX = ".git"
RELEASE = re.compile(r"v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)")
VERSION = re.compile(r'(?m)^version = "([^"]+)"$')


@dataclass(frozen=True, slots=True)
class Source:
    """A template source.

    Attributes:
        clone: this repository.
        url: what Copier records: a URL without credentials, never a path.
        commit: full object name of HEAD.
        version: name of HEAD for people, as `git describe --tags --always` gives it.
        notice: one sentence for the user where updates will not work elsewhere, else "".
        local: the clone has no origin on another machine.
    """

    clone: Path
    url: str
    commit: str
    version: str
    notice: str
    local: bool = False

    def by_path(self) -> "Source":
        """Return the same source under the clone's own path, which works on this machine and tells where it lies."""
        notice = f"The service names {self.clone} as its source, so 'copier update' works on this machine only."
        return replace(self, url=f"git+{self.clone.as_uri()}", notice=notice, local=False)

    def git_environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return an environment that lets git read `url` from the clone (git-config, url.<base>.insteadOf)."""
        plain = self.url.removeprefix("git+")
        aliases = dict.fromkeys((plain, plain.removesuffix(GIT_SUFFIX), plain.removesuffix(GIT_SUFFIX) + GIT_SUFFIX))
        pairs = [(f"url.{self.clone}.insteadOf", alias) for alias in aliases]
        return with_settings(base, [*pairs, ("safe.directory", str(self.clone))])


def without_credentials(url: str) -> str:
    """Return a URL without a user and password; the conventional `git` user of SSH addresses stays."""
    match = re.fullmatch(r"((?:git\+)?(https?|ssh|git)://)(?:([^/@]*)@)?(.+)", url)
    if not match:
        return url
    scheme, kind, user, rest = match.groups()
    return f"{scheme}{'git@' if kind == 'ssh' and user == 'git' else ''}{rest}"


def is_remote(url: str) -> bool:
    """Tell whether a git URL names another machine: a URL with a host, or an SSH short form."""
    if re.match(r"(https?|ssh|git)://[^/]", url):
        return True
    return re.match(r"[\w.-]+@[\w.-]+:", url) is not None


def copier_name(url: str) -> str:
    """Return a URL in a form that Copier takes for a git repository.

    Without a `.git` suffix Copier knows only a few hosts, so the others get its `git+` prefix.
    """
    known = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")
    return url if url.endswith(GIT_SUFFIX) or url.startswith(known) else f"git+{url}"


def git(clone: Path, *arguments: str) -> str:
    """Return what a git command prints, stripped, or "" where it fails."""
    command = ["git", "-c", f"safe.directory={clone}", "-C", str(clone), *arguments]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def misnamed(clone: Path) -> str:
    """Return a sentence about a tag of HEAD that names another version than HEAD's tree states, "" where there is none.

    Copier records the tag's name; what the tree states is what its tools go by. Two truths are refused.
    """
    named = {
        tag: match[1] for tag in git(clone, "tag", "--points-at", "HEAD").split() if (match := RELEASE.fullmatch(tag))
    }
    stated = VERSION.search(git(clone, "cat-file", "blob", "HEAD:pyproject.toml")) if named else None
    version = stated[1] if stated else "no version"
    wrong = [tag for tag, said in named.items() if said != version]
    remedy = f"take it away (git tag --delete {wrong[0]}) or tag the commit that states it" if wrong else ""
    return f"the tag {wrong[0]} is on a commit that says {version}; {remedy}" if wrong else ""


def find(clone: Path) -> Source | None:
    """Describe HEAD of this clone as a template source, or return None where it is no git clone with a commit."""
    commit = git(clone, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    version = git(clone, "describe", "--tags", "--always") or commit[:12]
    origin = without_credentials(git(clone, "config", "--get", "remote.origin.url"))
    notice = ""
    local = not is_remote(origin)
    if local:
        origin = f"{UNPUBLISHED}{re.sub(r'[^A-Za-z0-9_.-]+', '-', clone.name)}"
        notice = (
            "This clone has no origin on another machine, so 'copier update' will not find the source by its name "
            f"{origin}: here 'REMEMBRANCER_SOURCE={clone.as_uri()} make update' does, and --local-source names this "
            "path in the service instead. For others, push the collection and generate from a clone of that."
        )
    elif not git(clone, "branch", "--remotes", "--contains", commit):
        notice = (
            f"Commit {commit[:12]} is not pushed to origin, so 'copier update' will not work elsewhere "
            "until it is: git push."
        )
    if git(clone, "status", "--porcelain", "--", *RENDERED):
        uncommitted = "This clone has changes that are not committed; what is made comes from its HEAD, without them."
        notice = f"{uncommitted} {notice}".rstrip()
    return Source(clone, copier_name(origin), commit, version, notice, local)
