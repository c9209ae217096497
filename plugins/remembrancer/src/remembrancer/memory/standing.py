"""Where what is recorded stands now: sealed under the checkpoint that is trusted here, pending, edited, or unknown.

Answers quote files that anybody may have changed since they were sealed. So each is compared with the log when it is
given: only the exact bytes of a leaf, proven under the signed root, are called sealed, and a decision only while its
text is the one that the newest receipt about it binds, wherever that receipt is: in a file or in the log alone.
"""

import glob
import hashlib
import re
from contextlib import suppress
from enum import StrEnum
from functools import cached_property

from remembrancer.adr import form as adr
from remembrancer.adr.decide import EDITED, MOVED, UNRECORDED, Record, newest_of
from remembrancer.audit.gather import open_ledger
from remembrancer.audit.remembered import compare
from remembrancer.audit.session import Session
from remembrancer.audit.verdict import policy_in_log
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.findings import Finding, Outcome, negative, positive
from remembrancer.ledger.sealed import deploy_name
from remembrancer.named import NamedTuple
from remembrancer.paths import CHECKPOINT, POLICY, RECEIPTS
from remembrancer.receipt import decided
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.system.files import read_regular
from remembrancer.verify.artifact import trust_finding
from remembrancer.verify.log import LogView

_ADR = "receipt/adr/v1"
_NAMED = re.compile(r"([0-9a-f]{64})\.receipt$")


class Proven:
    """What was proven under a root, for the next question: the tree below a root never says anything else.

    `decided` maps a root to the newest receipt about each decision; `current` holds roots with policies (SHA-256, hex)
    that no receipt of the tree is newer than.
    """

    def __init__(self) -> None:
        self.decided: dict[bytes, dict[str, Receipt]] = {}
        self.current: set[tuple[bytes, str]] = set()


class State(StrEnum):
    """Sealed (proven), pending (recorded only), unrecorded (nothing binds it), failed, unproven (no trust to judge)."""

    SEALED = "sealed"
    PENDING = "pending"
    UNRECORDED = "unrecorded"
    FAILED = "failed"
    UNPROVEN = "unproven"


class Standing(NamedTuple):
    """How one thing stands: the state, its reason code (`inclusion.ok` where it is sealed), one sentence, the receipt
    that binds it ("" for none) and its leaf."""

    state: State
    code: str
    message: str
    receipt: str = ""
    leaf: int | None = None


