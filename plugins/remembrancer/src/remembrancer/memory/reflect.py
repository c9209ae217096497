"""Five quantities over a ledger, by the formulas that the assistants' rules publish (psi-field-awareness.md).

Pure: receipts and two counts come in, numbers come out. A quantity that too little data defines is unknown, never
guessed. Times are those that receipts state (recordedAt), so this reflects and proves nothing; proving is verify-audit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log2

from remembrancer.clock import parse_rfc3339
from remembrancer.named import NamedTuple
from remembrancer.receipt.statement import Receipt
from remembrancer.record.statements import DEFAULT_ENVIRONMENT

NAMES: Mapping[str, str] = {
    "C": "continuity",
    "U": "futurity",
    "Φ": "phase coherence",
    "H": "temporal entropy",
    "PE": "prediction error",
}
FORMULAS: Mapping[str, str] = {
    "C": "C = kept links / links",
    "U": "U = places with an earlier version / places",
    "Φ": "Φ = mean over parts of 1 / (1 + lag)",
    "H": "H = -Σ p(b)·log2 p(b) / log2 n",
    "PE": "PE = mean over i ≥ 2 of |d(i) - m(i)| / max(d(i), m(i))",
}


class Quantity(NamedTuple):
    """One quantity: its value from 0 to 1, or None when it is unknown, and what it was computed from."""

    symbol: str
    value: float | None
    basis: str

    @property
    def name(self) -> str:
        """Return the name in words."""
        return NAMES[self.symbol]

    @property
    def formula(self) -> str:
        """Return the published formula."""
        return FORMULAS[self.symbol]


def reflect(receipts: Sequence[Receipt], *, sealed: int, pending: int) -> tuple[Quantity, ...]:
    """Return the five quantities of a ledger.

    `receipts` are the readable ones, oldest first; `sealed` is the size that the checkpoint states, and `pending` how
    many recorded receipts wait for a seal.
    """
    gaps = list(intervals(receipts))
    pooled = [gap for row in gaps for gap in row]
    return (
        continuity(receipts, sealed, pending),
        futurity(receipts),
        coherence(receipts),
        entropy(pooled),
        prediction_error(gaps),
    )


def continuity(receipts: Sequence[Receipt], sealed: int, pending: int) -> Quantity:
    """C = kept links / links.

    Every leaf of the log and every pending receipt is a link, kept when the receipt's file is here and sealed. Every
    reference to an earlier receipt (update, trust, rollout, rollback) is one more, kept when that receipt is here.
    """
    bound = max(0, len(receipts) - pending)
    references = list(_references(receipts))
    links = max(sealed, bound) + pending + len(references)
    kept = min(bound, sealed) + sum(references)
    if not links:
        return Quantity("C", None, "nothing is recorded")
    return Quantity("C", kept / links, f"{kept} of {links} links are kept")


def _references(receipts: Sequence[Receipt]) -> Iterator[bool]:
    commits: set[tuple[str, str, str]] = set()
    policies: set[str] = set()
    versions: set[tuple[str, str, str]] = set()
    for receipt in receipts:
        said = receipt.predicate
        if receipt.kind in ("spawn", "update"):
            commits.add((said["component"], said["layer"], said["template"]["commit"]))
        elif receipt.kind == "trust":
            policies.add(said["policy"])
        elif receipt.kind == "deploy":
            versions.add((said["component"], said["version"], said["artifact"]["sha256"]))
    for receipt in receipts:
        said = receipt.predicate
        if receipt.kind == "update":
            before = (said["from"]["commit"], said["from"].get("movedTo"))
            yield any((said["component"], said["layer"], commit) in commits for commit in before)
        elif receipt.kind == "trust" and "previous" in said:
            yield said["previous"] in policies
        elif receipt.kind in ("rollout", "rollback"):
            yield (said["component"], said["version"], said["artifact"]["sha256"]) in versions


def _versions(receipts: Sequence[Receipt]) -> dict[str, list[str]]:
    """Return each component's versions, in the order in which they were first recorded."""
    found: dict[str, list[str]] = {}
    for receipt in receipts:
        if receipt.kind == "deploy":
            found.setdefault(receipt.predicate["component"], []).append(receipt.predicate["version"])
    return found


