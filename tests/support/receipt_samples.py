"""One good receipt of every kind, and the ways in which each can be spoiled."""

import copy
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from remembrancer.receipt.kinds import KINDS, STATEMENT_TYPE

AT = "2026-01-02T03:04:05Z"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


A, B, C = digest("a"), digest("b"), digest("c")
ARTIFACT = {"name": "my-svc-0.1.0.tar.gz", "sha256": A}
_GENERATED = {
    "recordedAt": AT,
    "component": "my-svc",
    "layer": "fastapi-service",
    "version": "0.1.0",
    "template": {"source": "https://example.org/vaultmesh.git", "commit": COMMIT, "version": "4.1.0"},
    "answers": {"path": ".copier-answers.yml", "sha256": B},
    "manifest": {"sha256": A, "root": C, "files": 3},
}
_PLACED = {
    "recordedAt": AT,
    "recordedBy": "ci",
    "component": "my-svc",
    "version": "0.1.0",
    "artifact": ARTIFACT,
    "environment": "staging",
}

SAMPLES: dict[str, tuple[list[tuple[str, str]], dict[str, Any]]] = {
    "spawn": ([("my-svc", A)], _GENERATED),
    "update": (
        [("my-svc", A)],
        {
            **_GENERATED,
            "from": {"commit": COMMIT, "version": "4.0.1"},
            "conflicts": ["Makefile"],
            "resolvedAt": AT,
        },
    ),
    "deploy": (
        [(ARTIFACT["name"], A)],
        {
            **_PLACED,
            "evidence": ARTIFACT,
            "rollback": "deploy 0.0.9 again",
            "commit": COMMIT,
            "imageDigest": f"sha256:{B}",
            "sbom": {"name": "sbom.json", "sha256": C},
        },
    ),
    "rollout": ([(ARTIFACT["name"], A)], {**_PLACED, "commit": COMMIT}),
    "rollback": ([(ARTIFACT["name"], A)], {**_PLACED, "reason": "slow", "fromVersion": "0.2.0"}),
    "sign": ([("my-svc-0.1.0.tar.gz", A)], {"recordedAt": AT, "fingerprint": FINGERPRINT, "signature": B}),
    "timestamp": (
        [("my-svc-0.1.0.tar.gz", A)],
        {"recordedAt": AT, "authority": "free-tsa", "genTime": AT, "nonce": "1f", "token": B},
    ),
    "adr": (
        [("ops/receipts/adr/ADR-001-use-tiles.md", A)],
        {
            "recordedAt": AT,
            "number": 1,
            "title": "Use tiles – gern",
            "slug": "use-tiles",
            "status": "Superseded",
            "text": A,
            "supersededBy": 2,
            "supersededBySlug": "use-bundles",
            "formerly": {"number": 3, "text": B},
        },
    ),
    "trust": (
        [("ops/trust/policy.toml", A)],
        {
            "recordedAt": AT,
            "recordedBy": "owner",
            "action": "add",
            "policyVersion": 2,
            "policy": A,
            "previous": C,
            "signatures": [{"fingerprint": FINGERPRINT, "signature": B}],
        },
    ),
    "aside": (
        [("ops/receipts/deploy/my-svc-1.0.0.receipt", A)],
        {"recordedAt": AT, "recordedBy": "ci", "receipt": A, "reason": "two branches recorded one version"},
    ),
    "waiver": (
        [("Dockerfile", A)],
        {"recordedAt": AT, "recordedBy": "ci", "owner": "payments", "reason": "GPU base image", "expires": AT},
    ),
}


def statement(kind: str) -> dict[str, Any]:
    """Return a sample as the JSON value that the file holds."""
    subject, predicate = SAMPLES[kind]
    return copy.deepcopy(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": KINDS[kind].predicate_type,
            "subject": [{"name": name, "digest": {"sha256": value}} for name, value in subject],
            "predicate": predicate,
        }
    )


