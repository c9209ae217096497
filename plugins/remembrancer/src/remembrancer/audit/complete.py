"""The complete audit: the ledger re-read and recomputed, every proof in it judged again, and its past compared
with it."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from remembrancer.audit import history
from remembrancer.audit import remembered as recall
from remembrancer.audit.gather import stamps
from remembrancer.audit.recorded import ABSENT, HELD, Checker, Task
from remembrancer.audit.session import Session
from remembrancer.errors import Rejected, RemembrancerError, counted
from remembrancer.findings import Finding, negative, positive
from remembrancer.paths import LEDGER, POLICY, RECEIPTS
from remembrancer.receipt import decided
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.reader import Repository
from remembrancer.system.files import trouble
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.verify.evidence import Entry
from remembrancer.verify.log import LogView, check_stamp

Progress = Callable[[int, int], None]

GENERATIONS = ("spawn", "update")
_RECORD = re.compile(r"ADR-([0-9]{3,5})-.+\.md")


@dataclass
class Whole:
    """The result of an audit: findings, counts for the report, and notices."""

    findings: list[Finding]
    counts: dict[str, int]
    notices: list[str] = field(default_factory=list)


@lru_cache(maxsize=1)
def _checker(task: Task) -> Checker:
    return Checker(task)


def collect(task: Task, index: int, receipt: Receipt, blobs: Mapping[str, bytes]) -> tuple[str, object] | None:
    """Judge one sealed receipt, possibly in another process; returns (what it counts as, what is kept of it)."""
    if receipt.kind in HELD:
        entry = Entry(receipt, index, None)
        try:
            return _checker(task).one(entry, blobs), None
        except RemembrancerError as error:
            return "failed", negative(HELD[receipt.kind], entry.path, error)
    if receipt.kind == "adr":
        return "adr", decided.fact(receipt)
    if receipt.kind == "trust":
        return "trust", (int(receipt.predicate["policyVersion"]), receipt.subject[0].sha256)
    if receipt.kind in GENERATIONS:
        try:
            manifest = receipt.predicate["manifest"]
            digest = str(manifest["sha256"])
            manifests.read(blobs[digest] if digest in blobs else _checker(task).repository.blob(digest), manifest)
        except RemembrancerError as error:
            return "failed", negative("standard", Entry(receipt, index, None).path, error)
    return receipt.kind, None


def audit_everything(
    session: Session, trusted: Trusted, view: LogView, *, kept: bytes | None, progress: Progress
) -> Whole:
    """Audit a ledger whose checkpoint is verified. `kept` is a signed checkpoint from `--since`, or None.

    Raises EnvironmentTrouble, and Rejected `trust.policy-signature` when the policy's file has changed since it was
    verified.
    """
    repository = session.repository
    text = repository.read(POLICY)
    if hashlib.sha256(text).hexdigest() != trusted.policy.digest:
        raise Rejected("trust.policy-signature", f"{POLICY} is not the file that was verified a moment ago")
    task = Task(repository.root, text, trusted.owner, session.clock.now())
    result = session.ledger.audit(view.size, partial(collect, task), progress=progress)
    counts = Counter(what for what, _ in result.collected)
    problems = [*result.problems]
    if result.root != view.root:
        message = f"the entries give the root {result.root.hex()}, the signed one is {view.root.hex()}"
        problems.append(negative("audit", f"{LEDGER}/checkpoint", Rejected("log.root", message)))
    problems += [one for what, one in result.collected if what == "failed" and isinstance(one, Finding)]
    problems += _texts(repository, [one for what, one in result.collected if what == "adr"])
    problems += _policy(trusted, [one for what, one in result.collected if what == "trust"])
    problems += _stamps(view, repository, trusted, counts)
    notices = [f"{one.subject}: {one.message}" for one in result.notices]
    whole = Whole([*_summary(view, counts, problems), *problems], dict(counts), notices)
    older, said = _append_only(session, view, trusted.policy, kept)
    whole.findings += older
    whole.notices += said
    return whole


def _texts(repository: Repository, recorded: list[object]) -> list[Finding]:
    """Compare each decision record with the newest receipt about it, and their numbers with each other."""
    facts = [one for one in recorded if isinstance(one, decided.Fact)]
    newest = decided.in_force(facts)
    found = []
    for one in decided.unfounded(facts):
        message = f"{one.path} is recorded as renumbered from {one.former_path}, but no receipt bound that text there"
        found.append(negative("receipts", one.path, Rejected("receipt.text", message)))
    for path, one in sorted(newest.items()):
        try:
            data = repository.read(path)
        except FileNotFoundError:
            wrong = "is recorded but missing" if one.path == path else ""
        except Rejected as error:
            found.append(negative("receipts", path, error))
            continue
        else:
            if one.path != path:
                wrong = f"is here again, although it was renumbered to {one.path}"
            else:
                same = hashlib.sha256(data).hexdigest() == one.text
                wrong = "" if same else "is not the text that its newest receipt binds"
        if wrong:
            found.append(negative("receipts", path, Rejected("receipt.text", f"{path} {wrong}")))
    return found + _numbers(repository, newest)


def _numbers(repository: Repository, newest: Mapping[str, decided.Fact]) -> list[Finding]:
    """No two records have the same number, whether or not they are recorded yet."""
    named = [
        (int(match[1]), f"{RECEIPTS}/adr/{match[0]}") for match in map(_RECORD.fullmatch, _names(repository)) if match
    ]
    return [
        negative("receipts", last, Rejected("adr.number", f"{first} and {last} have the same number"))
        for first, *_, last in decided.same_number(named, newest)
    ]


def _names(repository: Repository) -> list[str]:
    folder = repository.root / RECEIPTS / "adr"
    with trouble(f"list {folder}"):
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _policy(trusted: Trusted, recorded: list[object]) -> list[Finding]:
    """The policy in force must be the newest one that the log records."""
    # by their versions: receipts of one seal are in the order of their digests
    policies: list[tuple[int, str]] = [one for one in recorded if isinstance(one, tuple)]
    newest = max((version for version, _ in policies), default=0)
    if any(version == newest and digest != trusted.policy.digest for version, digest in policies):
        message = "the policy in force is not the one that the newest trust receipt records"
        return [negative("trust", POLICY, Rejected("trust.unrecorded", message))]
    return []


def _stamps(view: LogView, repository: Repository, trusted: Trusted, counts: Counter[str]) -> list[Finding]:
    """Check every timestamp of a checkpoint that lies beside the ledger."""
    found = []
    for stamp in stamps(repository):
        where = f"{LEDGER}/timestamps/{stamp.size}.{stamp.authority}.tsr"
        if stamp.size > view.size:
            continue
        try:
            check_stamp(view, stamp, trusted)
            counts["stamps"] += 1
        except RemembrancerError as error:
            found.append(negative("stamps", where, error))
    return found


def _summary(view: LogView, counts: Counter[str], problems: list[Finding]) -> list[Finding]:
    """One positive finding for every part that has no problem."""
    failed = {finding.check for finding in problems}
    origin = view.signed.checkpoint.origin
    absent = f", {counts[ABSENT]} not re-checked because the artifact is not here" if counts[ABSENT] else ""
    parts = {
        "audit": (
            "ledger",
            LEDGER,
            f"{counted(view.size, 'receipt')}, their blobs and tiles give the signed root {view.root.hex()}",
        ),
        "signatures": ("signatures", RECEIPTS, f"{counted(counts['signatures'], 'signature')} verified{absent}"),
        "timestamps": ("timestamps", RECEIPTS, f"{counted(counts['timestamps'], 'timestamp')} verified"),
        "stamps": ("stamps", f"{LEDGER}/timestamps", f"{counted(counts['stamps'], 'stamped checkpoint')} verified"),
    }
    return [
        positive(name, subject, message, origin)
        for check, (name, subject, message) in parts.items()
        if check not in failed
    ]


def _append_only(
    session: Session, view: LogView, parsed: Policy, kept: bytes | None
) -> tuple[list[Finding], list[str]]:
    """Everything older that there is to compare with, and notices; it is said when there is nothing."""
    found: list[Finding] = []
    before = recall.compare(view, session.state, session.repository, parsed.seal_branch)
    if before:
        found.append(before)
    if kept is not None:
        found.append(history.since(view, kept, parsed))
    if not found:
        found.append(history.unremembered(view, parsed))
    own, notice = history.committed(view, session.repository, parsed)
    return [*found, *([own] if own else [])], [notice] if notice else []
