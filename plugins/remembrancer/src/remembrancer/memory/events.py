"""What happened, as rows that people list and filter: one for each receipt, taken from the files and not judged."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remembrancer.errors import BadInput, Rejected
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.record.statements import DEFAULT_ENVIRONMENT
from remembrancer.repository.store import Store

Said = Mapping[str, Any]
_NAMED = re.compile(r"([0-9a-f]{64})\.receipt$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which receipts are meant; an empty value means every one. `since` and `until` are instants in RFC 3339."""

    kinds: tuple[str, ...] = ()
    component: str = ""
    environment: str = ""
    since: str = ""
    until: str = ""

    def includes(self, receipt: Receipt) -> bool:
        """Say whether a receipt is meant; one without a component or an environment is of none."""
        said = receipt.predicate
        at = str(said["recordedAt"])
        return (
            self.component in ("", said.get("component"))
            and self.environment in ("", said.get("environment"))
            and self.since <= at
            and (not self.until or at <= self.until)
        )


def check_kinds(kinds: tuple[str, ...], known: tuple[str, ...] = tuple(KINDS)) -> None:
    """Raise BadInput(input.kind) for a kind that there is not."""
    for kind in kinds:
        if kind not in known:
            raise BadInput("input.kind", f"there is no kind {kind[:60]!r}; the kinds are {', '.join(sorted(known))}")


def found(store: Store, wanted: Wanted, notices: list[str]) -> Iterator[tuple[str, Receipt]]:
    """Yield path (from the root) and receipt, newest first; unreadable files become notices."""
    rows = []
    for kind in wanted.kinds or KINDS:
        for name in store.walk(kind):
            if not name.endswith(".receipt"):
                continue
            try:
                receipt = store.read_receipt(name)
            except Rejected as error:
                notices.append(f"{error.message} [{error.code}]")
                continue
            if wanted.includes(receipt):
                rows.append((f"{RECEIPTS}/{name}", receipt))
    rows.sort(key=lambda row: (str(row[1].predicate["recordedAt"]), row[0]), reverse=True)
    yield from rows


def placed(receipt: Receipt) -> tuple[str, str | None]:
    """Return what a deploy, rollout or rollback receipt is to people (release, deployment, rollback), and where.

    A version that is recorded for no environment is a release; its receipt says so by the name of none.
    """
    environment = str(receipt.predicate["environment"])
    where = None if environment == DEFAULT_ENVIRONMENT else environment
    if receipt.kind == "rollback":
        return "rollback", where
    return ("deployment" if where else "release"), where


def _deploy(receipt: Receipt, said: Said) -> str:
    _, where = placed(receipt)
    return f"{said['component']} {said['version']} {f'into {where}' if where else 'released'}"


def gone(store: Store, sealed: Iterable[bytes]) -> Iterator[str]:
    """Yield the path (from the root) of each receipt of the log that has no file; `sealed` are the log's entries."""
    named = {found[1] for name in store.receipts() if (found := _NAMED.search(name))}
    for entry in sealed:
        if hashlib.sha256(entry).hexdigest() in named:
            continue
        path = relative_path(parse(entry))
        if not (store.receipts_dir / path).is_file():
            yield f"{RECEIPTS}/{path}"


def summary(receipt: Receipt) -> str:
    """Return what a receipt states, as one sentence without its subject's digest."""
    return _SENTENCES[receipt.kind](receipt, receipt.predicate)


def _rollback(_: Receipt, said: Said) -> str:
    gone = f" from {said['fromVersion']}" if "fromVersion" in said else ""
    return f"{said['component']}{gone} back to {said['version']} in {said['environment']}: {said['reason']}"


def _update(_: Receipt, said: Said) -> str:
    before, after = said["from"]["version"], said["template"]["version"]
    return f"{said['component']} updated, layer {said['layer']} from {before} to {after}"


def _adr(_: Receipt, said: Said) -> str:
    by = f" by ADR-{said['supersededBy']:03d}" if "supersededBy" in said else ""
    return f"ADR-{said['number']:03d} {said['title']}: {said['status']}{by}"


_SENTENCES: dict[str, Callable[[Receipt, Said], str]] = {
    "deploy": _deploy,
    "rollout": _deploy,
    "rollback": _rollback,
    "spawn": lambda _, said: f"{said['component']} generated, layer {said['layer']} at {said['template']['version']}",
    "update": _update,
    "adr": _adr,
    "trust": lambda _, said: f"policy version {said['policyVersion']}: {said['action']}",
    "sign": lambda one, said: f"{one.subject[0].name} signed by {said['fingerprint']}",
    "timestamp": lambda one, said: f"{one.subject[0].name} existed at {said['genTime']}, says {said['authority']}",
    "aside": lambda one, said: f"{one.subject[0].name} set aside: {said['reason']}",
    "waiver": lambda one, said: f"{one.subject[0].name}: {said['reason']}, until {said['expires']}",
}


def actor(receipt: Receipt) -> str:
    """Return who did it, as the receipt claims; empty where it does not say."""
    said = receipt.predicate
    return str(said.get("recordedBy") or said.get("fingerprint") or said.get("authority") or "")
