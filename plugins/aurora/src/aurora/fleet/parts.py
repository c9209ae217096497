"""What a row is made of: layers with their drift, the release, the ledger, trust, waivers, witnesses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standard:
    """How many files of the standard have each status, as `remembrancer drift` names them."""

    identical: int = 0
    changed: int = 0
    missing: int = 0
    behind: int = 0
    waived: int = 0


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many files began as the template's and are the team's; how many it has edited or removed."""

    files: int = 0
    edited: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A version that a layer came to, and when."""

    at: str
    version: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the template: the version that it has, how many releases behind, and its drift by owner class.

    `proven` says that a receipt in the verified ledger states it; otherwise it is what an answers file claims, and
    nothing is known of drift. `behind` is None without a template to compare with, or for a version that it lacks.
    `history` is what the ledger states of the versions so far, oldest first.
    """

    layer: str
    version: str
    source: str = ""
    commit: str = ""
    recorded_at: str = ""
    proven: bool = False
    behind: int | None = None
    standard: Standard | None = None
    seeded: Seeded | None = None
    drifted: int = 0
    history: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """The newest release on the record, and the verdict on its receipt: verified, failed or unverifiable."""

    component: str
    version: str
    recorded_at: str
    verdict: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The log: its origin and size, when its newest receipt says it was made, when it was stamped, what is pending."""

    origin: str
    size: int
    newest_at: str = ""
    stamped_at: str = ""
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """A key or a certificate in use: what it is, when it ends ("" for never), and whether that is soon."""

    what: str
    until: str
    soon: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """Under whom the policy was judged, what came of it, and what of it ends."""

    verdict: str
    code: str = ""
    owner: str = ""
    profile: str = ""
    version: int = 0
    endings: tuple[Ending, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiver:
    """A difference that is accepted until a time; `code` says why it does not count, where it does not."""

    path: str
    owner: str
    expires: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """How many witnesses the policy names, how many cosigned the newest checkpoint, up to which size they vouch."""

    named: int
    cosigned: int
    up_to: int
