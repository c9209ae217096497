"""Recording that a version exists, runs somewhere else too, or was taken back; nothing is ever overwritten."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import parse_rfc3339
from remembrancer.errors import BadInput, Refused, Rejected
from remembrancer.ledger.pending import written_here
from remembrancer.paths import LOCAL, RECEIPTS
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse, relative_path
from remembrancer.record import statements as recording
from remembrancer.record.statements import Given
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.system.digests import sha256_file
from remembrancer.tlog.tile import WIDTH

_LOOK_BACK = 4  # bundles at the end of the log in which the version before is looked for


@dataclass(frozen=True, slots=True)
class Recorded:
    """A receipt's path from the repository's root, whether it is new, the artifact's SHA-256, and whether to sign
    it."""

    path: Path
    new: bool
    digest: str
    signable: bool = False


def record_deploy(session: Session, given: Given) -> Recorded:
    """Write the deploy receipt, or a rollout receipt when the version is already recorded for another environment.

    What was given and cannot be added to a receipt of before is a notice. Raises BadInput(input.component,
    input.version, input.evidence, input.digest), Refused(receipt.conflict, receipt.name-clash, hash.evidence),
    EnvironmentTrouble.
    """
    recording.check_names(given.component, given.version)
    if given.sbom is not None and not given.sbom.is_file():
        raise BadInput("input.evidence", f"there is no file {given.sbom}")
    repository, store = session.repository, session.store
    evidence = recording.evidence_file(repository, given.component, given.version, given.evidence)
    digest = sha256_file(evidence)
    if given.sha256 is not None:
        recording.check_digest(given.sha256, digest, evidence)
    known = store.deployed(given.component, given.version)
    environment = given.environment or (str(known.predicate["environment"]) if known else recording.DEFAULT_ENVIRONMENT)
    if known is not None:
        return _again(session, known, given, digest=digest, environment=environment)
    data = recording.placed(
        "deploy",
        component=given.component,
        version=given.version,
        artifact=(evidence.name, digest),
        environment=environment,
        by=recording.recorded_by(repository),
        now=session.clock.now(),
        more={
            "evidence": {"name": recording.evidence_name(repository, evidence), "sha256": digest},
            "commit": recording.head_commit(repository),
            "imageDigest": given.image_digest,
            "sbom": recording.named_file(repository, given.sbom) if given.sbom else None,
            "rollback": given.plan or recording.rollback_plan(given.component, newest(session, given.component)),
        },
    )
    path = store.write_receipt(data)
    return Recorded(path.relative_to(session.root), True, digest, True)


def _again(session: Session, known: Receipt, given: Given, *, digest: str, environment: str) -> Recorded:
    """A version that is recorded already: the same again, a rollout, or a contradiction.

    A rollout is also what adds an image's digest to what is recorded for an environment, and what follows a rollback.
    """
    store, now = session.store, session.clock.now()
    path = Path(RECEIPTS) / relative_path(known)
    recorded = known.subject[0].sha256
    if recorded != digest:
        raise Refused(
            "receipt.conflict",
            f"{given.component} {given.version} is already recorded with the digest {recorded} in {path}",
        )
    for what in _left_out(known, given):
        session.notice(f"{given.component} {given.version} is recorded already, so {what} that you gave is not")
    same, since = None, _rolled_back(store, given.component, environment)
    for name, one in [(relative_path(known), known), *_rollouts(store, known)]:
        here, image = one.predicate["environment"] == environment, one.predicate.get("imageDigest")
        if given.image_digest and image and image != given.image_digest and (here or one is known):
            raise Refused("receipt.conflict", f"{RECEIPTS}/{name} already records the image {image}")
        if here and given.image_digest in (None, image) and str(one.predicate["recordedAt"]) > since:
            same = Recorded(Path(RECEIPTS) / name, False, digest)
    if same is not None:
        return same
    now = max(now, parse_rfc3339(since) + timedelta(seconds=1)) if since else now
    more = {"imageDigest": given.image_digest}
    data = _like(session.repository, "rollout", known, environment=environment, now=now, more=more)
    written = store.write_receipt(data).relative_to(session.root)
    return Recorded(written, True, digest)


def _rollouts(store: Store, known: Receipt) -> Iterator[tuple[str, Receipt]]:
    """Yield the rollout receipts of a recorded version; what cannot be read is left to verify-audit, which names it."""
    for name in store.walk("rollout"):
        with suppress(Rejected):
            one = store.read_receipt(name)
            if all(one.predicate[member] == known.predicate[member] for member in ("component", "version", "artifact")):
                yield name, one


def _rolled_back(store: Store, component: str, environment: str) -> str:
    """Return when a component was last taken back in an environment, "" for never."""
    times = [""]
    for name in store.walk("rollback"):
        with suppress(Rejected):
            said = store.read_receipt(name).predicate
            if (said["component"], said["environment"]) == (component, environment):
                times.append(str(said["recordedAt"]))
    return max(times)


def _left_out(known: Receipt, given: Given) -> Iterator[str]:
    """Yield what was given about a recorded version and cannot be added to its receipt, which is never edited."""
    if given.plan and given.plan != known.predicate["rollback"]:
        yield "the rollback plan"
    if given.sbom and sha256_file(given.sbom) != known.predicate.get("sbom", {}).get("sha256"):
        yield "the software bill of materials"


def record_rollback(
    session: Session,
    component: str,
    version: str,
    *,
    environment: str,
    reason: str,
    from_version: str | None,
) -> Recorded:
    """Write a rollback receipt; raises BadInput(input.component, input.version), also for a version never recorded."""
    recording.check_names(component, version)
    store = session.store
    known = store.deployed(component, version)
    if known is None:
        message = f"{component} {version} is not recorded, so nothing can go back to it"
        raise BadInput("input.version", message, "See `remembrancer list deployments` for the versions that are.")
    more = {"reason": reason, "fromVersion": from_version}
    data = _like(session.repository, "rollback", known, environment=environment, now=session.clock.now(), more=more)
    path = store.write_receipt(data)
    return Recorded(path.relative_to(session.root), True, known.subject[0].sha256)


def _like(
    repository: Repository, kind: str, known: Receipt, *, environment: str, now: datetime, more: dict[str, str | None]
) -> bytes:
    """A receipt about the artifact of a recorded version."""
    extra: dict[str, object] = {"commit": recording.head_commit(repository), **more}
    if kind == "rollback":
        extra.pop("commit")
    return recording.placed(
        kind,
        component=str(known.predicate["component"]),
        version=str(known.predicate["version"]),
        artifact=(known.subject[0].name, known.subject[0].sha256),
        environment=environment,
        by=recording.recorded_by(repository),
        now=now,
        more=extra,
    )


def newest(session: Session, component: str) -> Receipt | None:
    """Return the deploy receipt of a component that was recorded last, or None.

    Looks at what is not sealed yet and at the end of the log, so that the cost does not grow with the log: None says
    only that there is none among these.
    """
    member = f'    "component": "{component}"'.encode()
    for batch in _latest(session):
        found = [parse(data) for data in batch if member in data]
        deploys = [one for one in found if one.kind == "deploy" and one.predicate["component"] == component]
        if deploys:
            return max(deploys, key=lambda one: str(one.predicate["recordedAt"]))
    return None


def _latest(session: Session) -> Iterator[list[bytes]]:
    """Yield the receipts that were recorded here and not sealed, then the last bundles of the log, newest first."""
    unsealed = []
    for name in written_here(session.root / LOCAL):
        with suppress(FileNotFoundError):
            unsealed.append(session.repository.read(f"{RECEIPTS}/{name}", MAX_BYTES))
    yield unsealed
    ledger = session.ledger
    size = ledger.tree().size
    for start in range((size - 1) // WIDTH * WIDTH, -1, -WIDTH)[:_LOOK_BACK]:
        yield [entry for _, entry in ledger.entries(start, min(start + WIDTH, size))]
