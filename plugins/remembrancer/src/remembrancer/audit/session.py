"""What every front end works with: a repository, whom its user trusts there, and what the user has seen before."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer.clock import Clock, SystemClock
from remembrancer.errors import BadInput

if TYPE_CHECKING:
    from remembrancer.ledger.ledger import Ledger
    from remembrancer.repository.reader import Repository
    from remembrancer.repository.store import Store
    from remembrancer.trust.establish import Pins, SignedPolicy, Trusted
    from remembrancer.trust.policy import Policy
    from remembrancer.user.state import State

TRUST_VARIABLE = "REMEMBRANCER_TRUST"
ORIGIN_VARIABLE = "REMEMBRANCER_ORIGIN"


class Session:
    """The repository, this user's state and trust, the clock, and the notices that came up on the way.

    A command line, a server or an exporter makes one and passes it to the functions of `audit`, `standard` and
    `record`; nothing in it knows how results are shown.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        owners: tuple[str, ...] = (),
        require_production: bool = False,
        origin: str = "",
        state: "State | None" = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Take the repository's folder (default: found upwards from the working directory) and the trust of this run.

        `owners` are fingerprints that count instead of the remembered pins; without them the variable
        REMEMBRANCER_TRUST does. `origin` is the log that is asked about; without it the variable REMEMBRANCER_ORIGIN
        says it, and without both any will do. Nothing is read before it is asked for.
        """
        self.folder, self.owners, self.require_production = folder, owners, require_production
        self._origin = origin
        self.clock: Clock = clock or SystemClock()
        self.notices: list[str] = []
        self._state, self._environ = state, environ

    @property
    def origin(self) -> str:
        """The log that is asked about, "" for any. Raises BadInput(input.usage) for a variable that is set to nothing.

        Nobody sets it so on purpose: a pipeline takes it from a setting that nobody has made.
        """
        given = self._origin or self._environ.get(ORIGIN_VARIABLE)
        if given is not None and not given.strip():
            raise BadInput("input.usage", f"{ORIGIN_VARIABLE} is empty; leave it unset if any ledger will do")
        return given or ""

    @functools.cached_property
    def root(self) -> Path:
        """The repository's root: the given folder, else the nearest one upwards that has receipts or `.git`.

        Raises BadInput(input.root).
        """
        if self.folder is None:
            from remembrancer.repository.place import find_root  # noqa: PLC0415 - not needed for a given folder

            return find_root(Path.cwd())
        if not self.folder.is_dir():
            raise BadInput("input.root", f"there is no folder {self.folder}")
        return self.folder.resolve()

    @functools.cached_property
    def state(self) -> "State":
        """The user's remembered pins, policies and checkpoints."""
        from remembrancer.user.state import State  # noqa: PLC0415 - a session costs what is asked of it

        return self._state or State()

    @functools.cached_property
    def repository(self) -> "Repository":
        """The checkout; see `repository.reader`."""
        from remembrancer.repository.reader import Repository  # noqa: PLC0415 - as above

        return Repository(self.root)

    @functools.cached_property
    def ledger(self) -> "Ledger":
        """The log of the checkout; see `ledger.ledger`."""
        from remembrancer.ledger.ledger import Ledger  # noqa: PLC0415 - as above

        return Ledger(self.root)

    @property
    def store(self) -> "Store":
        """The receipts and blobs of the checkout; see `repository.store`."""
        return self.repository.store

    def within(self) -> "Repository | None":
        """Return the repository that the user is in, None outside of one."""
        try:
            return self.repository
        except BadInput:
            return None

    def notice(self, text: str) -> None:
        """Keep a sentence for the end of the report; an empty one is none."""
        if text:
            self.notices.append(text)

    def pins(self) -> "Pins":
        """Return whom the user trusts: the owners of this run, else REMEMBRANCER_TRUST, else the remembered pins."""
        from remembrancer.trust.establish import Pins  # noqa: PLC0415 - as above
        from remembrancer.user.state import fingerprint  # noqa: PLC0415

        given = self.owners or tuple(self._environ.get(TRUST_VARIABLE, "").replace(",", " ").split())
        if given:
            return Pins(explicit=tuple(fingerprint(owner) for owner in given))
        return Pins(remembered=self.state.pins())

    def trusted(self) -> "Trusted":
        """Return the repository's policy under the user's trust; its version is remembered where others see it too.

        Raises what `trust.establish` raises, Unverifiable(trust.not-begun), EnvironmentTrouble(env.git).
        """
        signed = self.repository.signed_policy()
        if signed is None:
            self._refuse_not_begun()

        def shown(policy: "Policy") -> bool:
            from remembrancer.audit.published import is_published  # noqa: PLC0415 - only for a policy not seen before
            from remembrancer.paths import POLICY  # noqa: PLC0415

            return signed is not None and is_published(self.repository, policy, POLICY, signed.text)

        return self.trusted_policy(signed, self.repository.key, shown)

    def _refuse_not_begun(self) -> None:
        """Raise Unverifiable(trust.not-begun) where neither a policy nor a ledger ever was, as far as Git knows."""
        from remembrancer.errors import Unverifiable  # noqa: PLC0415 - as above
        from remembrancer.paths import CHECKPOINT, POLICY  # noqa: PLC0415

        if not self.repository.had(POLICY, CHECKPOINT):
            raise Unverifiable(
                "trust.not-begun", "the ledger of this repository is not begun: there is no trust policy"
            )

    def trusted_policy(
        self,
        signed: "SignedPolicy | None",
        keys: Callable[[str], bytes],
        shown: "Callable[[Policy], bool]" = lambda _: True,
    ) -> "Trusted":
        """Return a policy of any place under the user's trust; see `trust.establish`.

        Its version is remembered if it is `shown` to others as well: by default, because the user says so.
        """
        from remembrancer.audit.remembered import remember_policy  # noqa: PLC0415 - as above
        from remembrancer.trust.establish import establish  # noqa: PLC0415

        trusted = establish(
            signed,
            self.pins(),
            self.state.newest_policy,
            keys,
            require_production=self.require_production,
            origin=self.origin,
        )
        policy = trusted.policy
        # of a hand-over the next policy is compared with for either owner
        for owner in dict.fromkeys([trusted.owner, policy.owner]):
            self.notice(remember_policy(self.state, owner, policy, lambda: shown(policy)))
        return trusted

    def trusted_under(self, policy_file: Path | None, bundle: Path | None = None) -> "Trusted":
        """Return the repository's policy, or the one that the user chose: in a file or folder, or in a trust bundle.

        Raises as `trusted`, BadInput(trust.bundle), and BadInput(input.root) outside of a repository.
        """
        if bundle is not None:
            from remembrancer.system.digests import read_given  # noqa: PLC0415 - as above
            from remembrancer.trust.bundle import MAX_BYTES, parse  # noqa: PLC0415

            carried = parse(read_given(bundle, MAX_BYTES))
            return self.trusted_policy(carried.signed, carried.key)
        if policy_file is None:
            try:
                return self.trusted()
            except BadInput as error:
                if error.code != "input.root":
                    raise
                how = "Give what the owner gave you with --policy or --trust-bundle, or run it inside the repository."
                raise BadInput(error.code, error.message, how) from None
        from remembrancer.repository.reader import Repository, policy_beside  # noqa: PLC0415 - as above

        file = policy_file / "policy.toml" if policy_file.is_dir() else policy_file
        keys = Repository(file.resolve().parent)
        return self.trusted_policy(policy_beside(file), lambda sha256: keys.read(f"keys/{sha256}"))
