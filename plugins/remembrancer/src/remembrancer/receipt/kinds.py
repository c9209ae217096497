"""The kinds of receipts: what each one states, as one table that parsing, writing and the schemas share."""

from collections.abc import Callable, Mapping
from typing import Any

from remembrancer.named import NamedTuple
from remembrancer.receipt.fields import (
    AUTHORITY,
    BLOB,
    COMMIT,
    COMPONENT,
    DIGEST,
    ENVIRONMENT,
    FINGERPRINT,
    IMAGE,
    LINE,
    NONCE,
    PATH,
    SLUG,
    TIME,
    URL,
    VERSION,
    Choice,
    Field,
    Many,
    Record,
    Whole,
)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
LAYERS = ("fastapi-service", "k8s", "ci")
SUBJECT = Record({"name": PATH, "digest": Record({"sha256": DIGEST})})
NAMED_FILE = Record({"name": PATH, "sha256": DIGEST})

Rule = Callable[[list[dict[str, Any]], Mapping[str, Any]], str]


class Kind(NamedTuple):
    """One kind of receipt.

    `predicate` is the shape of its fields; `rule` returns the end of a sentence about a subject and a predicate
    that contradict each other, or an empty string; `meaning` is the first sentence of the published schema.
    """

    name: str
    meaning: str
    predicate: Record
    rule: Rule

    @property
    def predicate_type(self) -> str:
        """Return the in-toto predicate type."""
        return f"https://vaultmesh.cloud/receipt/{self.name}/v1"


def _digest_is(*path: str) -> Rule:
    def rule(subject: list[dict[str, Any]], predicate: Mapping[str, Any]) -> str:
        value: Any = predicate
        for name in path:
            value = value[name]
        return "" if subject[0]["digest"]["sha256"] == value else f"must have the digest of {'.'.join(path)}"

    return rule


def _is_artifact(subject: list[dict[str, Any]], predicate: Mapping[str, Any]) -> str:
    artifact = predicate["artifact"]
    if subject[0]["name"] != artifact["name"] or subject[0]["digest"]["sha256"] != artifact["sha256"]:
        return "must be the artifact"
    if predicate.get("evidence", artifact)["sha256"] != artifact["sha256"]:
        return "and evidence must have the same digest"
    return ""


def _decision(subject: list[dict[str, Any]], predicate: Mapping[str, Any]) -> str:
    if subject[0]["digest"]["sha256"] != predicate["text"]:
        return "must have the digest of text"
    if "supersededBy" in predicate and predicate["status"] != "Superseded":
        return "names a successor, but is not superseded"
    if "supersededBySlug" in predicate and "supersededBy" not in predicate:
        return "names a successor without its number"
    if predicate.get("formerly", {}).get("number") == predicate["number"]:
        return "had the same number before"
    return ""


def _any_subject(subject: list[dict[str, Any]], predicate: Mapping[str, Any]) -> str:  # noqa: ARG001
    return ""


_GENERATED: dict[str, Field] = {
    "recordedAt": TIME,
    "component": COMPONENT,
    "layer": Choice(LAYERS),
    "version": VERSION,
    "template": Record({"source": URL, "commit": COMMIT, "version": LINE}, {"tagSignature": BLOB}),
    "answers": Record({"path": PATH, "sha256": DIGEST}),
    "manifest": Record({"sha256": BLOB, "root": DIGEST, "files": Whole()}),
}
_PLACED: dict[str, Field] = {
    "recordedAt": TIME,
    "recordedBy": LINE,
    "component": COMPONENT,
    "version": VERSION,
    "artifact": NAMED_FILE,
    "environment": ENVIRONMENT,
}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "spawn",
            "A service, or one layer of it, was generated from a template.",
            Record(_GENERATED),
            _digest_is("manifest", "sha256"),
        ),
        Kind(
            "update",
            "A service was brought to another version of its template.",
            Record(
                {
                    **_GENERATED,
                    "from": Record({"commit": COMMIT, "version": LINE}, {"movedTo": COMMIT}),
                    "conflicts": Many(PATH),
                },
                {"resolvedAt": TIME, "skipped": Many(LINE, 1, 1000)},
            ),
            _digest_is("manifest", "sha256"),
        ),
        Kind(
            "deploy",
            "This digest is this version of this component.",
            Record(
                {**_PLACED, "evidence": NAMED_FILE, "rollback": LINE},
                {"commit": COMMIT, "imageDigest": IMAGE, "sbom": NAMED_FILE},
            ),
            _is_artifact,
        ),
        Kind(
            "rollout",
            "A recorded version was brought into a further environment.",
            Record(_PLACED, {"commit": COMMIT, "imageDigest": IMAGE}),
            _is_artifact,
        ),
        Kind(
            "rollback",
            "An environment was taken back to a recorded version.",
            Record({**_PLACED, "reason": LINE}, {"fromVersion": VERSION}),
            _is_artifact,
        ),
        Kind(
            "sign",
            "A detached OpenPGP signature over the subject exists.",
            Record({"recordedAt": TIME, "fingerprint": FINGERPRINT, "signature": BLOB}),
            _any_subject,
        ),
        Kind(
            "timestamp",
            "An RFC 3161 response over the subject exists.",
            Record({"recordedAt": TIME, "authority": AUTHORITY, "genTime": TIME, "nonce": NONCE, "token": BLOB}),
            _any_subject,
        ),
        Kind(
            "adr",
            "An architecture decision has this text and this status.",
            Record(
                {
                    "recordedAt": TIME,
                    "number": Whole(1, 99_999),
                    "title": LINE,
                    "slug": SLUG,
                    "status": Choice(("Accepted", "Rejected", "Superseded")),
                    "text": DIGEST,
                },
                {
                    "supersededBy": Whole(1, 99_999),
                    "supersededBySlug": SLUG,
                    "formerly": Record({"number": Whole(1, 99_999), "text": DIGEST}),
                },
            ),
            _decision,
        ),
        Kind(
            "trust",
            "The trust policy changed.",
            Record(
                {
                    "recordedAt": TIME,
                    "recordedBy": LINE,
                    "action": Choice(("init", "add", "revoke", "rotate", "renew", "require", "quorum")),
                    "policyVersion": Whole(1),
                    "policy": BLOB,
                    "signatures": Many(Record({"fingerprint": FINGERPRINT, "signature": BLOB}), 1, 100),
                },
                {"previous": DIGEST, "reason": LINE},
            ),
            _digest_is("policy"),
        ),
        Kind(
            "waiver",
            "A file may differ from its template until a date.",
            Record({"recordedAt": TIME, "recordedBy": LINE, "owner": LINE, "reason": LINE, "expires": TIME}),
            _any_subject,
        ),
        Kind(
            "aside",
            "A receipt that was never sealed was taken out of the way.",
            Record({"recordedAt": TIME, "recordedBy": LINE, "receipt": BLOB, "reason": LINE}),
            _digest_is("receipt"),
        ),
    )
}
