"""The template has another address: the answers name it, what states the address follows, and a receipt says so.

The version stays. Copier and the template's hook do it in a clone, so nothing here is touched before they have ended.
"""

import re
import tempfile
from pathlib import Path

from remembrancer.clock import Clock, rfc3339
from remembrancer.errors import Refused
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import Store
from remembrancer.standard import replay
from remembrancer.standard.generations import Answers, answers_of, generations
from remembrancer.standard.missed import Written, taken_over
from remembrancer.system import git as gitcall
from remembrancer.system.files import make_folder, put


def record_move(store: Store, clock: Clock, address: str, given: str | None = None) -> list[Written]:
    """Move every layer (or the given one) to another address of its template; return the receipts.

    Raises BadInput(input.answers), Refused(receipt.generation) where the record does not end with what is here or the
    work tree is not clean, EnvironmentTrouble(env.copier) where the address does not have the version.
    """
    root = store.root
    if not gitcall.head(root) or gitcall.run(root, ("status", "--porcelain", "--", ".")).stdout.strip():
        message = "the template is moved in a clean work tree, so that the change can be read and thrown away"
        raise Refused("receipt.generation", message, "Commit or stash what is there first.")
    return [_moved(store, clock, address, answers) for answers in answers_of(root, given)]


def _moved(store: Store, clock: Clock, address: str, answers: Answers) -> Written:
    known = generations(store, answers.layer)
    if not known or known[-1].predicate["template"]["version"] != answers.version:
        raise Refused("receipt.generation", f"the newest receipt of {answers.path} is not for {answers.version}")
    with tempfile.TemporaryDirectory(prefix="remembrancer-move.") as folder:
        copy = replay.clone(store.root, Path(folder), "HEAD")
        file = copy / answers.path
        text = re.sub(r"^_src_path: .*$", f"_src_path: {_quoted(address)}", file.read_text("utf-8"), flags=re.MULTILINE)
        file.write_text(text, encoding="utf-8")
        replay.commit(copy, answers.path)
        said = replay.update(copy, answers, None)
        stated, lines = taken_over(store, Store(copy), answers, "update")
        _take(store.root, copy)
    blob = manifests.write(lines)
    store.write_blob(blob)
    data = receipt.build("update", [(stated["component"], stated["manifest"]["sha256"])], _timed(stated, clock))
    path = store.write_receipt(data, noted=False)
    notes = tuple(line.removeprefix("receipt: ") for line in said if not line.startswith(replay.OWN))
    return Written(path.relative_to(store.root), receipt.parse(data).digest, True, answers.layer, notes)


def _timed(stated: dict[str, object], clock: Clock) -> dict[str, object]:
    return {**stated, "recordedAt": max(str(stated["recordedAt"]), rfc3339(clock.now()))}


def _quoted(address: str) -> str:
    return "'" + address.replace("'", "''") + "'"


def _take(root: Path, copy: Path) -> None:
    """Bring what differs from HEAD in a clone into the work tree, the record aside."""
    asked = ("diff", "--name-only", "--no-renames", "-z", "--relative", "HEAD~1", "--", ".", ":(exclude)ops/receipts")
    listed = gitcall.run(copy, asked).stdout
    for path in listed.decode("utf-8", "surrogateescape").split("\0"):
        source = copy / path
        if not path:
            continue
        if not source.is_file():
            (root / path).unlink(missing_ok=True)
            continue
        folder, _, name = path.rpartition("/")
        with exclusive(root) as local:
            put(make_folder(root, folder) if folder else root, {name: source.read_bytes()}, local / SCRATCH)
        (root / path).chmod(source.stat().st_mode & 0o777)
