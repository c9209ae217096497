"""What a repository says about its standards: answers files, and spawn and update receipts in their order."""

import re
from pathlib import Path

from remembrancer.errors import BadInput, Rejected, RemembrancerError
from remembrancer.named import NamedTuple
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular

MAX_BYTES = 1 << 20  # of an answers file
ANSWERS = {
    "fastapi-service": ".copier-answers.yml",
    "k8s": ".copier-answers.k8s.yml",
    "ci": ".copier-answers.ci.yml",
}


class Answers(NamedTuple):
    """What an answers file says about its origin: path from the root, layer, template source, version."""

    path: str
    layer: str
    source: str
    version: str


def generations(store: Store, layer: str | None = None) -> list[Receipt]:
    """Return the spawn and update receipts in files, oldest first; unreadable ones do not count.

    Of two in the same second the one comes last that no other starts from.
    """
    found = []
    for kind in ("spawn", "update"):
        for name in store.walk(kind):
            try:
                one = store.read_receipt(name)
            except RemembrancerError:
                continue
            if layer in (None, one.predicate["layer"]):
                found.append(one)
    return in_order(found)


def in_order(found: list[Receipt]) -> list[Receipt]:
    """Return generations by time; of those of one second, the one that nothing starts from last."""
    begun = {one.predicate["from"]["commit"] for one in found if one.kind == "update"}
    return sorted(
        found,
        key=lambda one: (
            one.predicate["recordedAt"],
            one.predicate["template"]["commit"] not in begun,
            "resolvedAt" in one.predicate,
            one.digest,
        ),
    )


def answers_of(root: Path, given: str | None = None) -> list[Answers]:
    """Return the answers files of this collection in a repository, or the given one.

    Raises BadInput(input.answers) when there is none, or the given one is not of this collection.
    """
    names = [name for name in ANSWERS.values() if given in (None, name)]
    found = [answers for name in names for answers in answers_in(root, name)]
    if not found:
        where = given or ", ".join(ANSWERS.values())
        raise BadInput("input.answers", f"there is no answers file of this collection ({where})")
    return found


def answers_in(root: Path, name: str) -> list[Answers]:
    """Return what an answers file says, as a list of one; none where there is none, or it is another template's.

    Raises Rejected(input.file, receipt.size) for a link, a folder or a file that no questions could fill.
    """
    try:
        data = read_regular(root / name, MAX_BYTES)
    except FileNotFoundError:
        return []
    if len(data) > MAX_BYTES:
        raise Rejected("receipt.size", f"{name} is larger than {MAX_BYTES} bytes")
    answers = answers_said(name, data.decode("utf-8", "replace"))
    return [answers] if answers else []


def answers_said(name: str, text: str) -> Answers | None:
    """Return what the text of an answers file says, or None where it is another template's."""
    pairs = re.findall(r"^(_src_path|_commit|applied_layer|layer): ['\"]?([^'\"\n]+)", text, re.MULTILINE)
    said: dict[str, str] = dict(pairs)
    layer = said.get("layer", said.get("applied_layer", ""))
    if ANSWERS.get(layer) != name or not {"_src_path", "_commit"} <= said.keys():
        return None
    return Answers(name, layer, said["_src_path"], said["_commit"])
