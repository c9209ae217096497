"""What the receipts about decisions say together: which one binds each record, and where a renumbered one went.

Pure. A record is known by its path, that is by its number and its slug. Two branches may give one number to two
decisions, and Git merges both without a conflict: each keeps its own receipts, and nobody is accused of an edit.
"""

from collections.abc import Iterable, Mapping, Sequence

from remembrancer.named import NamedTuple
from remembrancer.receipt.statement import Receipt


class Fact(NamedTuple):
    """What one adr receipt states; `former` is 0 and `bound` "" unless it renumbers a record.

    Facts order by their times: receipts of one seal are in the order of their digests.
    """

    at: str
    digest: str
    number: int
    slug: str
    status: str
    text: str
    former: int
    bound: str

    @property
    def path(self) -> str:
        """The record's path from the root."""
        return path_of(self.number, self.slug)

    @property
    def former_path(self) -> str:
        """The path that a renumbered record had before, or ""."""
        return path_of(self.former, self.slug) if self.former else ""


def path_of(number: int, slug: str) -> str:
    """Return a record's path from the root of its repository."""
    return f"ops/receipts/adr/ADR-{number:03d}-{slug}.md"


def fact(receipt: Receipt) -> Fact:
    """Return what an adr receipt states."""
    said = receipt.predicate
    former = said.get("formerly", {"number": 0, "text": ""})
    return Fact(
        str(said["recordedAt"]),
        receipt.digest,
        int(said["number"]),
        str(said["slug"]),
        str(said["status"]),
        str(said["text"]),
        int(former["number"]),
        str(former["text"]),
    )


def in_force(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Return the newest fact about each path; where its own path is another one, the record went there."""
    newest: dict[str, Fact] = {}
    for one in sorted(facts):
        newest[one.path] = one
        if one.former:
            newest[one.former_path] = one
    return newest


def unfounded(facts: Iterable[Fact]) -> list[Fact]:
    """Return the renumberings of a text that no earlier receipt bound, with that status, under the former number."""
    earlier: set[tuple[str, str, str]] = set()
    found = []
    for one in sorted(facts):
        if one.former and (one.former_path, one.status, one.bound) not in earlier:
            found.append(one)
        earlier.add((one.path, one.status, one.text))
    return found


def same_number(paths: Iterable[tuple[int, str]], newest: Mapping[str, Fact]) -> list[Sequence[str]]:
    """Return the paths of records that share a number, given as (number, path); the one to renumber stands last.

    That is one without a receipt, else the one that was recorded later.
    """
    grouped: dict[int, list[str]] = {}
    for number, path in paths:
        grouped.setdefault(number, []).append(path)
    return [
        sorted(group, key=lambda path: (path not in newest, newest[path].at if path in newest else "", path))
        for _, group in sorted(grouped.items())
        if len(group) > 1
    ]
