"""The verdicts that front ends ask for: gather the evidence, judge it, compare the log with what was seen before.

Each is a function of a `Session` and returns a `Verdict`; nothing here is printed, and nothing is written into the
repository.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from remembrancer.audit.gather import expected_digest, gather, open_ledger
from remembrancer.audit.remembered import SUBJECT, compare, remember, remembers
from remembrancer.audit.session import Session
from remembrancer.errors import EnvironmentTrouble, Rejected, Unverifiable
from remembrancer.findings import Finding, Outcome, exit_code, negative
from remembrancer.named import NamedTuple
from remembrancer.paths import POLICY
from remembrancer.system.digests import FileDigest, hexdigest, start_hashing
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.verify.artifact import ANYTHING, check_hash, verify, verify_full
from remembrancer.verify.asked import Asked, proven_as
from remembrancer.verify.asked import named as named_as
from remembrancer.verify.evidence import Evidence, Log
from remembrancer.verify.log import LogView
from remembrancer.verify.whole import refuse_older_policy

PROVEN = ("hash", "signature", "timestamp", "record-signature", "inclusion", "checkpoint")


class Verdict(NamedTuple):
    """The answer to one question.

    `subject` is what was asked about, `findings` are the answers of the checks, `profile` is the policy's ("" without
    trust), `data` is what else is known, for programs, and `about` says what was proven: component, version, origin.
    """

    subject: str
    findings: list[Finding]
    profile: str = ""
    data: Mapping[str, Any] = MappingProxyType({})
    about: str = ""

    @property
    def exit_code(self) -> int:
        """The status of a program that gives this verdict: 0 verified, 1 failed, 3 unverifiable."""
        return exit_code(self.findings)


def untrusted(subject: str, error: Rejected | Unverifiable, policy_file: Path | None = None) -> Verdict:
    """Return the verdict of a question that no trusted policy could be had for."""
    return Verdict(subject, [negative("trust", str(policy_file or POLICY), error)])


def remember_verified(session: Session, view: LogView, findings: list[Finding], policy: Policy | None = None) -> None:
    """Remember a checkpoint if every one of the findings that it depends on is verified.

    With the `policy` of a checkout whose ledger it is, only if that is what others are shown as well: a log that was
    only tried here, or is somebody's branch, binds nobody. What the user brings (a proof file) always counts.
    """
    if not all(finding.outcome is Outcome.VERIFIED for finding in findings) or remembers(view, session.state):
        return
    from remembrancer.audit.published import is_published  # noqa: PLC0415 - most verdicts have nothing new to remember

    try:
        shown = policy is None or is_published(session.repository, policy, SUBJECT, view.data)
    except EnvironmentTrouble as error:
        session.notice(f"the checkpoint could not be remembered, a later rollback would go unnoticed: {error.message}")
        return
    if shown:
        session.notice(remember(view, session.state))


def compare_and_remember(session: Session, trusted: Trusted, view: LogView) -> list[Finding]:
    """Compare a repository's verified checkpoint with those seen before, and remember it unless they contradict it.

    Returns the finding; none when nothing was seen before.
    """
    before = compare(view, session.state, session.repository, trusted.policy.seal_branch)
    found = [before] if before else []
    remember_verified(session, view, found, trusted.policy)
    return found


def policy_in_log(session: Session, trusted: Trusted, log: Log) -> list[Finding]:
    """Return a failed finding where the repository's log records a newer policy than the one that judges, else none.

    This asks nobody's memory: an older policy that its owner signed once may trust a key that has ended since.
    """
    if log.view is None:
        return []
    try:
        refuse_older_policy(trusted.policy, session.repository.ledger_reader, log.view.size, log.view.root)
    except Rejected as error:
        return [negative("trust", POLICY, error)]
    return []


def proven(verdict: Verdict, evidence: Evidence, trusted: Trusted, asked: Asked) -> Verdict:
    """Return a verdict on an artifact that says what was proven of which component, version and origin."""
    origin, entry = trusted.policy.origin, proven_as(evidence, asked)
    if entry is None:
        return verdict
    said = {"component": str(entry.receipt.predicate["component"]), "version": str(entry.receipt.predicate["version"])}
    named = f"{said['component']} {said['version']} of {origin}"
    if not (asked.complete or named_as(entry, evidence.artifact.name)):
        named += ", which neither the file's name nor an option says"
    checks = ", ".join(dict.fromkeys(one.check for one in verdict.findings if one.check in PROVEN))
    data = {**verdict.data, "about": {**said, "origin": origin}}
    return verdict._replace(about=f"{named}; {checks}", data=data)


def judge_artifact(
    session: Session, path: Path, *, full: bool, asked: Asked = ANYTHING, started: FileDigest | None = None
) -> Verdict:
    """Return the verdict on an artifact of the repository: with `full` every proof, else that it is on the record.

    `asked` says which component and version it should be.

    A program that has only now to load all this starts to hash the file first, and gives that as `started`. Raises
    BadInput, EnvironmentTrouble.
    """
    hashing = started or start_hashing(path)  # first of all, because a large file takes longer than everything else
    repository = session.repository
    # steps 1 and 2, numbered as in docs/formats.md and in `verify.artifact`
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        evidence = gather(repository, path, hexdigest(hashing, path), Log(None))
        verdict = untrusted(str(path), error)
        return verdict._replace(findings=[*verdict.findings, check_hash(evidence, asked)])
    # step 3
    log = open_ledger(repository, trusted.policy)
    # steps 4 to 8
    rule, now = verify_full if full else verify, session.clock.now()
    # a large file is hashed beside the signature check; what was judged by a guess counts only if the guess is right
    guess = expected_digest(repository, path.name)
    guessed = gather(repository, path, guess, log, asked) if guess else None
    findings = rule(guessed, log, trusted, now, asked) if guessed else []
    digest = hexdigest(hashing, path)
    found = guessed if guessed and digest == guess else gather(repository, path, digest, log, asked)
    if found is not guessed:
        findings = rule(found, log, trusted, now, asked)
    findings += policy_in_log(session, trusted, log)
    # step 9
    if log.view:
        findings += compare_and_remember(session, trusted, log.view)
    return proven(Verdict(str(path), findings, str(trusted.policy.profile)), found, trusted, asked)
