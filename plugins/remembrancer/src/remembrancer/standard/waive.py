"""Accepting a difference for a while: `record waiver` lists it in ops/trust/waivers.toml and writes its receipt."""

from datetime import datetime
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, Refused, Rejected
from remembrancer.named import NamedTuple
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.record.statements import recorded_by
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import Store
from remembrancer.standard import drift, on_disk, waivers
from remembrancer.standard import proven as standards
from remembrancer.standard.drift import Waiver
from remembrancer.standard.generations import generations
from remembrancer.system.files import make_folder, put


class Waived(NamedTuple):
    """What was written: the waiver, its receipt's path from the root, and the receipt's digest."""

    waiver: Waiver
    path: Path
    digest: str


def record_waiver(session: Session, path: str, owner: str, reason: str, expires: datetime) -> Waived:
    """Accept a file of the standard as it is now, until a time.

    Raises BadInput(input.time) for a time that is over, BadInput for what a receipt cannot hold, Refused(drift.no-need)
    where there is nothing to accept, Refused(receipt.generation) where no standard is recorded, EnvironmentTrouble.
    """
    repository, now = session.repository, session.clock.now()
    if expires <= now:
        raise BadInput("input.time", f"{rfc3339(expires)} is over already", "Name a day that is still to come.")
    line = _line(session.store, path)
    try:
        accepted = drift.accept(line, on_disk.digest(f"{repository.root}/{path}") if line else "", path)
    except Rejected as error:
        raise Refused(error.code, error.message) from None
    waiver = Waiver(path, accepted, owner, reason, rfc3339(expires))
    data = receipt.build(
        "waiver",
        [(path, accepted)],
        {
            "recordedAt": rfc3339(now),
            "recordedBy": recorded_by(repository),
            "owner": owner,
            "reason": reason,
            "expires": waiver.expires,
        },
    )
    known = standards.listed_waivers(repository)
    written = session.store.write_receipt(data)
    listed = waivers.write({**known, path: waiver}.values())
    folder, name = waivers.FILE.rsplit("/", 1)
    with exclusive(repository.root) as local:
        put(make_folder(repository.root, folder), {name: listed}, local / SCRATCH)
    return Waived(waiver, written.relative_to(repository.root), receipt.parse(data).digest)


def _line(store: Store, path: str) -> manifests.Line | None:
    """Return what the newest recorded standards say about a path; whether they are proven is drift's question."""
    newest = {one.predicate["layer"]: one for one in generations(store)}
    if not newest:
        raise Refused("receipt.generation", "no receipt states which standard this repository follows")
    for one in newest.values():
        said = one.predicate["manifest"]
        for line in manifests.read(store.read_blob(said["sha256"]), said):
            if line.path == path:
                return line
    return None
