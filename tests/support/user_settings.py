"""A user whose Git refuses, hides, signs, colours and rewrites, and the environment in which their programs run."""

import os
from collections.abc import Sequence
from pathlib import Path

from collection import git
from wheels import from_wheels

HOSTILE = {
    "core.excludesFile": "{home}/ignore",
    "core.autocrlf": "true",
    "core.commentChar": ";",
    "core.hooksPath": "{home}/hooks",
    "commit.gpgSign": "true",
    "tag.gpgSign": "true",
    "gpg.program": "/bin/false",
    "log.showSignature": "true",
    "init.templateDir": "{home}/template",
    "status.showUntrackedFiles": "no",
    "diff.noprefix": "true",
    "diff.relative": "true",
    "color.ui": "always",
    "i18n.logOutputEncoding": "UTF-16",
}


def hostile(home: Path, names: Sequence[str]) -> Path:
    """Write a user's settings into a home; return it."""
    for folder in ("hooks", "template/info", "template/hooks"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "ignore").write_text("bin/\nlib/\n*.asc\n*.lock\n*.json\n")
    (home / "template/info/exclude").write_text("ops/\n")
    for hook in (home / "hooks/pre-commit", home / "template/hooks/commit-msg"):
        hook.write_text("#!/bin/sh\necho a hook of the user refuses >&2\nexit 1\n")
        hook.chmod(0o755)
    settings = {"user.name": "T", "user.email": "t@example.com"} | {name: HOSTILE[name] for name in names}
    for name, value in settings.items():
        git(home, "config", "--file", str(home / ".gitconfig"), name, value.format(home=home))
    return home


def alone(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment whose settings come from that home."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("SSL_", "PIP_CERT", "REQUESTS_"))}
    cache = {"XDG_CACHE_HOME": str(home.parent / ".cache")} | from_wheels()
    path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    return kept | cache | path | variables
