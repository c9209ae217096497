"""The trust policy, `ops/trust/policy.toml`: who signs, whose clock counts, which log key signs which tree sizes.

Pure: bytes in, a `Policy` out. Reading is strict (unknown fields, wrong types and weak combinations are refused), and
nothing here decides whether the policy itself is trusted; that is `trust.establish`, from a fingerprint given outside.
"""

import base64
import hashlib
import re
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.tlog import quorum as witnesses
from remembrancer.tlog.note import VerifierKey
from remembrancer.tlog.quorum import Quorum
from remembrancer.trust import toml as toml_text
from remembrancer.trust.table import Table

MAX_BYTES: Final = 1 << 20
LOCAL_URL: Final = "local:development"
ED25519: Final = 0x01

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,39})){1,31}", re.ASCII)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_ORIGIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)+")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_COMPONENT = re.compile(r"\*|[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_URL = r"https?://[!-~]{1,2000}"


class Profile(StrEnum):
    """What a verdict under this policy is worth: throw-away development keys, or production keys."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Ended(StrEnum):
    """Why a key is no longer used; only `compromised` casts doubt on what it made before."""

    SUPERSEDED = "superseded"
    RETIRED = "retired"
    COMPROMISED = "compromised"


class Material(NamedTuple):
    """A certificate: its bytes when they stand in the policy, else only their SHA-256 (hex)."""

    sha256: str
    inline: bytes | None = None


class Term(NamedTuple):
    """When a key may be used, and how it ended. Times are aware UTC; None means open."""

    start: datetime | None = None
    until: datetime | None = None
    ended: Ended | None = None
    compromised_at: datetime | None = None


class LogKey(NamedTuple):
    """An Ed25519 key that signs the checkpoints whose tree size lies in [first, last]; last None means open."""

    key: VerifierKey
    first: int
    last: int | None

    def covers(self, size: int) -> bool:
        """Return whether checkpoints of this tree size must carry this key's signature."""
        return self.first <= size and (self.last is None or size <= self.last)


class Signer(NamedTuple):
    """An OpenPGP primary key and the components whose artifacts it may sign (`*` is all)."""

    name: str
    fingerprint: str
    certificate: Material
    components: tuple[str, ...]
    term: Term

    def may_sign(self, component: str) -> bool:
        """Return whether this key is trusted for the component."""
        return "*" in self.components or component in self.components


class TimeAuthority(NamedTuple):
    """An RFC 3161 authority: where to ask, and the only roots that its tokens may chain to (DER).

    Intermediates help to build the chain and prove nothing by themselves.
    """

    name: str
    url: str
    roots: tuple[Material, ...]
    intermediates: tuple[Material, ...]
    policy_oids: tuple[str, ...]
    self_asserted: bool
    allow_ess_v1: bool
    term: Term


class Rule(NamedTuple):
    """How many distinct primary keys and authorities must vouch for what is made from `start` on (None: ever)."""

    start: datetime | None
    signatures: int
    timestamps: int


class Requirements(NamedTuple):
    """How many distinct primary keys and authorities must vouch, and whether deploy receipts must be signed.

    The two numbers are the first rule; `changes` are the later ones, each from its moment on, in the order of time.
    """

    signatures: int
    timestamps: int
    deploy_signature: bool
    changes: tuple[Rule, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return every rule, the first one first."""
        return (Rule(None, self.signatures, self.timestamps), *self.changes)

    def at(self, moment: datetime) -> Rule:
        """Return the rule in force at a moment (aware)."""
        return next(rule for rule in reversed(self.rules) if rule.start is None or rule.start <= moment)


class Policy(NamedTuple):
    """One version of the trust policy, parsed; `digest` is the SHA-256 (hex) of the file's bytes."""

    version: int
    previous: str
    profile: Profile
    owner: str
    origin: str
    seal_branch: str
    log_keys: tuple[LogKey, ...]
    signers: tuple[Signer, ...]
    authorities: tuple[TimeAuthority, ...]
    quorum: Quorum
    require: Requirements
    digest: str

    def signer(self, fingerprint: str) -> Signer | None:
        """Return the signer with this primary-key fingerprint (upper-case hex), or None."""
        return next((signer for signer in self.signers if signer.fingerprint == fingerprint), None)

    def authority(self, name: str) -> TimeAuthority | None:
        """Return the timestamp authority of this name, or None."""
        return next((authority for authority in self.authorities if authority.name == name), None)

    @property
    def other_logs(self) -> tuple[str, ...]:
        """The names of the logs that the witness policy lists besides this one; it is as published, and they do not
        count here."""
        names = (vkey.partition("+")[0] for vkey in self.quorum.logs)
        return tuple(name for name in dict.fromkeys(names) if name != self.origin)

    def dates(self, authority: TimeAuthority) -> bool:
        """Return whether an authority's clock may prove when something was: in production none of the signer's own."""
        return self.profile is not Profile.PRODUCTION or not authority.self_asserted


def parse(data: bytes) -> Policy:
    """Parse a policy file.

    Takes the file's bytes (at most 1 MiB of UTF-8 TOML); raises BadInput(policy.malformed) naming the first field
    that is wrong, or BadInput(policy.weak) for a combination that its profile does not allow.
    """
    if len(data) > MAX_BYTES:
        raise BadInput("policy.malformed", "policy: the file is larger than 1 MiB")
    try:
        values = toml_text.loads(data)
    except ValueError as error:
        raise BadInput("policy.malformed", f"policy: not valid TOML ({str(error)[:100]})") from error
    table = Table("the policy", values)
    version = table.count("version", least=1)
    previous = table.text("previous", _DIGEST, "")
    profile = _profile(table)
    policy = Policy(
        version=version,
        previous=previous,
        profile=profile,
        owner=table.text("owner", _FINGERPRINT),
        origin=table.text("origin", _ORIGIN),
        seal_branch=table.text("seal-branch", _BRANCH, "main"),
        log_keys=tuple(_log_key(row) for row in table.tables("log-key")),
        signers=tuple(_signer(row) for row in table.tables("signer")),
        authorities=tuple(_authority(row) for row in table.tables("authority")),
        quorum=_quorum(table),
        require=_requirements(table, profile),
        digest=hashlib.sha256(data).hexdigest(),
    )
    table.done()
    _check(policy)
    return policy


def _profile(table: Table) -> Profile:
    value = table.take("profile", str)
    if value not in tuple(Profile):
        raise table.bad("profile", "must be development or production")
    return Profile(value)


def _quorum(table: Table) -> Quorum:
    text: str = table.take("witnesses", str, "")
    return witnesses.parse(text) if text else Quorum()


def _requirements(table: Table, profile: Profile) -> Requirements:
    row = Table("[require]", table.take("require", dict, {}))
    needs = Requirements(
        signatures=row.count("signatures", 1, least=1),
        timestamps=row.count("timestamps", 1, least=1),
        deploy_signature=row.take("deploy-signature", bool, profile is Profile.PRODUCTION),
        changes=tuple(_rule(one) for one in row.tables("change")),
    )
    row.done()
    starts = [one.start for one in needs.changes if one.start]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise row.bad("change", "is not in the order of time")
    return needs


def _rule(row: Table) -> Rule:
    start = row.time("from")
    if start is None:
        raise row.bad("from", "is missing")
    rule = Rule(start, row.count("signatures", least=1), row.count("timestamps", least=1))
    row.done()
    return rule


def _log_key(row: Table) -> LogKey:
    try:
        key = VerifierKey.parse(row.take("key", str))
    except ValueError as error:
        raise row.bad("key", "is not a verifier key") from error
    if key.algorithm != ED25519:
        raise row.bad("key", "is not an Ed25519 log key")
    last = row.count("last-size") if "last-size" in row.values else None
    log_key = LogKey(key, row.count("first-size", 0), last)
    if last is not None and last < log_key.first:
        raise row.bad("last-size", "is below first-size")
    row.done()
    return log_key


def _term(row: Table) -> Term:
    ended = row.take("ended", str, "")
    if ended and ended not in tuple(Ended):
        raise row.bad("ended", "must be superseded, retired or compromised")
    term = Term(row.time("from"), row.time("until"), Ended(ended) if ended else None, row.time("compromised-at"))
    if term.ended in (Ended.SUPERSEDED, Ended.RETIRED) and term.until is None:
        raise row.bad("until", "is needed for a key that has ended")
    if term.compromised_at and term.ended is not Ended.COMPROMISED:
        raise row.bad("compromised-at", "is only for a compromised key")
    if term.start and term.until and term.until < term.start:
        raise row.bad("until", "is before from")
    return term


def _certificates(row: Table, inline: str, by_digest: str, *, pem: bool, least: int = 1) -> tuple[Material, ...]:
    values = row.take(inline, list if pem else str, [] if pem else "")
    texts: list[object] = list(values) if pem else [values] if values else []
    found = []
    for text in texts:
        if not isinstance(text, str):
            raise row.bad(inline, "must be text")
        data = _der(row, inline, text) if pem else text.encode()
        found.append(Material(hashlib.sha256(data).hexdigest(), data))
    if pem:
        found += [Material(digest) for digest in row.texts(by_digest, _DIGEST)]
    elif digest := row.text(by_digest, _DIGEST, ""):
        found.append(Material(digest))
    if len(found) < least:
        raise row.bad(inline, f"or {by_digest} is missing")
    if len({material.sha256 for material in found}) != len(found) or (len(found) > 1 and not pem):
        raise row.bad(inline, "is given twice")
    return tuple(found)


def _der(row: Table, name: str, text: str) -> bytes:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    body = text.strip()
    if not (body.startswith(begin) and body.endswith(end)):
        raise row.bad(name, "must hold one PEM certificate each")
    try:
        return base64.b64decode("".join(body[len(begin) : -len(end)].split()), validate=True)
    except ValueError as error:
        raise row.bad(name, "must hold one PEM certificate each") from error


def _signer(row: Table) -> Signer:
    signer = Signer(
        name=row.text("name", _NAME),
        fingerprint=row.text("fingerprint", _FINGERPRINT),
        certificate=_certificates(row, "key", "key-sha256", pem=False)[0],
        components=row.texts("components", _COMPONENT) or ("*",),
        term=_term(row),
    )
    row.done()
    return signer


def _authority(row: Table) -> TimeAuthority:
    url: str = row.take("url", str)
    if url != LOCAL_URL and not re.fullmatch(_URL, url):
        raise row.bad("url", f"must be an http(s) address or {LOCAL_URL}")
    authority = TimeAuthority(
        name=row.text("name", _NAME),
        url=url,
        roots=_certificates(row, "roots", "roots-sha256", pem=True),
        intermediates=_certificates(row, "intermediates", "intermediates-sha256", pem=True, least=0),
        policy_oids=row.texts("policy-oids", _OID),
        self_asserted=row.take("self-asserted", bool, False),
        allow_ess_v1=row.take("allow-ess-v1", bool, False),
        term=_term(row),
    )
    row.done()
    return authority


def _check(policy: Policy) -> None:
    def weak(why: str) -> BadInput:
        return BadInput("policy.weak", f"policy: {why}")

    if (policy.version == 1) != (policy.previous == ""):
        raise BadInput("policy.malformed", "policy: previous is for every version but the first")
    for what, names in (
        ("log key", [log_key.key.public for log_key in policy.log_keys]),
        ("signer fingerprint", [signer.fingerprint for signer in policy.signers]),
        ("signer name", [signer.name for signer in policy.signers]),
        ("authority name", [authority.name for authority in policy.authorities]),
    ):
        if not names:
            raise weak(f"at least one {what} is needed")
        if len(set(names)) != len(names):
            raise BadInput("policy.malformed", f"policy: a {what} is listed twice")
    if any(log_key.key.name != policy.origin for log_key in policy.log_keys):
        raise BadInput("policy.malformed", "policy: a log key's name differs from the origin")
    own = {str(log_key.key) for log_key in policy.log_keys}
    if any(vkey.startswith(f"{policy.origin}+") and vkey not in own for vkey in policy.quorum.logs):
        raise BadInput("policy.malformed", "policy: the witness policy names another log key of this origin")
    rules = policy.require.rules
    if any(len(policy.signers) < one.signatures or len(policy.authorities) < one.timestamps for one in rules):
        raise weak("more signatures or timestamps are required than keys or authorities are listed")
    # one root under two names would let one authority count twice
    roots = [root.sha256 for authority in policy.authorities for root in authority.roots]
    if len(set(roots)) != len(roots):
        raise weak("two authorities share a root")
    if policy.profile is Profile.PRODUCTION:
        if all(authority.self_asserted for authority in policy.authorities):
            raise weak("production needs an authority that is not self-asserted")
        if not policy.require.deploy_signature:
            raise weak("production needs deploy-signature = true")
        if policy.origin.startswith("dev.invalid/"):
            raise weak("production needs an origin of its own")
