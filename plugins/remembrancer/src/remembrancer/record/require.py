"""Requiring more (or fewer) signatures and timestamps from a moment on, and which releases that would leave behind."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from remembrancer.audit.recorded import Checker
from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, Rejected, RemembrancerError, Unverifiable, counted
from remembrancer.findings import Finding, negative
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse
from remembrancer.repository.reader import Repository
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy, Rule, Signer, TimeAuthority
from remembrancer.verify.evidence import Artifact, Entry, Evidence, Log
from remembrancer.verify.proofs import Prover

PROOFS = ("sign", "timestamp")


def require(
    session: Session, trusted: Trusted, *, signatures: int | None, timestamps: int | None, start: datetime | None
) -> Policy:
    """Return the policy that asks for so many from `start` (default: now) on; None leaves a number as it is.

    Raises BadInput(input.time) for a moment that has passed or comes before a later rule, and BadInput(policy.weak)
    where fewer signers or authorities are in use than would be asked for.
    """
    policy = trusted.policy
    now = session.clock.now().replace(microsecond=0)
    moment = start or now
    if moment < now:
        how = "Leave --from out for now, or name a later time: what was made before keeps its rule."
        raise BadInput("input.time", f"{rfc3339(moment)} has passed", how)
    last = policy.require.rules[-1]
    if last.start and moment <= last.start:
        how = (
            f"Name a time after {rfc3339(last.start)}; what `trust require` said for then can be followed, not undone."
        )
        raise BadInput("input.time", f"a rule from {rfc3339(last.start)} on is in the policy", how)
    rule = Rule(moment, signatures or last.signatures, timestamps or last.timestamps)
    if rule[1:] == last[1:]:
        raise BadInput("input.name", f"the policy asks for {_words(rule)} already")
    _refuse_too_many(policy, rule)
    needs = policy.require
    return policy._replace(require=needs._replace(changes=(*needs.changes, rule)))


def _refuse_too_many(policy: Policy, rule: Rule) -> None:
    def used(listed: Iterable[Signer | TimeAuthority]) -> int:
        terms = [one.term for one in listed]
        return sum(one.ended is None and not (one.until and rule.start and one.until <= rule.start) for one in terms)

    signers, authorities = used(policy.signers), used(one for one in policy.authorities if policy.dates(one))
    if signers < rule.signatures or authorities < rule.timestamps:
        those = counted(authorities, "independent authority", "independent authorities")
        there = f"{counted(signers, 'signer')} and {those} in use"
        message = f"{_words(rule)} cannot be had from {there}"
        raise BadInput("policy.weak", message, "Add the others first with `remembrancer trust add`.")


def _words(rule: Rule) -> str:
    return f"{counted(rule.signatures, 'signature')} and {counted(rule.timestamps, 'timestamp')}"


def refuse_incomplete(repository: Repository, trusted: Trusted, deploy: Receipt, now: datetime) -> None:
    """Raise Unverifiable(receipt.waiting) for a release that several have to vouch for and too few do yet.

    Where one signature and one timestamp are enough, proofs may follow the seal; where more are asked for, the release
    waits for the others, so that nothing is published as released that one of them alone made.
    """
    rule = trusted.policy.require.at(now)
    if rule.signatures == 1 and rule.timestamps == 1:
        return
    artifact, record = deploy.subject[0].sha256, deploy.digest
    component = str(deploy.predicate["component"])
    evidence = Evidence(artifact=Artifact("", artifact, b""), stamps=(), blob=repository.blob)
    prover = Prover(evidence, Log(None), trusted, component, now)
    found = list(repository.files_about([artifact, record], PROOFS))

    def over(kind: str, digest: str) -> list[Entry]:
        return [one for one in found if one.receipt.kind == kind and one.receipt.subject[0].sha256 == digest]

    asked = [
        ("signatures", over("sign", artifact), rule.signatures),
        ("timestamps", over("timestamp", artifact), rule.timestamps),
    ]
    if trusted.policy.require.deploy_signature:
        asked.append(("signatures of its receipt", over("sign", record), rule.signatures))
    short: list[str] = []
    waits: dict[str, None] = {}
    for what, entries, needed in asked:
        have = {_who(prover, one, component, undated=True) for one in entries} - {""}
        if len(have) < needed:
            short.append(f"{len(have)} of {needed} {what}")
            waits[_awaited(trusted.policy, what, have, needed - len(have), component)] = None
    if short:
        message = (
            f"{component} {deploy.predicate['version']} has {', '.join(short)}; it waits for {' and '.join(waits)}"
        )
        raise Unverifiable("receipt.waiting", message)


def _awaited(policy: Policy, what: str, have: set[str], missing: int, component: str) -> str:
    """Name those who can still vouch, in the words of a person who looks for one of them."""
    if what == "timestamps":
        one, several = "authority", "authorities"
        names = [each.name for each in policy.authorities if each.term.ended is None and each.name not in have]
    else:
        one, several = "signer", "signers"
        others = [each for each in policy.signers if each.term.ended is None and each.may_sign(component)]
        names = [each.name for each in others if each.fingerprint not in have]
    if len(names) <= missing:
        return f"the {one if len(names) == 1 else several} {', '.join(names)}"
    return f"{'one' if missing == 1 else missing} of the {several} {', '.join(names)}"


def left_behind(session: Session, old: Checker, new: Checker) -> Iterator[Finding]:
    """Yield a finding for each release that has enough proofs under the old requirements and not under the new ones.

    Only releases whose rule differs are looked at: what nothing dates before the new rule begins.
    """
    before, after = old.trusted.policy.require, new.trusted.policy.require
    if before == after:
        return
    found = list(entries(session, old))
    proofs: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.receipt.kind in PROOFS:
            proofs.setdefault(entry.receipt.subject[0].sha256, []).append(entry)
    for entry in found:
        if entry.receipt.kind == "deploy" and (rules := _rules(old, new, entry)):
            yield from _short(new, entry, proofs, rules)


def entries(session: Session, checker: Checker) -> Iterator[Entry]:
    """Yield every receipt, sealed or waiting; one that waits and cannot be read is left to the seal, which names it."""
    view = checker.log.view
    for index, leaf in session.ledger.entries(0, view.size if view else 0):
        yield Entry(parse(leaf), index, None)
    for path in session.ledger.pending():
        try:
            receipt = parse(session.repository.read(path.relative_to(session.root).as_posix(), MAX_BYTES))
        except (FileNotFoundError, Rejected):
            continue
        yield Entry(receipt, None, None)


def _rules(old: Checker, new: Checker, deploy: Entry) -> tuple[Rule, Rule] | None:
    """The rules of a release before and after the change, None when nothing more is asked of it."""
    before, after = (_rule(one, deploy) for one in (old, new))
    return (before, after) if after.signatures > before.signatures or after.timestamps > before.timestamps else None


def _rule(checker: Checker, deploy: Entry) -> Rule:
    times = checker.prover.times
    if times is None or deploy.index is None:
        return checker.trusted.policy.require.at(checker.prover.now)
    return times.rule(deploy.index)


def _short(
    checker: Checker, deploy: Entry, proofs: dict[str, list[Entry]], rules: tuple[Rule, Rule]
) -> Iterator[Finding]:
    before, after = rules
    component = str(deploy.receipt.predicate["component"])
    digest = deploy.receipt.subject[0].sha256
    asked = [
        (digest, "sign", before.signatures, after.signatures),
        (digest, "timestamp", before.timestamps, after.timestamps),
    ]
    if checker.trusted.policy.require.deploy_signature:
        asked.append((deploy.receipt.digest, "sign", before.signatures, after.signatures))
    for over, kind, enough, needed in asked:
        found = [one for one in proofs.get(over, []) if one.receipt.kind == kind]
        vouching = {_who(checker.prover, one, component) for one in found} - {""}
        if enough <= len(vouching) < needed:
            what, code = ("signatures", "sig.missing") if kind == "sign" else ("timestamps", "time.missing")
            message = f"{len(vouching)} of {needed} {what} that would be required"
            yield negative("require", deploy.path, Rejected(code, message))


def _who(prover: Prover, entry: Entry, component: str, *, undated: bool = False) -> str:
    """Who vouches with a proof that stands, "" for one that does not count; the artifact itself may be elsewhere.

    With `undated` what only lacks a proven time counts too, because the seal is what dates it.
    """
    said = entry.receipt.predicate
    try:
        if entry.receipt.kind == "timestamp":
            prover.timestamp(entry, bytes.fromhex(entry.receipt.subject[0].sha256))
        else:
            prover.standing(entry)
    except Unverifiable:
        if not undated:
            return ""
    except RemembrancerError:
        return ""
    if entry.receipt.kind == "timestamp":
        return str(said["authority"])
    signer = prover.trusted.policy.signer(str(said["fingerprint"]))
    return signer.fingerprint if signer and signer.may_sign(component) else ""
