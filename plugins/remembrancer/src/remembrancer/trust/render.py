"""The text of a trust policy: what `policy.parse` reads, written so that a person can review every line."""

import base64
import json
import textwrap
from datetime import datetime

from remembrancer.clock import rfc3339
from remembrancer.tlog.quorum import Quorum
from remembrancer.trust.policy import LogKey, Material, Policy, Rule, Signer, Term, TimeAuthority

HEADER = """\
# Who may sign, whose clock counts, and which log holds the receipts.
# This file counts only with its owner's signature (policy.toml.<fingerprint>.asc), and the owner's fingerprint
# comes from outside this repository: `remembrancer trust pin`. Change it with `remembrancer trust --help`.
"""


def render(policy: Policy) -> bytes:
    """Return the TOML file of a policy (its `digest` is ignored); `parse(render(policy))` gives the same policy."""
    lines = [
        HEADER,
        f"version = {policy.version}",
        *([f'previous = "{policy.previous}"'] if policy.previous else []),
        f'profile = "{policy.profile}"',
        f'owner = "{policy.owner}"',
        f'origin = "{policy.origin}"',
        f'seal-branch = "{policy.seal_branch}"',
        *(["witnesses = " + _block(policy.quorum.text)] if policy.quorum.text != Quorum().text else []),
        "",
        "[require]",
        f"signatures = {policy.require.signatures}",
        f"timestamps = {policy.require.timestamps}",
        f"deploy-signature = {_bool(policy.require.deploy_signature)}",
    ]
    for rule in policy.require.changes:
        lines += ["", *_rule(rule)]
    for log_key in policy.log_keys:
        lines += ["", *_log_key(log_key)]
    for signer in policy.signers:
        lines += ["", *_signer(signer)]
    for authority in policy.authorities:
        lines += ["", *_authority(authority)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _text(value: str) -> str:
    # a JSON string without surrogate escapes is a TOML basic string
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _block(text: str) -> str:
    return '"""\n' + text.replace("\\", "\\\\").replace('"', '\\"') + '"""'


def _time(name: str, value: datetime | None) -> list[str]:
    return [f"{name} = {rfc3339(value)}"] if value else []


def _term(term: Term) -> list[str]:
    ended = [f'ended = "{term.ended}"'] if term.ended else []
    return [
        *_time("from", term.start),
        *_time("until", term.until),
        *ended,
        *_time("compromised-at", term.compromised_at),
    ]


def _rule(rule: Rule) -> list[str]:
    numbers = [f"signatures = {rule.signatures}", f"timestamps = {rule.timestamps}"]
    return ["[[require.change]]", *_time("from", rule.start), *numbers]


def _log_key(log_key: LogKey) -> list[str]:
    last = [f"last-size = {log_key.last}"] if log_key.last is not None else []
    return ["[[log-key]]", f"key = {_text(str(log_key.key))}", f"first-size = {log_key.first}", *last]


def _signer(signer: Signer) -> list[str]:
    certificate = signer.certificate
    return [
        "[[signer]]",
        f"name = {_text(signer.name)}",
        f'fingerprint = "{signer.fingerprint}"',
        f"components = [{', '.join(map(_text, signer.components))}]",
        *_term(signer.term),
        f'key-sha256 = "{certificate.sha256}"'
        if certificate.inline is None
        else f"key = {_block(certificate.inline.decode())}",
    ]


def _pem(root: Material) -> str:
    body = textwrap.fill(base64.b64encode(root.inline or b"").decode(), 64)
    return f'"""\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"""'


def _certificates(name: str, certificates: tuple[Material, ...]) -> list[str]:
    inline = [material for material in certificates if material.inline is not None]
    by_digest = [material.sha256 for material in certificates if material.inline is None]
    return [
        *([f"{name} = [{', '.join(map(_pem, inline))}]"] if inline else []),
        *([f"{name}-sha256 = [{', '.join(map(_text, by_digest))}]"] if by_digest else []),
    ]


def _authority(authority: TimeAuthority) -> list[str]:
    return [
        "[[authority]]",
        f"name = {_text(authority.name)}",
        f"url = {_text(authority.url)}",
        f"self-asserted = {_bool(authority.self_asserted)}",
        f"allow-ess-v1 = {_bool(authority.allow_ess_v1)}",
        *([f"policy-oids = [{', '.join(map(_text, authority.policy_oids))}]"] if authority.policy_oids else []),
        *_term(authority.term),
        *_certificates("roots", authority.roots),
        *_certificates("intermediates", authority.intermediates),
    ]
