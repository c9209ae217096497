"""Which token goes to which host, and nowhere else.

A token comes from the environment or from Git's credential helper, and leaves in a header over TLS. It is in no
argument, URL, log or file. The environment's token is meant for one host: the one whose interface the runner's own
variable names (`GITHUB_API_URL`, `CI_API_V4_URL`), else the public one; and for those named on the command line.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple
from urllib.parse import urlsplit

from aurora import git
from remembrancer.errors import BadInput

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Kind(NamedTuple):
    """A kind of forge: its name, the variables of its token and of its interface, where the public one is."""

    name: str
    token: str
    interface: str
    public: str
    host: str
    user: str


KINDS = {
    "github": Kind(
        "github", "GITHUB_TOKEN", "GITHUB_API_URL", "https://api.github.com", "github.com", "x-access-token"
    ),
    "gitlab": Kind("gitlab", "GITLAB_TOKEN", "CI_API_V4_URL", "https://gitlab.com/api/v4", "gitlab.com", "oauth2"),
}
SECRETS = frozenset(kind.token for kind in KINDS.values())


class Access(NamedTuple):
    """Where a forge's interface is (no slash at its end), the host of its repositories, and the token for both."""

    kind: Kind
    api: str
    host: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Access({self.kind.name}, {self.api})"

    def for_git(self, url: str) -> dict[str, str]:
        """Return the variables with which Git itself reaches a repository's URL; the token stays out of its arguments.

        There are none for another host, for SSH, and without a token: then Git asks its own credential helper.
        """
        if not self.token or not url.startswith(f"{_origin(self.api, self.host)}/"):
            return {}
        helper = '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$AURORA_USER" "$AURORA_TOKEN"; }; f'
        return {
            "GIT_CONFIG_COUNT": "2",
            # no other helper is told the token, because some write what they are told into a file
            "GIT_CONFIG_KEY_0": "credential.helper",
            "GIT_CONFIG_VALUE_0": "",
            "GIT_CONFIG_KEY_1": f"credential.{_origin(self.api, self.host)}.helper",
            "GIT_CONFIG_VALUE_1": helper,
            "AURORA_USER": self.kind.user,
            "AURORA_TOKEN": self.token,
        }


def access(kind: str, api: str = "", *, named: bool, environment: Mapping[str, str] | None = None) -> Access:
    """Return how a forge is reached: its interface as given, else as the environment names it, else the public one.

    `named` says that a person gave this interface for this run, so that the environment's token is meant for it.

    Raises BadInput(input.field) for a URL over which a token would travel in the clear, EnvironmentTrouble(env.git).
    """
    variables = os.environ if environment is None else environment
    which = KINDS[kind]
    meant = variables.get(which.interface, "") or which.public
    place = (api or meant).rstrip("/")
    host = host_of(place, which)
    given = variables.get(which.token, "").strip() if named or host == host_of(meant, which) else ""
    token = given or _from_helper(_origin(place, host))
    if not token.isascii() or not token.isprintable():
        raise BadInput("input.field", f"{which.token} is not a token: it has control or other unusual characters")
    return Access(which, place, host, token)


def host_of(api: str, kind: Kind) -> str:
    """Return the host (with its port) of the repositories behind an interface. Raises BadInput(input.field)."""
    try:
        parts = urlsplit(api)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or plain) or not parts.hostname or "@" in parts.netloc or parts.query:
        how = (
            "Give it as https://git.example.com/api/v3 (GitHub Enterprise) or https://git.example.com/api/v4 (GitLab)."
        )
        raise BadInput("input.field", "the interface of a forge is an https URL without a user or a query", how)
    return kind.host if api.rstrip("/") == kind.public else parts.netloc.lower()


def _origin(api: str, host: str) -> str:
    return f"{urlsplit(api).scheme}://{host}"


def _from_helper(origin: str) -> str:
    """Return the password that Git's credential helper has for a host, "" where it has none; nobody is asked."""
    scheme, _, host = origin.partition("://")
    done = git.run(
        Path(gettempdir()),
        *("-c", "core.askPass=", "credential", "fill"),
        data=f"protocol={scheme}\nhost={host}\n\n".encode(),
        more={"SSH_ASKPASS": "", "GIT_ASKPASS": ""},
    )
    said = dict(line.partition("=")[::2] for line in done.stdout.decode("utf-8", "replace").splitlines())
    return said.get("password", "") if done.returncode == 0 else ""
