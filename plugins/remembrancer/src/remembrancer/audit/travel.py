"""What travels: a proof and the trust to judge it by, written once they verify here, and judged anywhere."""

import re
from contextlib import suppress
from pathlib import Path

from remembrancer.audit.gather import gather, open_ledger
from remembrancer.audit.history import unremembered
from remembrancer.audit.remembered import compare_proof
from remembrancer.audit.session import Session
from remembrancer.audit.verdict import Verdict, policy_in_log, proven, remember_verified, untrusted
from remembrancer.errors import BadInput, Rejected, Unverifiable
from remembrancer.findings import Outcome
from remembrancer.system.digests import read_given, sha256_file
from remembrancer.system.files import read_regular, write_whole
from remembrancer.trust import bundle as trust_bundle
from remembrancer.trust.establish import Trusted
from remembrancer.verify.artifact import ANYTHING, verify_full
from remembrancer.verify.asked import Asked
from remembrancer.verify.bundle import MAX_BYTES, open_portable, parse
from remembrancer.verify.evidence import Artifact
from remembrancer.verify.packing import export

_PROOF = re.compile(rb'"schema": "https://vaultmesh\.cloud/schema/(standard-proof|proof|trust-bundle)/')
TRUST_BUNDLE = "trust-bundle.json"
_LARGEST = 16 << 20  # bytes of the larger of the two


def export_proof(session: Session, artifact: Path, target: Path | None, asked: Asked = ANYTHING) -> Verdict:
    """Write the proof file of an artifact (default: ARTIFACT.proof.json) if every proof of it is verified.

    Returns the verdict; its data names the file and its length once it is written. Raises as `Session.trusted`,
    Rejected(proof.size, log.pending), BadInput, EnvironmentTrouble.
    """
    verdict, data = make_proof(session, artifact, asked)
    if data is None:
        return verdict
    file = target or artifact.with_name(f"{artifact.name}.proof.json")
    if target is None and file.is_symlink():
        write_whole(file, data)  # nobody named it: the link goes, and what it points at stays
    else:
        write_proof(file, data)
    return verdict._replace(data={"file": str(file), "bytes": len(data)})


def export_trust(session: Session, target: Path | None) -> tuple[Path, Trusted]:
    """Write the trust bundle of the repository's policy (default: trust-bundle.json); return the file and the trust.

    Raises as `Session.trusted`, Rejected(trust.key-file), BadInput(input.file), EnvironmentTrouble.
    """
    trusted = session.trusted()
    signed = session.repository.signed_policy()
    assert signed is not None  # noqa: S101 - it is what is trusted
    data = trust_bundle.render(signed, trusted)
    trust_bundle.parse(data)
    file = target or Path(TRUST_BUNDLE)
    write_proof(file, data)
    return file, trusted


def make_proof(session: Session, artifact: Path, asked: Asked = ANYTHING) -> tuple[Verdict, bytes | None]:
    """Return the verdict on an artifact and, if every proof of it is verified, the bytes of its proof file.

    Raises as `Session.trusted`, Rejected(proof.size, log.pending), BadInput, EnvironmentTrouble.
    """
    trusted = session.trusted()
    log = open_ledger(session.repository, trusted.policy)
    evidence = gather(session.repository, artifact, sha256_file(artifact), log, asked)
    findings = verify_full(evidence, log, trusted, session.clock.now(), asked)
    findings += policy_in_log(session, trusted, log)
    verdict = Verdict(str(artifact), findings, str(trusted.policy.profile))
    if log.view is None or any(finding.outcome is not Outcome.VERIFIED for finding in findings):
        return verdict, None
    view = log.view.up_to_witnessed()
    return verdict, export(evidence.before(view.size), view)


def write_proof(file: Path, data: bytes) -> None:
    """Write a proof file or a trust bundle; an earlier one or an empty file is replaced.

    Raises BadInput(input.file) where something else lies: it may be the very evidence, the artifact, or `/dev/stdout`.
    Raises EnvironmentTrouble.
    """
    with suppress(FileNotFoundError):
        try:
            before = read_regular(file, _LARGEST)
        except Rejected as error:
            raise BadInput(error.code, error.message, "Give the name of a file, new or an earlier proof.") from None
        if before and not _PROOF.search(before):
            how = "Give another name, or move that file away first."
            raise BadInput("input.file", f"{file} is there and is no proof file", how)
    write_whole(file, data)


def judge_proof(
    session: Session,
    file: Path,
    artifact: Path | None,
    policy_file: Path | None,
    *,
    bundle: Path | None = None,
    asked: Asked = ANYTHING,
) -> Verdict:
    """Return the verdict of a proof file on an artifact (default: FILE without .proof.json), under a chosen policy.

    The policy is in a file or folder, or in a trust `bundle`.

    Raises BadInput(proof.malformed, proof.size, trust.bundle, input.file, input.root), EnvironmentTrouble.
    """
    portable = parse(read_given(file, MAX_BYTES))
    path = artifact or file.with_name(file.name.removesuffix(".proof.json"))
    if path == file:
        how = "Give the file itself: --artifact FILE."
        raise BadInput("input.file", "say which artifact the proof is about with --artifact", how)
    digest = sha256_file(path)
    try:
        trusted = session.trusted_under(policy_file, bundle)
    except (Rejected, Unverifiable) as error:
        return untrusted(str(path), error, bundle or policy_file)
    evidence = portable.evidence._replace(
        artifact=Artifact(path.name, digest, path),
        deploys=tuple(one for one in portable.evidence.deploys if one.receipt.subject[0].sha256 == digest),
    )
    if not evidence.deploys and portable.evidence.deploys:
        evidence = evidence._replace(contradicting=portable.evidence.deploys[0])
    log = open_portable(portable, trusted.policy)
    findings = verify_full(evidence, log, trusted, session.clock.now(), asked)
    if log.view:
        before = compare_proof(log.view, session.state, session.within())
        findings.append(before or unremembered(log.view, trusted.policy))
        remember_verified(session, log.view, findings)
    return proven(Verdict(str(path), findings, str(trusted.policy.profile)), evidence, trusted, asked)