class Seals:
    """The log of a session's repository under its user's trust, opened once for one question."""

    def __init__(self, session: Session, proven: Proven | None = None) -> None:
        """Open it. `findings` are the verdict on trust and checkpoint; nothing is raised but EnvironmentTrouble.

        `proven` keeps what was proven under a root for the next question: a tree never says anything else.
        """
        self._session = session
        self._proven = proven or Proven()
        self._gone: dict[str, Receipt] = {}
        self.view: LogView | None = None
        self.profile = ""
        self.trouble: RemembrancerError | None = None
        self.findings: list[Finding] = []
        try:
            trusted = session.trusted()
        except (Rejected, Unverifiable) as error:
            self.trouble = error
            self.findings.append(negative("trust", POLICY, error))
            return
        self.profile = str(trusted.policy.profile)
        self.findings.append(trust_finding(trusted))
        log = open_ledger(session.repository, trusted.policy)
        if log.view is None:
            self.trouble = log.trouble or Rejected("log.missing", "there is no ledger")
            self.findings.append(negative("checkpoint", CHECKPOINT, self.trouble))
            return
        self.view = log.view
        said = log.view.signed.checkpoint
        self.findings.append(
            positive("checkpoint", CHECKPOINT, f"size {said.size}, root {said.root.hex()[:16]}...", said.origin)
        )
        before = compare(log.view, session.state, session.repository, trusted.policy.seal_branch)
        if before is not None:
            self.findings.append(before)
            if before.outcome is Outcome.FAILED:
                self.trouble = Rejected(before.code, before.message)
                return
        if (log.view.root, trusted.policy.digest) in self._proven.current:
            return
        try:
            if older := policy_in_log(session, trusted, log):
                self.trouble = Rejected(older[0].code, older[0].message)
                self.findings += older
                return
            self._proven.current.add((log.view.root, trusted.policy.digest))
        except Rejected as error:
            self.trouble = error
            self.findings.append(negative("checkpoint", CHECKPOINT, error))

    def gone(self) -> list[Receipt]:
        """Return the receipts of the log that have no file any more: they happened, whatever the folder says now."""
        if self.view is None:
            return []
        store, size = self._session.store, self.view.size
        named = {found[1] for name in store.receipts() if (found := _NAMED.search(name))}
        try:
            for _, entry in self._session.ledger.entries(0, size):
                if hashlib.sha256(entry).hexdigest() in named:
                    continue
                receipt = parse(entry)
                if not (store.receipts_dir / relative_path(receipt)).is_file():
                    self._gone[receipt.digest] = receipt
        except RemembrancerError as error:
            self._session.notice(f"the ledger could not be read: {error.message} [{error.code}]")
        return list(self._gone.values())

    def of_receipt(self, receipt: Receipt) -> Standing:
        """Return how a receipt stands that was read from its file just now, or that `gone` returned."""
        where = f"{RECEIPTS}/{relative_path(receipt)}"
        if receipt.digest in self._gone:
            return Standing(State.FAILED, "receipt.missing", f"{where} is sealed, and its file is gone", where)
        if self.trouble is not None or self.view is None:
            return self._unknown(where)
        try:
            leaf = self._session.ledger.index_of(receipt.data)
            if leaf is None:
                return self._outside(receipt, where)
            self.view.includes(receipt.data, leaf, where)
        except RemembrancerError as error:
            state = State.PENDING if error.code == "log.unwitnessed" else State.FAILED
            return Standing(state, error.code, error.message, where)
        message = f"leaf {leaf} of the tree of size {self.view.size}"
        return Standing(State.SEALED, "inclusion.ok", message, where, leaf)

    def of_file(self, path: str) -> Standing:
        """Return how a decision or a receipt stands, by its path from the root; what cannot be read has failed."""
        try:
            if path.endswith(".md"):
                return self.decision(path)
            return self.of_receipt(self._session.store.read_receipt(path.removeprefix(f"{RECEIPTS}/")))
        except RemembrancerError as error:
            return Standing(State.FAILED, error.code, error.message, path)
        except FileNotFoundError:
            return Standing(State.FAILED, "receipt.missing", f"{path} is gone", path)

    def decision(self, path: str) -> Standing:
        """Return how the text of one decision stands, read from its file now; see `of_decision`.

        Raises Rejected(input.file), FileNotFoundError.
        """
        data = read_regular(self._session.root / path, adr.MAX_BYTES)
        name = path.rpartition("/")[2]
        about = []
        for file in (self._session.store.receipts_dir / "adr").glob(
            f"{glob.escape(name.removesuffix('.md'))}.*.receipt"
        ):
            with suppress(RemembrancerError):
                about.append(self._session.store.read_receipt(file))
        with suppress(RemembrancerError):  # what is wrong with the log, `of_decision` says
            last = self._decided.get(path)
            if last is not None and (self._session.store.receipts_dir / relative_path(last)).is_file():
                about.append(last)
        return self.of_decision(Record(path, data, adr.read(name, data), newest_of(about).get(path)))

    def of_decision(self, record: Record) -> Standing:
        """Return how the text of a decision stands that was read from its file just now."""
        newest = record.newest
        try:
            last = self._decided.get(record.path)
        except RemembrancerError as error:
            return Standing(State.FAILED, error.code, error.message)
        if last is not None and (newest is None or decided.fact(last) > decided.fact(newest)):
            where = f"{RECEIPTS}/{relative_path(last)}"
            return Standing(State.FAILED, "receipt.missing", f"{where} is sealed, and its file is gone", where)
        if newest is None or record.recorded == UNRECORDED:
            return Standing(State.UNRECORDED, "adr.unrecorded", f"no receipt binds {record.path}")
        where = f"{RECEIPTS}/{relative_path(newest)}"
        if record.recorded == EDITED:
            return Standing(State.FAILED, "adr.edited", f"{record.path} was edited after it was recorded", where)
        if record.recorded == MOVED:
            message = f"{record.path} was renumbered to {newest.subject[0].name}"
            return Standing(State.FAILED, "adr.number", message, where)
        return self.of_receipt(newest)

    @cached_property
    def _decided(self) -> dict[str, Receipt]:
        """The newest receipt about each decision that the log itself holds, proven to be in it."""
        if self.trouble is not None or self.view is None:
            return {}
        if self.view.root in self._proven.decided:
            return self._proven.decided[self.view.root]
        found = {}
        for entry in self._session.repository.sealed_about([_ADR], self.view.size):
            if entry.receipt.kind == "adr" and entry.index is not None:
                found[entry.receipt.digest] = entry
        newest = decided.in_force(decided.fact(one.receipt) for one in found.values())
        for fact in newest.values():
            one = found[fact.digest]
            try:
                self.view.includes(one.receipt.data, one.index or 0, one.path)
            except Rejected as error:
                if error.code != "log.unwitnessed":  # that says it of the decision alone, when it is asked about
                    raise
        self._proven.decided.clear()
        self._proven.decided[self.view.root] = {path: found[fact.digest].receipt for path, fact in newest.items()}
        return self._proven.decided[self.view.root]

    def _outside(self, receipt: Receipt, where: str) -> Standing:
        """Return how a receipt stands that is not a leaf: another one may be sealed under its name."""
        if receipt.kind == "deploy" and self.view is not None:
            name = relative_path(receipt)
            for _, entry in self._session.ledger.entries(0, self.view.size):
                if deploy_name(entry) == name:
                    message = f"{where} has other bytes than those that were sealed"
                    return Standing(State.FAILED, "receipt.edited", message, where)
        return Standing(State.PENDING, "log.pending", f"{where} is recorded but not in the ledger", where)

    def _unknown(self, where: str) -> Standing:
        trouble = self.trouble or Rejected("log.missing", "there is no ledger")
        state = State.UNPROVEN if isinstance(trouble, Unverifiable) else State.FAILED
        return Standing(state, trouble.code, trouble.message, where)
