"""Files that a new version of the template no longer has, but that were changed here.

Copier deletes them without a word, and the edits with them. As git does when one side edits and the other deletes, the
edited file is kept and a person decides. Standard library only: this runs inside Copier's own environment.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import manifest
from provenance import Start, git, git_bytes

if TYPE_CHECKING:
    from remembrancer.receipt.statement import Receipt


def keep(root: Path, source: Path, call: Mapping[str, str], start: Start, rendered: Mapping[str, str]) -> list[str]:
    """Put back the edited files that this update deleted; return the paths of those that are not the team's own.

    Args:
        root: the service, after Copier's work and before any commit.
        source: the template's clone.
        call: what copier.yml says about this run.
        start: what the update starts from.
        rendered: path to digest of everything that the new version renders.

    Raises:
        manifest.ManifestError: the old version could not be rendered, which is only tried where no receipt tells.
        RemembrancerError: the old manifest is not what its receipt says.
    """
    asked = ("diff", "--no-renames", "--name-only", "--diff-filter=D", "--relative", "-z", "HEAD", "--", ".")
    gone = git_bytes(root, *asked)
    paths = [path for path in gone.decode("utf-8", "surrogateescape").split("\0") if path and path not in rendered]
    if not paths:
        return []
    before = _before(root, source, call, start)
    kept = []
    for path in paths:
        mine = git_bytes(root, "show", f"HEAD:./{path}")
        if path in before and hashlib.sha256(mine).hexdigest() != before[path][0]:
            git(root, "checkout", "--quiet", "HEAD", "--", path)
            if before[path][1] == "standard":
                kept.append(path)
    return sorted(kept)


def _before(root: Path, source: Path, call: Mapping[str, str], start: Start) -> dict[str, tuple[str, str]]:
    """Return path to (digest, owner) as the old version rendered it."""
    if start.receipt is not None:
        return lines_of(root, start.receipt)
    seeded = manifest.seeded_patterns(Path(__file__).with_name("ownership.toml"))
    old = manifest.render_again(source, call, root, start.commit)
    return {path: (digest, manifest.owner_of(path, seeded)) for path, digest in old.items()}


def lines_of(root: Path, receipt: "Receipt") -> dict[str, tuple[str, str]]:
    """Return path to (digest, owner) as a generation's receipt states them. Raises RemembrancerError."""
    from remembrancer.repository.store import Store  # noqa: PLC0415

    lines = Store(root).read_blob(receipt.predicate["manifest"]["sha256"]).splitlines()
    return {line["path"]: (line["rendered"], line["owner"]) for line in map(json.loads, lines)}
