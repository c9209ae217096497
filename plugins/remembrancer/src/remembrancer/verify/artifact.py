"""The verdict on one artifact: every proof checked, each answer a finding. Pure: evidence and a policy in,
findings out.

A verdict has nine steps, numbered as in docs/formats.md ("Verifying, in order"). This module takes those from the hash
to the inclusion; `audit.verdict` goes through all of them:

1. Owner: the fingerprint comes from outside (`trust.establish`).
2. Policy: its owner signed it, and only then it is read (`trust.establish`).
3. Checkpoint: the policy's log keys signed it, its witnesses cosigned it (`verify.log`).
4. Hash: a deploy receipt names the artifact's digest, and is about what was asked (`verify.asked`).
5. Signatures: as many as the policy required when the deploy receipt was sealed, by keys that stand (`verify.proofs`).
6. Timestamps: likewise, by authorities that stand (`verify.proofs`).
7. Record signature: the same over the deploy receipt.
8. Inclusion: every receipt that counted is a leaf of the tree.
9. Append-only: the log extends what was seen of it before (`audit.remembered`, `audit.history`).
"""

from collections.abc import Sequence
from datetime import datetime

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected, RemembrancerError, counted
from remembrancer.findings import Finding, negative, positive
from remembrancer.paths import CHECKPOINT, LEDGER, POLICY
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.verify.asked import Asked, proven_as, stem
from remembrancer.verify.evidence import Entry, Evidence, Log
from remembrancer.verify.log import LogView, cosigners
from remembrancer.verify.proofs import Prover
from remembrancer.verify.stamps import StampedTimes

ANYTHING = Asked()


def trust_finding(trusted: Trusted) -> Finding:
    """Return the finding that the policy is signed by a pinned owner."""
    policy = trusted.policy
    message = f"{policy.profile} policy version {policy.version}, signed by the pinned owner"
    return positive("trust", POLICY, message, trusted.owner, "", profile=str(policy.profile))


def check_hash(evidence: Evidence, asked: Asked = ANYTHING) -> Finding:
    """Is the digest of the artifact the digest of the version that was asked about, by name or by `asked`?"""
    artifact = evidence.artifact
    proven = proven_as(evidence, asked)
    if proven and not evidence.contradicting:
        predicate = proven.receipt.predicate
        return positive(
            "hash",
            artifact.name,
            f"sha256 {artifact.digest} is {predicate['component']} {predicate['version']}",
            str(predicate["recordedBy"]),
            str(predicate["recordedAt"]),
            sha256=artifact.digest,
        )
    if evidence.contradicting:
        recorded = evidence.contradicting.receipt.subject[0].sha256
        message = f"sha256 is {artifact.digest}, recorded is {recorded}"
        return negative("hash", artifact.name, Rejected("hash.mismatch", message))
    if evidence.deploys:
        said = evidence.deploys[0].receipt.predicate
        recorded = f"recorded as {said['component']} {said['version']}"
        if any(asked.fits(entry) for entry in evidence.deploys):
            message = f"its bytes are {recorded}, and its name says {stem(artifact.name)}"
            how = "If the name is only another one, say what you expect: --component NAME --version VERSION."
            return negative("hash", artifact.name, Rejected("hash.mismatch", message, how))
        message = f"its bytes are {recorded}, asked was {' '.join(one for one in asked if one)}"
        return negative("hash", artifact.name, Rejected("hash.mismatch", message))
    message = f"no deploy receipt names sha256 {artifact.digest}"
    return negative("hash", artifact.name, Rejected("hash.unrecorded", message))


def check_log(log: Log, evidence: Evidence, trusted: Trusted, now: datetime) -> Finding:
    """Does a checkpoint that the policy's log keys signed (and its witnesses cosigned) stand over the tree?"""
    subject = CHECKPOINT
    if log.view is None:
        return negative("checkpoint", subject, log.trouble or Rejected("log.missing", "there is no ledger"))
    view = log.view
    times = StampedTimes(view, evidence.stamps, trusted, now)
    when = times.earliest(view.size - 1)
    seen = f"stamped {rfc3339(when)}" if when else "not stamped yet (time.pending)"
    return positive(
        "checkpoint",
        subject,
        f"size {view.size}, root {view.root.hex()[:16]}..., {seen}{_witnesses(view, trusted.policy)}",
        trusted.policy.origin,
        rfc3339(when) if when else "",
        size=str(view.size),
        root=view.root.hex(),
    )