def _places(receipts: Sequence[Receipt]) -> dict[tuple[str, str], str]:
    """Return which version each component has in each environment now."""
    return {
        (one.predicate["component"], one.predicate["environment"]): one.predicate["version"]
        for one in receipts
        if one.kind in ("deploy", "rollout", "rollback")
    }


def futurity(receipts: Sequence[Receipt]) -> Quantity:
    """U = places with an earlier version / places.

    A place is a component in an environment. It has a grip on what may come when an earlier version than the one it
    runs is recorded, which a rollback could go to.
    """
    versions, places = _versions(receipts), _places(receipts)
    if not places:
        return Quantity("U", None, "nothing is deployed")
    ready = sum(version in versions.get(component, [])[1:] for (component, _), version in places.items())
    return Quantity("U", ready / len(places), f"{ready} of {len(places)} places have an earlier version to go back to")


def coherence(receipts: Sequence[Receipt]) -> Quantity:
    """Φ = mean over parts of 1 / (1 + lag).

    A part is a layer of a component (its lag counts the template versions that reached a layer here after the one it
    has) or a component in an environment other than "release" (its lag counts the versions recorded after its own).
    """
    templates: list[str] = []
    layers: dict[tuple[str, str], str] = {}
    for receipt in receipts:
        if receipt.kind in ("spawn", "update"):
            commit = receipt.predicate["template"]["commit"]
            if commit not in templates:
                templates.append(commit)
            layers[receipt.predicate["component"], receipt.predicate["layer"]] = commit
    lags = [len(templates) - 1 - templates.index(commit) for commit in layers.values()]
    versions = _versions(receipts)
    for (component, environment), version in _places(receipts).items():
        known = versions.get(component, [])
        if environment != DEFAULT_ENVIRONMENT and version in known:
            lags.append(len(known) - 1 - known.index(version))
    if len(lags) < 2:
        return Quantity("Φ", None, "fewer than 2 parts that could be in step")
    return Quantity("Φ", _mean([1 / (1 + lag) for lag in lags]), f"{lags.count(0)} of {len(lags)} parts are up to date")


def intervals(receipts: Sequence[Receipt]) -> Iterator[list[int]]:
    """Yield, for each component, the seconds between the deploy receipts of its consecutive versions."""
    times: dict[str, list[float]] = {}
    for receipt in receipts:
        if receipt.kind == "deploy":
            at = parse_rfc3339(str(receipt.predicate["recordedAt"])).timestamp()
            times.setdefault(receipt.predicate["component"], []).append(at)
    for row in times.values():
        yield [int(later - earlier) for earlier, later in pairwise(row)]


def entropy(gaps: Sequence[int]) -> Quantity:
    """H = -Σ p(b)·log2 p(b) / log2 n.

    n is the number of intervals, and p(b) the share of them in class b: 0 seconds, 1, 2–3, 4–7 and so on, doubling.
    """
    if len(gaps) < 2:
        return Quantity("H", None, "fewer than 2 intervals between versions")
    shares = [count / len(gaps) for count in Counter(gap.bit_length() for gap in gaps).values()]
    value = -sum(share * log2(share) for share in shares) / log2(len(gaps))
    return Quantity("H", min(1.0, max(0.0, value)), f"{len(gaps)} intervals in {len(shares)} classes of length")


def prediction_error(gaps: Sequence[Sequence[int]]) -> Quantity:
    """PE = mean over i ≥ 2 of |d(i) - m(i)| / max(d(i), m(i)).

    d(i) is a component's i-th interval, and m(i), what was expected, the median of those before it. 0 / 0 counts as 0.
    """
    errors = []
    for row in gaps:
        for index in range(1, len(row)):
            expected, real = _median(row[:index]), row[index]
            errors.append(abs(real - expected) / max(real, expected) if real or expected else 0.0)
    if not errors:
        return Quantity("PE", None, "no component has 2 intervals between versions")
    return Quantity("PE", _mean(errors), f"{len(errors)} intervals against the median of those before")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _median(values: Sequence[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2