BAD_VALUES: dict[str, list[Any]] = {
    "text": ["", "two\nlines", "tab\t", "nul\0", "\x7f", "\x85", "\u2028", "\u202e", "x" * 1001, 1, None, True, [], {}],
    "digest": [A.upper(), A[:-1], A + "0", "g" * 64, "", f"{A}\n", f"sha256:{A}", 7],
    "component": [
        "",
        "A",
        "1a",
        "-a",
        "a-",
        "a_b",
        "a.b",
        "../x",
        "a/b",
        "a b",
        'a"b',
        "a" * 41,
        "a\n",
        "ä",
        "{{7*7}}",
    ],
    "version": ["", ".1", "1.", "1..2", "../1", "1/2", "1 2", "-1", "1_2", "1\n", "v" * 101, "1;rm", "ü"],
    "time": [
        "2026-02-30T00:00:00Z",
        "2026-1-2T03:04:05Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05+00:00",
        f"{AT}\n",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z",
        "2025-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1900-02-29T00:00:00Z",
    ],
    "path": ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", ".", "..", "a\\b", "a\nb", "x" * 1025],
    "url": ["", "https://user:secret@example.org/x", "https://token@example.org", "ssh://git:pw@host/x", "a b", "x\n"],
    "paths": [None, {}, True, "x", [1], ["/x"]],
    "number": [-1, 2**53, True, False, None, "1", [1]],
}
_SHAPES = {
    "component": "component",
    "version": "version",
    "fromVersion": "version",
    "recordedAt": "time",
    "genTime": "time",
    "expires": "time",
    "resolvedAt": "time",
    "signature": "digest",
    "token": "digest",
    "text": "digest",
    "policy": "digest",
    "previous": "digest",
    "recordedBy": "text",
    "owner": "text",
    "title": "text",
    "reason": "text",
    "rollback": "text",
    "number": "number",
    "conflicts": "paths",
    "policyVersion": "number",
}


def spoiled(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (what was done, statement) for every way in which one field of a sample can be wrong."""

    def change(name: str, how: Callable[[dict[str, Any]], None]) -> tuple[str, dict[str, Any]]:
        value = statement(kind)
        how(value)
        return name, value

    predicate = SAMPLES[kind][1]
    optional = KINDS[kind].predicate.optional
    for field in predicate:
        if field not in optional:
            yield change(f"without {field}", lambda value, field=field: value["predicate"].pop(field))
        for bad in BAD_VALUES.get(_SHAPES.get(field, ""), [None, [], {}, True, -1]):
            yield change(
                f"{field} = {bad!r:.40}", lambda value, field=field, bad=bad: value["predicate"].update({field: bad})
            )
    for bad in BAD_VALUES["digest"]:
        yield change(f"subject digest {bad!r:.40}", lambda v, bad=bad: v["subject"][0]["digest"].update(sha256=bad))
    for bad in BAD_VALUES["path"]:
        yield change(f"subject name {bad!r:.40}", lambda v, bad=bad: v["subject"][0].update(name=bad))
    yield change("unknown field", lambda value: value["predicate"].update(extra="x"))
    yield change("unknown member", lambda value: value.update(extra="x"))
    yield change("other statement type", lambda value: value.update(_type="https://in-toto.io/Statement/v0.1"))
    yield change("unknown kind", lambda value: value.update(predicateType="https://vaultmesh.cloud/receipt/other/v1"))
    yield change("second version", lambda value: value.update(predicateType=f"{value['predicateType'][:-1]}2"))
    yield change("no subject", lambda value: value.update(subject=[]))
    yield change("two subjects", lambda value: value.update(subject=value["subject"] * 2))
    yield change("subject is an object", lambda value: value.update(subject={}))
    yield change("predicate is a list", lambda value: value.update(predicate=[]))
    yield change("second digest", lambda value: value["subject"][0]["digest"].update(sha512="00"))
