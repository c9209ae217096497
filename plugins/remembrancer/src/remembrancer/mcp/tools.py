"""The tools: each opens the repository anew, judges, and returns an answer whose two parts are never mixed."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from remembrancer.adr import decide
from remembrancer.audit.one_receipt import judge_receipt
from remembrancer.audit.session import Session
from remembrancer.audit.travel import make_proof
from remembrancer.audit.verdict import Verdict, judge_artifact, untrusted
from remembrancer.audit.whole import judge_everything
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, Rejected, Unverifiable
from remembrancer.mcp import shapes
from remembrancer.mcp.judge import finding_of, verdict
from remembrancer.mcp.quoted import PASSAGE, WHOLE, clean
from remembrancer.memory import events
from remembrancer.memory.ask import ask
from remembrancer.memory.index import in_memory, refresh
from remembrancer.memory.reflect import reflect
from remembrancer.memory.standing import Proven, Seals, Standing, State
from remembrancer.memory.why import meant
from remembrancer.memory.why import why as touched
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.standard.judge import judge_drift
from remembrancer.verify.asked import Asked

MOST = 100  # items of one answer
LONGEST = 2_000  # characters of a question
_PLACED = ("deploy", "rollout", "rollback")
Item = TypeVar("Item")


class Tools:
    """The answers about one repository. `session` makes a session that remembers nothing, one for each question."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session
        self._index = in_memory()
        self._alone = threading.Lock()
        self._proven = Proven()

    def _open(self) -> tuple[Session, Seals]:
        session = self._session()
        return session, Seals(session, self._proven)

    @staticmethod
    def _now(session: Session) -> str:
        return rfc3339(session.clock.now())

    def query(self, question: str, limit: int = 5) -> shapes.Reply[shapes.Answer]:
        """Ask the recorded decisions and receipts in plain words: why did we choose PostgreSQL?

        Passages come best first, with their section, status and what replaced them; verdict.items says whether each is
        sealed as it stands now. No items means that nothing is recorded about it.
        """
        session, seals = self._open()
        with self._alone:
            refresh(self._index, session.root)
            found = ask(self._index, question[:LONGEST], _limit(limit))
        standings = [seals.of_file(one.path) for one in found]
        items = [
            shapes.Answer(
                path=clean(one.path),
                title=clean(one.title),
                section=clean(one.section),
                passage=clean(one.passage, PASSAGE),
                date=clean(one.date, 40),
                status=clean(one.status, 40),
                replaced_by=clean(one.replaced_by),
            )
            for one in found
        ]
        return self._reply(session, seals, items, standings)

    def why(self, path: str, line: int = 0) -> shapes.Reply[shapes.Event]:
        """Tell what touched a file (a path from the root; with `line` that line) or a component, newest first.

        Decisions, template updates, waivers, versions and Git commits. A commit is quoted, and never sealed.
        """
        session, seals = self._open()
        asked = meant(session, _within(session, path))
        if line and not asked.path:
            raise BadInput("input.file", "a component has no lines")
        rows = touched(session, asked, max(0, line), seals)
        items = [
            shapes.Event(
                at=clean(one.at, 40),
                kind=one.kind,
                event=clean(one.event),
                because=clean(one.how),
                where=clean(one.where),
            )
            for one in rows[:MOST]
        ]
        return self._reply(session, seals, items, [one.standing for one in rows[:MOST]], more=len(rows) - len(items))

    def list_deployments(
        self, component: str = "", environment: str = "", limit: int = 20
    ) -> shapes.Reply[shapes.Deployment]:
        """List releases, deployments and rollbacks, newest first."""
        session, seals = self._open()
        wanted = events.Wanted(_PLACED, component, environment)
        found = [receipt for _, receipt in events.found(session.store, wanted, session.notices)]
        found += [one for one in seals.gone() if one.kind in _PLACED and wanted.includes(one)]
        found.sort(key=lambda one: str(one.predicate["recordedAt"]), reverse=True)
        some = found[: _limit(limit)]
        items = [
            shapes.Deployment(
                at=str(one.predicate["recordedAt"]),
                event=events.placed(one)[0],
                component=clean(str(one.predicate["component"])),
                version=clean(str(one.predicate["version"])),
                environment=events.placed(one)[1],
                sha256=one.subject[0].sha256,
                where=clean(_where(one)),
            )
            for one in some
        ]
        return self._reply(session, seals, items, [seals.of_receipt(one) for one in some], more=len(found) - len(some))

    def list_adrs(self, status: str = "", limit: int = 50) -> shapes.Reply[shapes.Adr]:
        """List the decisions, newest number first; `status` is Accepted, Rejected, Superseded or Draft."""
        session, seals = self._open()
        found = [one for one in decide.records(session.store) if status.lower() in ("", one.adr.status.lower())][::-1]
        some = found[: _limit(limit)]
        items = [
            shapes.Adr(
                path=clean(one.path),
                title=clean(one.adr.heading or one.adr.name),
                status=clean(one.adr.status, 40),
                date=clean(one.adr.date, 40),
            )
            for one in some
        ]
        return self._reply(session, seals, items, [seals.of_decision(one) for one in some], more=len(found) - len(some))

    def timeline(
        self, since: str = "", kind: str = "", component: str = "", limit: int = 50
    ) -> shapes.Reply[shapes.Event]:
        """Tell what was recorded, newest first; `since` is an instant such as 2026-01-31T00:00:00Z."""
        session, seals = self._open()
        kinds = (kind,) if kind else ()
        events.check_kinds(kinds)
        wanted = events.Wanted(kinds, component, "", since)
        found = [receipt for _, receipt in events.found(session.store, wanted, session.notices)]
        found += [one for one in seals.gone() if kind in ("", one.kind) and wanted.includes(one)]
        found.sort(key=lambda one: str(one.predicate["recordedAt"]), reverse=True)
        some = found[: _limit(limit)]
        items = [
            shapes.Event(
                at=str(one.predicate["recordedAt"]),
                kind=one.kind,
                event=clean(events.summary(one)),
                where=clean(_where(one)),
            )
            for one in some
        ]
        return self._reply(session, seals, items, [seals.of_receipt(one) for one in some], more=len(found) - len(some))

    def receipt(self, path: str) -> shapes.Reply[shapes.Text]:
        """Show one receipt (a path below ops/receipts), and judge whether it is in the ledger with whole blobs."""
        session, seals = self._open()
        found, judged, _ = judge_receipt(session, session.root / _within(session, path))
        text = shapes.Text(path=clean(_where(found)), text=clean(found.data.decode(), WHOLE, lines=True))
        return self._reply(session, seals, [text], [seals.of_receipt(found)], judged=judged)

    def verify_artifact(self, path: str, component: str = "", version: str = "") -> shapes.Reply[shapes.Text]:
        """Judge every proof of an artifact (a file of this repository): hash, signature, timestamp, log, checkpoint."""
        session, seals = self._open()
        file = session.root / _within(session, path)
        judged = judge_artifact(session, file, full=True, asked=Asked(component, version))
        return self._reply(session, seals, _about(judged), judged=judged)

    def verify_audit(self) -> shapes.Reply[shapes.Text]:
        """Re-read every receipt, blob and entry of the ledger and recompute everything."""
        session, seals = self._open()
        judged = judge_everything(session, kept=None, watched=_unwatched)
        return self._reply(session, seals, [], judged=judged)

    def drift(self) -> shapes.Reply[shapes.File]:
        """Compare every file of the standard with what the ledger proves that the template rendered."""
        session, seals = self._open()
        judged, compared = judge_drift(session)
        files = [one for one in compared.drift.files if one.code or one.waiver] if compared else []
        items = [shapes.File(path=clean(one.path), layer=one.layer, status=str(one.status)) for one in files[:MOST]]
        return self._reply(session, seals, items, judged=judged, more=len(files) - len(items))

    def proof(self, path: str, component: str = "", version: str = "") -> shapes.Reply[shapes.Text]:
        """Return an artifact's portable proof, which `remembrancer verify-proof` checks offline, if all verifies."""
        session, seals = self._open()
        file = session.root / _within(session, path)
        try:
            judged, data = make_proof(session, file, Asked(component, version))
        except (Rejected, Unverifiable) as error:
            judged, data = untrusted(str(file), error), None
        text = [shapes.Text(path=clean(f"{path}.proof.json"), text=data.decode())] if data else []
        return self._reply(session, seals, text, judged=judged)

    def reflection(self) -> shapes.Reply[shapes.Quantity]:
        """Give the psi-field: continuity, futurity, coherence, entropy, prediction error. It proves nothing."""
        session, seals = self._open()
        receipts = [one for _, one in events.found(session.store, events.Wanted(), session.notices)][::-1]
        size = seals.view.size if seals.view else 0
        sealed = {hashlib.sha256(entry).hexdigest() for _, entry in session.ledger.entries(0, size)} if size else set()
        pending = sum(one.digest not in sealed for one in receipts)
        items = [
            shapes.Quantity(symbol=one.symbol, name=one.name, value=one.value, formula=one.formula, basis=one.basis)
            for one in reflect(receipts, sealed=size, pending=pending)
        ]
        unproven = [Standing(State.UNRECORDED, "", "a reflection is no proof")] * len(items)
        return self._reply(session, seals, items, unproven)

    def document(self, path: str) -> shapes.Reply[shapes.Text]:
        """Return one decision's whole text, by its file's name."""
        session, seals = self._open()
        one = decide.find(session.store, path)
        text = shapes.Text(path=clean(one.path), text=clean(one.data.decode("utf-8", "replace"), WHOLE, lines=True))
        return self._reply(session, seals, [text], [seals.of_decision(one)])

    def held(self, path: str) -> shapes.Reply[shapes.Text]:
        """Return the checkpoint's or the policy's text; the verdict is the one on trust and checkpoint."""
        session, seals = self._open()
        try:
            data = session.repository.read(path)
        except FileNotFoundError:
            raise BadInput("input.file", f"there is no {path}") from None
        text = shapes.Text(path=path, text=clean(data.decode("utf-8", "replace"), WHOLE, lines=True))
        return self._reply(session, seals, [text], needs_items=False)

    def _reply(
        self,
        session: Session,
        seals: Seals,
        items: list[Item],
        standings: list[Standing] | None = None,
        *,
        judged: Verdict | None = None,
        more: int = 0,
        needs_items: bool = True,
    ) -> shapes.Reply[Item]:
        findings = judged.findings if judged else seals.findings
        ours = verdict(
            seals,
            self._now(session),
            findings=findings[:MOST],
            standings=standings or [],
            needs_items=needs_items and judged is None,
            profile=judged.profile if judged else None,
        )
        quoted = shapes.Quoted[Item](
            items=items,
            findings=[finding_of(one) for one in findings[:MOST]],
            notices=[clean(one) for one in session.notices[:20]],
            more=more,
        )
        return shapes.Reply[Item](verdict=ours, quoted=quoted)


def _where(receipt: Receipt) -> str:
    return f"{RECEIPTS}/{relative_path(receipt)}"


def _limit(asked: int) -> int:
    return min(MOST, max(1, asked))


def _within(session: Session, path: str) -> str:
    """Return a path from the root; raises BadInput(input.file) for one that leads out of the repository."""
    if not path or "\0" in path or len(path) > LONGEST:
        raise BadInput("input.file", "the path is empty, or is not a path")
    place = (session.root / path).resolve() if not Path(path).is_absolute() else Path(path).resolve()
    with suppress(ValueError):
        return place.relative_to(session.root).as_posix()
    raise BadInput("input.file", "the path leads out of the repository")


@contextmanager
def _unwatched(size: int) -> Iterator[Callable[[int, int], None]]:  # noqa: ARG001
    yield lambda done, size: None  # noqa: ARG005


def _about(judged: Verdict) -> list[shapes.Text]:
    return [shapes.Text(path=clean(judged.subject), text=clean(judged.about))] if judged.about else []
