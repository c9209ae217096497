"""One receipt judged: its blobs are whole, and it is a leaf of the signed ledger."""

from pathlib import Path

from remembrancer.audit.gather import open_ledger
from remembrancer.audit.session import Session
from remembrancer.audit.verdict import Verdict, untrusted
from remembrancer.errors import BadInput, Rejected, RemembrancerError, Unverifiable
from remembrancer.findings import negative, positive
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.verify.artifact import check_inclusion, trust_finding
from remembrancer.verify.evidence import Entry


class Judged(NamedTuple):
    """A receipt, the verdict on it, and its leaf in the log (None: not sealed, or no trust to say so)."""

    receipt: Receipt
    verdict: Verdict
    leaf: int | None


def judge_receipt(session: Session, path: Path) -> Judged:
    """Read and judge the receipt in a file, named from the working directory or from the repository's root.

    Raises BadInput(input.file), Rejected when it is no receipt of this place, EnvironmentTrouble.
    """
    absolute = path if path.is_absolute() else Path.cwd() / path
    if not absolute.is_file() and (session.root / path).is_file():
        absolute = session.root / path
    below = absolute.resolve().is_relative_to(session.root / RECEIPTS)
    if not absolute.is_file() or not below:
        what = "a folder" if absolute.is_dir() else f"not below {RECEIPTS}"
        said = f"{path} is {what}" if absolute.exists() else f"there is no file {path}"
        raise BadInput("input.file", said, f"Name a file below {RECEIPTS}; `remembrancer list receipts` shows each.")
    found = session.store.read_receipt(absolute)
    where = f"{RECEIPTS}/{relative_path(found)}"
    try:
        for digest in found.blobs:
            session.repository.blob(digest)
        blobs = positive("blobs", where, f"{len(found.blobs)} blobs are whole")
    except RemembrancerError as error:
        blobs = negative("blobs", where, error)
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        verdict = untrusted(str(path), error)
        return Judged(found, verdict._replace(findings=[*verdict.findings, blobs]), None)
    log = open_ledger(session.repository, trusted.policy)
    index = None if log.view is None else session.ledger.index_of(found.data)
    inclusion = check_inclusion(log, [Entry(found, index, found.data)])
    if index is not None and log.view is not None and inclusion.code == "inclusion.ok":
        inclusion = positive(
            "inclusion", where, f"leaf {index} of the tree of size {log.view.size}", log.view.signed.checkpoint.origin
        )
    findings = [trust_finding(trusted), blobs, inclusion]
    return Judged(found, Verdict(str(path), findings, str(trusted.policy.profile)), index)
