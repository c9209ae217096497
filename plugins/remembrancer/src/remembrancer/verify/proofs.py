"""Signatures and timestamps of one artifact under the policy: how many distinct keys and authorities vouch for
it. Pure."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.findings import Finding, negative, positive
from remembrancer.openpgp.certificate import certificate_facts, named_certificate
from remembrancer.openpgp.verify import read_signature, verify_detached
from remembrancer.timestamp.model import TimestampFacts
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Profile, Rule, Signer
from remembrancer.trust.validity import AUTHORITY, SIGNER, KeyFacts, judge
from remembrancer.verify.evidence import Entry, Evidence, Log
from remembrancer.verify.log import check_token
from remembrancer.verify.stamps import StampedTimes, agreed, agreed_under

_PATIENCE = 16  # bad signatures, of one key or beside enough good ones, that end the search: each costs a reading
_UNREAD = ("log.not-included", "log.missing", "log.tile", "sig.untrusted-key", "blob.missing", "blob.mismatch")


class Prover:
    """Judges proofs against one policy, one log and one moment."""

    def __init__(
        self,
        evidence: Evidence,
        log: Log,
        trusted: Trusted,
        component: str,
        now: datetime,
        *,
        times_over: Callable[[str], Iterable[Entry]] | None = None,
        made: Entry | None = None,
    ) -> None:
        """Take what is known; `times_over` gives the timestamps over a signature with a SHA-256 (hex).

        By default these are those of the evidence. How many must vouch says the rule under which the deploy receipt
        `made` came to be, as its leaf is dated.
        """
        self.evidence, self.trusted, self.component, self.now = evidence, trusted, component, now
        self.view = log.view
        self.times = StampedTimes(log.view, evidence.stamps, trusted, now) if log.view else None
        self._times_over = times_over or self._in_evidence
        self._own_times: dict[str, dict[str, datetime]] = {}
        self.rule = self._rule(made)

    def _rule(self, made: Entry | None) -> Rule:
        require = self.trusted.policy.require
        if not require.changes or made is None or made.index is None or self.view is None or self.times is None:
            return require.at(self.now)
        try:
            self._leaf(made)
        except RemembrancerError:
            return require.at(self.now)
        return self.times.rule(made.index)

    def signatures(
        self, check: str, entries: Sequence[Entry], content: bytes | Path, subject: str = ""
    ) -> tuple[Finding, list[Entry]]:
        """Judge the signatures over `content`; returns the finding and the entries that it rests on.

        A signature costs a reading of the content, which whoever made a proof file does not pay. So one that says it is
        a leaf has to be that first, a key that vouches is asked once, and one that does not hold a few times.
        """
        subject = subject or self.evidence.artifact.name
        failed: Counter[str] = Counter()
        accepted: dict[str, tuple[Entry, str]] = {}
        troubles: list[RemembrancerError] = []
        needed = self.rule.signatures
        for entry in _sealed_first(entries):
            if len(accepted) >= needed and len(troubles) >= _PATIENCE:
                break
            named = str(entry.receipt.predicate["fingerprint"])
            if named in accepted or failed[named] >= _PATIENCE:
                continue
            try:
                self._leaf(entry)
                who, when = self.signature(entry, content)
            except RemembrancerError as error:
                troubles.append(error)
                failed[named] += error.code not in _UNREAD
            else:
                accepted.setdefault(who, (entry, when))
        if len(accepted) < needed:
            missing = Rejected(
                "sig.missing", f"{len(accepted)} of {needed} required signatures by distinct trusted keys"
            )
            return negative(check, subject, _decisive(troubles, missing, needed - len(accepted))), _entries(accepted)
        names = ", ".join(self._named(fingerprint) for fingerprint in accepted)
        when = next(iter(accepted.values()))[1]
        return positive(check, subject, f"by {names}", ", ".join(accepted), when), _entries(accepted)

    def _leaf(self, entry: Entry) -> None:
        """Check that an entry is the leaf that it says it is; one that is not sealed yet says nothing."""
        if self.view is not None and entry.index is not None:
            self.view.includes(entry.receipt.data, entry.index, entry.path)

    def signature(self, entry: Entry, content: bytes | Path, *, anywhere: bool = False) -> tuple[str, str]:
        """Check one recorded signature; returns the primary fingerprint and the time it was made (as its key claims).

        With `anywhere` the key need not be trusted for this component.

        Raises Rejected or Unverifiable with a `sig.*`, `blob.*` or `trust.*` code.
        """
        signature = self.evidence.blob(entry.receipt.predicate["signature"])
        named = str(entry.receipt.predicate["fingerprint"])
        signer = self.trusted.policy.signer(named)
        if signer is None or not (anywhere or signer.may_sign(self.component)):
            what = f"for {self.component}" if signer else "at all"
            raise Rejected("sig.untrusted-key", f"the policy does not trust the key {named} {what}")
        certificate = named_certificate(self.trusted.material(signer.certificate), named)
        facts = verify_detached(signature, content, [certificate])
        if facts.primary_fingerprint != named:
            raise Rejected("sig.untrusted-key", f"the signature is by {facts.primary_fingerprint}, recorded is {named}")
        key = KeyFacts(facts.certificate.revoked, facts.certificate.expires)
        self._judge(entry, signer, key, facts.created, hashlib.sha256(signature).hexdigest())
        return named, rfc3339(facts.created)

    def standing(self, entry: Entry) -> None:
        """Judge the key of a recorded signature whose artifact is not here: would it count if it held?

        Raises Rejected or Unverifiable as `signature` does; the signature itself is not checked.
        """
        signature = self.evidence.blob(entry.receipt.predicate["signature"])
        fingerprint = str(entry.receipt.predicate["fingerprint"])
        signer = self.trusted.policy.signer(fingerprint)
        if signer is None:
            raise Rejected("sig.untrusted-key", f"the policy does not trust the key {fingerprint} at all")
        claims = read_signature(signature)
        about = certificate_facts(named_certificate(self.trusted.material(signer.certificate), fingerprint))
        key = KeyFacts(about.revoked, about.expires)
        self._judge(entry, signer, key, claims.created, hashlib.sha256(signature).hexdigest())

    def _judge(self, entry: Entry, signer: Signer, key: KeyFacts, created: datetime, signature: str) -> None:
        term = signer.term
        ends = [instant for instant in (term.until, key.expires, term.compromised_at) if instant]
        proven = None
        if term.ended or key.revoked or any(instant <= self.now for instant in ends):
            proven = self._proven(entry, signature, min(ends, default=None))
        trouble = judge(f"key {signer.name}", term, key, claimed=created, proven=proven, now=self.now, codes=SIGNER)
        if trouble:
            raise trouble

    def _proven(self, entry: Entry, signature: str, before: datetime | None) -> datetime | None:
        """The earliest trusted time over a checkpoint with the sign receipt, or over the signature's own bytes.

        As many authorities have to say so as the policy requires. The second is looked for only when the first is not
        at or before `before`.
        """
        require = self.trusted.policy.require
        times = self._sealed(entry, of=max(rule.timestamps for rule in require.rules), before=before)
        sealed = agreed_under(times, require)
        if sealed and (before is None or sealed <= before):
            return sealed
        if signature not in self._own_times:
            self._own_times[signature] = self._own_time(signature)
        for name, time in self._own_times[signature].items():
            times[name] = min(time, times.get(name, time))
        return agreed_under(times, require)

    def _sealed(
        self, entry: Entry, *, of: int = 1, apart_from: str = "", before: datetime | None = None
    ) -> dict[str, datetime]:
        """The earliest times over a checkpoint with the receipt, by authority; none unless it is that leaf, proven."""
        if self.view is None or self.times is None or entry.index is None:
            return {}
        try:
            self.view.includes(entry.receipt.data, entry.index, entry.path)
        except RemembrancerError:
            return {}
        return self.times.by_authority(entry.index, of=of, apart_from=apart_from, before=before)

    def _own_time(self, signature: str) -> dict[str, datetime]:
        """The earliest time that each authority gave a signature's own bytes, at the late end of its accuracy.

        Only of those whose clock counts (`Policy.dates`).
        """
        found: dict[str, datetime] = {}
        for stamped in self._times_over(signature):
            try:
                name, _, facts = self.timestamp(stamped, bytes.fromhex(signature))
            except RemembrancerError:
                continue
            listed = self.trusted.policy.authority(name)
            if listed is None or not self.trusted.policy.dates(listed):
                continue
            found[name] = min(facts.latest, found.get(name, facts.latest))
        return found

    def _in_evidence(self, signature: str) -> Iterable[Entry]:
        return [one for one in self.evidence.signature_times if one.receipt.subject[0].sha256 == signature]

    def timestamps(self, entries: Sequence[Entry], digest: bytes) -> tuple[Finding, list[Entry]]:
        """Judge the timestamps over a SHA-256 digest; returns the finding and the entries that it rests on."""
        accepted: dict[str, tuple[Entry, str]] = {}
        external = 0
        troubles: list[RemembrancerError] = []
        failed: Counter[str] = Counter()
        for entry in _sealed_first(entries):
            named = str(entry.receipt.predicate["authority"])
            if named in accepted or failed[named] >= _PATIENCE:
                continue
            try:
                self._leaf(entry)
                who, self_asserted, facts = self.timestamp(entry, digest)
            except RemembrancerError as error:
                troubles.append(error)
                failed[named] += error.code not in _UNREAD
                continue
            if who not in accepted:
                external += not self_asserted
                accepted[who] = (entry, rfc3339(facts.gen_time))
        policy, subject = self.trusted.policy, self.evidence.artifact.name
        needed = self.rule.timestamps
        if len(accepted) < needed:
            missing = Rejected(
                "time.missing", f"{len(accepted)} of {needed} required timestamps by distinct authorities"
            )
            trouble = _decisive(troubles, missing, needed - len(accepted))
            return negative("timestamp", subject, trouble), _entries(accepted)
        if policy.profile is Profile.PRODUCTION and not external:
            trouble = Rejected(
                "time.self-asserted", "production needs a timestamp by an authority that is not self-asserted"
            )
            return negative("timestamp", subject, trouble), _entries(accepted)
        earliest = min(time for _, time in accepted.values())
        names = ", ".join(accepted)
        found = positive("timestamp", subject, f"existed at {earliest}, says {names}", names, earliest)
        return found, _entries(accepted)

    def timestamp(self, entry: Entry, digest: bytes) -> tuple[str, bool, TimestampFacts]:
        """Check one recorded timestamp; returns the authority's name, whether it is self-asserted, and what it states.

        Raises Rejected or Unverifiable with a `time.*`, `blob.*` or `trust.*` code.
        """
        predicate = entry.receipt.predicate
        name = str(predicate["authority"])
        response = self.evidence.blob(predicate["token"])
        facts, listed = check_token(self.trusted, name, response, digest, int(predicate["nonce"], 16))
        if rfc3339(facts.gen_time) != predicate["genTime"]:
            raise Rejected(
                "time.malformed", f"the token says {rfc3339(facts.gen_time)}, recorded is {predicate['genTime']}"
            )
        proven = None
        if listed.term.ended or listed.term.until:
            end = listed.term.compromised_at or listed.term.until
            proven = agreed(self._sealed(entry, apart_from=name, before=end), 1)
        trouble = judge(
            f"authority {name}",
            listed.term,
            KeyFacts(),
            claimed=facts.gen_time,
            proven=proven,
            now=self.now,
            codes=AUTHORITY,
        )
        if trouble:
            raise trouble
        return name, listed.self_asserted, facts

    def _named(self, fingerprint: str) -> str:
        signer = self.trusted.policy.signer(fingerprint)
        return signer.name if signer else fingerprint


def _entries(accepted: dict[str, tuple[Entry, str]]) -> list[Entry]:
    return [entry for entry, _ in accepted.values()]


def _sealed_first(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.index is None, entry.index or 0))


def _decisive(troubles: list[RemembrancerError], missing: Rejected, short: int) -> RemembrancerError:
    """Of everything that went wrong, what decides: enough open questions leave it open, else the first failure
    counts."""
    unknown = [trouble for trouble in troubles if isinstance(trouble, Unverifiable)]
    if len(unknown) >= short:
        return unknown[0]
    return next((trouble for trouble in troubles if not isinstance(trouble, Unverifiable)), missing)
