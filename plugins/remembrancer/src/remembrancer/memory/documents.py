"""What can be asked about: every decision and every receipt as a document of titled parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remembrancer.adr import form as adr
from remembrancer.errors import RemembrancerError
from remembrancer.memory import events
from remembrancer.memory.sources import ADR
from remembrancer.receipt.decided import path_of
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse
from remembrancer.system.files import read_regular

PARTS = ("Context", "Decision", "Consequences", "More")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its path from the root, its kind, what it is called, its status and day, and its parts.

    `parts` are the texts of PARTS; the last one holds whatever has no part of its own. `number` is a decision's (else
    0), and `replaces` the numbers of the decisions that it says it replaces. For a receipt about a decision, `about`
    is its path, `at` when it was recorded, and `replaced_by` the path of the one that replaces it, or its number
    where the receipt does not say more.
    """

    path: str
    kind: str
    title: str
    status: str
    date: str
    parts: tuple[str, str, str, str]
    number: int = 0
    replaces: tuple[int, ...] = ()
    replaced_by: str = ""
    about: str = ""
    at: str = ""


def read(root: Path, paths: list[str]) -> Iterator[Document]:
    """Yield the documents in some files; what cannot be read as what its place says is left to verify-audit."""
    for path in paths:
        try:
            data = read_regular(root / path, adr.MAX_BYTES if path.endswith(".md") else MAX_BYTES)
            yield _decision(path, data) if path.endswith(".md") else _receipt(path, parse(data))
        except (RemembrancerError, OSError):
            continue


def _decision(path: str, data: bytes) -> Document:
    one = adr.read(path.rpartition("/")[2], data)
    more = [one.fields.get("Verification", ""), *(f"{heading}\n{text}" for heading, text in one.sections)]
    return Document(
        path,
        ADR,
        one.heading or one.name,
        one.status,
        one.date,
        (
            one.fields.get("Context", ""),
            one.fields.get("Decision", ""),
            one.fields.get("Consequences", ""),
            "\n".join(part for part in more if part),
        ),
        one.number,
        one.supersedes,
    )


def _receipt(path: str, receipt: Receipt) -> Document:
    said = receipt.predicate
    return Document(
        path,
        f"{ADR} receipt" if receipt.kind == ADR else receipt.kind,
        events.summary(receipt),
        "",
        str(said["recordedAt"])[:10],
        ("", "", "", " ".join([receipt.kind, receipt.subject[0].name, receipt.subject[0].sha256, *_texts(said)])),
        int(said["number"]) if receipt.kind == ADR else 0,
        (),
        _replaced_by(said),
        receipt.subject[0].name if receipt.kind == ADR else "",
        str(said["recordedAt"]),
    )


def _replaced_by(said: Mapping[str, Any]) -> str:
    if "supersededBySlug" in said:
        return path_of(said["supersededBy"], said["supersededBySlug"])
    return str(said.get("supersededBy", ""))


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings in a receipt, in the order in which it states them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
