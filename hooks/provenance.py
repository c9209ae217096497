"""Where an update starts from and what is known about the template's version: commit, tag, and who signed the tag.

Answers name a version by its tag, and tags can be moved. Receipts name the commit, so the newest receipt of a layer is
what an update is measured against. Standard library only: this runs inside Copier's own environment.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[1] / "templates" / "ci" / "ops" / "lib"))

import neutral

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from remembrancer.receipt.statement import Receipt

neutral_environment, with_settings = neutral.environment, neutral.with_settings
SIGNATURES = (b"\n-----BEGIN PGP SIGNATURE-----\n", b"\n-----BEGIN SSH SIGNATURE-----\n")


@dataclass(frozen=True, slots=True)
class Start:
    """What an update starts from.

    Attributes:
        version: the version that the answers name.
        commit: the commit that the layer's newest receipt states for it; without a receipt, what the name means now.
        now: the commit that the name means in the template now, "" where it means none.
        receipt: the layer's newest receipt for this version, if there is one.
        last: the layer's newest receipt, where the record ends.
    """

    version: str
    commit: str
    now: str
    receipt: "Receipt | None"
    last: "Receipt | None" = None

    @property
    def moved(self) -> bool:
        """Tell whether the version's name has come to mean another commit since it was recorded."""
        return bool(self.now) and self.now != self.commit

    @property
    def recorded(self) -> bool:
        """Tell whether the record ends where this update starts, or nothing is recorded at all."""
        return self.last is None or self.last is self.receipt


def git(folder: Path, *arguments: str) -> str:
    """Return what a git command prints, stripped, or "" where it fails."""
    return git_bytes(folder, *arguments).decode("utf-8", "replace").strip()


def git_bytes(folder: Path, *arguments: str) -> bytes:
    """Return the bytes that a git command prints, or none where it fails."""
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(
        command, env=neutral.environment(), capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout if done.returncode == 0 else b""


def recorded(root: Path, layer: str) -> "list[Receipt]":
    """Return the layer's spawn and update receipts, oldest first; unreadable ones do not count.

    Of two in the same second the one comes last that no other starts from.
    """
    from remembrancer.errors import RemembrancerError  # noqa: PLC0415  # only on an interpreter that has tomllib
    from remembrancer.repository.store import Store  # noqa: PLC0415

    store = Store(root)
    found = []
    for kind in ("spawn", "update"):
        for name in store.walk(kind):
            try:
                receipt = store.read_receipt(name)
            except RemembrancerError:
                continue
            if receipt.predicate["layer"] == layer:
                found.append(receipt)
    begun = {(one.predicate.get("from") or {}).get("commit") for one in found}
    found.sort(
        key=lambda one: (one.predicate["recordedAt"], one.predicate["template"]["commit"] not in begun, one.digest)
    )
    return found


def newest(root: Path, layer: str) -> "Receipt | None":
    """Return the layer's spawn or update receipt that was recorded last, if there is one."""
    known = recorded(root, layer)
    return known[-1] if known else None


def moment(root: Path, layer: str, now: datetime) -> datetime:
    """Return the present, or the second after the layer's newest receipt where both are of this moment.

    Times of a record are whole seconds, and what comes later has to say so: what an update is taken back by, and the
    next update, may fall into one second.
    """
    from remembrancer import clock  # noqa: PLC0415

    last = newest(root, layer)
    if last is None:
        return now
    after = clock.parse_rfc3339(last.predicate["recordedAt"]) + timedelta(seconds=1)
    # a receipt of a clock that runs far ahead moves nothing
    return after if now < after <= now + timedelta(seconds=10) else now


def start(root: Path, source: Path, layer: str, version: str) -> Start | None:
    """Return what an update of a layer starts from, or None where neither a receipt nor the template knows the version.

    Args:
        root: the service.
        source: a clone of the template that has all its tags.
        layer: which template.
        version: what the answers file named before the update (a tag, or what `git describe` made of a commit).
    """
    now = git(source, "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}")
    known = recorded(root, layer)
    last = known[-1] if known else None
    of_it = [one for one in known if one.predicate["template"]["version"] == version]
    if of_it:
        return Start(version, of_it[-1].predicate["template"]["commit"], now, of_it[-1], last)
    return Start(version, now, now, None, last) if now else None


def changed(root: Path, begin: Start, call: "Mapping[str, Any]") -> bool:
    """Tell whether an update to the version that is here already changes something: an answer, or the address."""
    from remembrancer.receipt.source import public_source  # noqa: PLC0415

    if begin.receipt is not None and begin.receipt.predicate["template"]["source"] != public_source(call["source"]):
        return True
    return bool(git(root, "status", "--porcelain", "--", call["answers_file"]))


def skipped(root: Path, begin: Start, answers_file: str) -> list[str]:
    """Return the versions between the end of the record and the start of an update, oldest first.

    They are those that the committed answers file has named since, and none of them has a receipt there.
    """
    if begin.recorded or begin.last is None:
        return []
    last, found = begin.last.predicate["template"]["version"], [begin.version]
    for commit in git(root, "log", "--format=%H", "--", answers_file).split():
        said = re.search(rb"^_commit: ['\"]?([^'\"\n]+)", git_bytes(root, "show", f"{commit}:./{answers_file}"), re.M)
        version = said[1].decode("utf-8", "replace") if said else ""
        if version == last:
            break
        if version and version != found[0]:
            found.insert(0, version)
    return found


def signed_tag(source: Path, version: str, commit: str) -> bytes:
    """Return the tag object (exact bytes, its signature at the end) of a version, or none where no signed tag names it.

    The object says which commit it is for, who made it, and carries the signature; whoever verifies needs nothing else.
    """
    if git(source, "rev-parse", "--verify", "--quiet", f"refs/tags/{version}^{{commit}}") != commit:
        return b""
    content = git_bytes(source, "cat-file", "tag", f"refs/tags/{version}")
    return content if any(mark in content for mark in SIGNATURES) else b""
