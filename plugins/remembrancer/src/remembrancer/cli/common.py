"""Options that many commands share, and the session that they are collected in."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from remembrancer.clock import Clock, SystemClock

if TYPE_CHECKING:
    from remembrancer.repository.reader import Repository
    from remembrancer.trust.establish import Pins, SignedPolicy, Trusted
    from remembrancer.user.state import State

P = ParamSpec("P")
R = TypeVar("R")


class Session:
    """What a command works with: the output format, the repository folder, the user's state and trust, the clock."""

    def __init__(
        self,
        *,
        output: str = "text",
        verbose: bool = False,
        root_option: Path | None = None,
        owners: tuple[str, ...] = (),
        require_production: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.output, self.verbose = output, verbose
        self.root_option, self.owners, self.require_production = root_option, owners, require_production
        self.clock: Clock = clock or SystemClock()
        self.notices: list[str] = []

    @functools.cached_property
    def root(self) -> Path:
        """The repository: `--root`, else the nearest folder upwards that has ops/receipts or .git."""
        from remembrancer.errors import BadInput
        from remembrancer.repository.place import find_root

        if self.root_option is None:
            return find_root(Path.cwd())
        if not self.root_option.is_dir():
            raise BadInput("input.root", f"there is no folder {self.root_option}")
        return self.root_option.resolve()

    @functools.cached_property
    def state(self) -> "State":
        """The user's remembered pins and checkpoints."""
        from remembrancer.user.state import State

        return State()

    @functools.cached_property
    def repository(self) -> "Repository":
        """Read access to the repository."""
        from remembrancer.repository.reader import Repository

        return Repository(self.root)

    def pins(self) -> "Pins":
        """Return whom the user trusts: `--trust`, else REMEMBRANCER_TRUST, else the remembered pins."""
        from remembrancer.trust.establish import Pins
        from remembrancer.user.state import fingerprint

        given = self.owners or tuple(os.environ.get("REMEMBRANCER_TRUST", "").replace(",", " ").split())
        if given:
            return Pins(explicit=tuple(fingerprint(owner) for owner in given))
        return Pins(remembered=self.state.pins())

    def trusted(self) -> "Trusted":
        """Return the repository's policy under the user's trust, and remember its version.

        Raises what `trust.establish` raises.
        """
        return self.trusted_policy(self.repository.signed_policy(), self.repository.key)

    def trusted_policy(self, signed: "SignedPolicy | None", keys: Callable[[str], bytes]) -> "Trusted":
        """Return a policy of any place under the user's trust, and remember its version; see `trust.establish`."""
        from remembrancer.audit.remembered import remember_policy
        from remembrancer.trust.establish import establish

        trusted = establish(
            signed, self.pins(), self.state.newest_policy, keys, require_production=self.require_production
        )
        policy = trusted.policy
        notice = remember_policy(self.state, trusted.owner, policy.origin, policy.version, policy.digest)
        if notice:
            self.notices.append(notice)
        return trusted


def command(*, trust: bool = False, root: bool = True) -> Callable[[Callable[..., int | None]], Callable[..., int]]:
    """Decorate a command's function: adds `--format`, `-v` and (wanted) `--root`, `--trust`, `--require`.

    The function gets the session as its first argument and returns its exit status (None is 0).
    """

    def decorate(function: Callable[..., int | None]) -> Callable[..., int]:
        @functools.wraps(function)
        def run(output: str, verbose: bool, **options: Any) -> int:
            session = Session(
                output=output,
                verbose=verbose,
                root_option=options.pop("root", None),
                owners=options.pop("owners", ()),
                require_production=options.pop("require", None) == "production",
            )
            return function(session, **options) or 0

        options = [
            click.option(
                "--format",
                "output",
                type=click.Choice(["text", "json"]),
                default="text",
                help="Output for people or programs.",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Say more."),
        ]
        if root:
            options.append(
                click.option(
                    "--root",
                    type=click.Path(path_type=Path),
                    metavar="DIR",
                    help="The repository. Default: the nearest folder upwards with ops/receipts or .git.",
                )
            )
        if trust:
            options += [
                click.option(
                    "--trust",
                    "owners",
                    multiple=True,
                    metavar="FPR",
                    help="Trust this owner in this run (also REMEMBRANCER_TRUST). Default: the pinned owners.",
                ),
                click.option(
                    "--require",
                    type=click.Choice(["production"]),
                    help="Fail unless the policy's profile is production.",
                ),
            ]
        for option in reversed(options):
            run = option(run)
        return run

    return decorate