def _witnesses(view: LogView, policy: Policy) -> str:
    """Say who has cosigned, and who has not: a witness that is down may be missed, but not unnoticed."""
    listed = [*policy.quorum.witnesses, *policy.quorum.unusable]
    if not listed:
        return ""
    upto = view.up_to_witnessed()
    names = cosigners(upto.signed, policy)
    absent = [name for name in listed if name not in names]
    said = f", cosigned by {len(names)} of {counted(len(listed), 'witness', 'witnesses')}"
    said += f" (not {', '.join(absent)})" if absent else ""
    return said if view.witnessed is None else f"{said} up to size {upto.size}"


def check_inclusion(log: Log, entries: Sequence[Entry], unread: RemembrancerError | None = None) -> Finding:
    """Are all these receipts leaves of the signed tree, and are their files what was sealed?

    `unread` is why the log could not be searched, so that a receipt of no known place may still be in it.
    """
    subject = entries[0].path if entries else LEDGER
    try:
        if not entries:
            raise Rejected("log.not-included", "there is no receipt to look for")
        if log.view is None:
            raise log.trouble or Rejected("log.missing", "there is no ledger")
        for entry in entries:
            subject = entry.path
            if entry.index is None and unread is not None:
                raise unread
            _check_entry(log.view, entry)
    except RemembrancerError as error:
        return negative("inclusion", subject, error)
    what = "receipt is a leaf" if len(entries) == 1 else "receipts are leaves"
    message = f"{len(entries)} {what} of the tree of size {log.view.size}"
    return positive("inclusion", entries[0].path, message, log.view.signed.checkpoint.origin)


def _check_entry(view: LogView, entry: Entry) -> None:
    if entry.index is None:
        raise Rejected("log.pending", f"{entry.path} is recorded but not in the ledger")
    view.includes(entry.receipt.data, entry.index, entry.path)
    if entry.on_disk is None:
        raise Rejected("receipt.missing", f"{entry.path} is sealed but its file is missing")
    if entry.on_disk != entry.receipt.data:
        raise Rejected("receipt.edited", f"{entry.path} has other bytes than those that were sealed")


def verify(evidence: Evidence, log: Log, trusted: Trusted, now: datetime, asked: Asked = ANYTHING) -> list[Finding]:
    """Return the findings of `verify`: trust, hash, inclusion of the deploy receipt, checkpoint."""
    proven = proven_as(evidence, asked)
    return [
        trust_finding(trusted),  # steps 1 and 2
        check_hash(evidence, asked),  # step 4
        check_inclusion(log, [proven] if proven else [], evidence.unread),  # step 8
        check_log(log, evidence, trusted, now),  # step 3
    ]


def verify_full(
    evidence: Evidence, log: Log, trusted: Trusted, now: datetime, asked: Asked = ANYTHING
) -> list[Finding]:
    """Return the findings of `verify-full`: trust, hash, signature, timestamp, inclusion, checkpoint.

    Where the policy requires signed deploy receipts, also `record-signature`. All of them must be verified.
    """
    proven = proven_as(evidence, asked)
    recorded = proven or evidence.contradicting or next(iter(evidence.deploys), None)
    component = asked.component or (str(recorded.receipt.predicate["component"]) if recorded else "")
    prover = Prover(evidence, log, trusted, component, now, made=recorded)
    # step 5
    signature, signs = prover.signatures("signature", evidence.signs, evidence.artifact.content)
    # step 6
    timestamp, timestamps = prover.timestamps(evidence.timestamps, bytes.fromhex(evidence.artifact.digest))
    findings = [trust_finding(trusted), check_hash(evidence, asked), signature, timestamp]
    # step 7
    record_signs: list[Entry] = []
    if recorded and (trusted.policy.require.deploy_signature or evidence.record_signs):
        finding, record_signs = prover.signatures(
            "record-signature", evidence.record_signs, recorded.receipt.data, subject=recorded.path
        )
        findings.append(finding)
    # step 8
    leaves = [*([proven] if proven else []), *signs, *timestamps, *record_signs]
    findings.append(check_inclusion(log, leaves, evidence.unread))
    findings.append(check_log(log, evidence, trusted, now))
    return findings
