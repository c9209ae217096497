"""The two records of timestamping: whom we would believe, and what a believed token states."""

from datetime import UTC, datetime, timedelta

from remembrancer.named import NamedTuple

HASHES_BY_LENGTH = {32: "sha256", 48: "sha384", 64: "sha512"}


class Authority(NamedTuple):
    """A timestamping authority as the policy describes it.

    `name` and `url` say who and where. `roots` are the DER certificates of the certificate authorities that it must
    chain to, the only source of trust; `intermediates` are DER certificates (also the authority's own, if its tokens
    do not carry it) that help to build the chain and prove nothing by themselves. `policy_oids` are the accepted
    policies in dotted form, none listed means any. `allow_ess_v1` accepts a signing-certificate attribute with SHA-1
    (RFC 2634) when the SHA-2 one (RFC 5035) is absent. `self_asserted` marks an authority run by the signer itself.
    """

    name: str
    url: str
    roots: tuple[bytes, ...]
    policy_oids: tuple[str, ...] = ()
    allow_ess_v1: bool = False
    self_asserted: bool = False
    intermediates: tuple[bytes, ...] = ()


class TimestampFacts(NamedTuple):
    """What a token that passed every check states.

    `gen_time` is aware and in UTC; the true time lies within `accuracy` of it (zero if the token names none).
    `policy` is a dotted OID; `serial` and `nonce` are the token's integers; `hash_algorithm` is sha256, sha384 or
    sha512. `signer_subject` is the signing certificate's subject (RFC 4514), `signer_sha256` and `root_sha256` are the
    hex digests of that certificate and of the trusted root, so that a policy can end either of them.
    """

    gen_time: datetime
    policy: str
    serial: int
    nonce: int | None
    accuracy: timedelta
    signer_subject: str
    signer_sha256: str
    root_sha256: str
    hash_algorithm: str

    @property
    def latest(self) -> datetime:
        """Return the latest instant that the token allows: genTime plus accuracy, at most the end of the calendar."""
        end = datetime.max.replace(tzinfo=UTC)
        return end if end - self.gen_time < self.accuracy else self.gen_time + self.accuracy
