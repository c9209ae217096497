"""The bytes of new receipts: what happened becomes a statement, with everything that can be known about it filled
in."""

import getpass
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, EnvironmentTrouble, Refused
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.fields import COMPONENT, VERSION, FieldError
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.reader import Repository
from remembrancer.system.digests import sha256_file

DEFAULT_ENVIRONMENT = "release"


def evidence_file(repository: Repository, component: str, version: str, given: Path | None) -> Path:
    """Return the evidence file: the one given, else dist/{component}-{version}.tar.gz.

    Raises BadInput(input.evidence) when it is not a regular file.
    """
    path = given if given is not None else repository.root / "dist" / f"{component}-{version}.tar.gz"
    if not path.is_file():
        raise BadInput("input.evidence", f"there is no evidence file {path}")
    return path


def evidence_name(repository: Repository, path: Path) -> str:
    """Return how a receipt names a file: relative to the repository, or only the name of one outside it."""
    absolute = path.resolve()
    root = repository.root.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else absolute.name


def recorded_by(repository: Repository, environ: Mapping[str, str] = os.environ) -> str:
    """Return who records: the pipeline, else its actor, Git's user, or the login name. A claim, not a proof."""
    if named := _pipeline(environ):
        return named
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if environ.get(name):
            return environ[name]
    with suppress(EnvironmentTrouble):  # a name that anybody may choose; the next best will do
        if mail := repository.git("config", "user.email").stdout.decode(errors="replace").strip():
            return mail
    if environ.get("CI") == "true":  # the login name of a job's container says nothing
        return "pipeline"
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _pipeline(environ: Mapping[str, str]) -> str:
    """The identity of the pipeline that runs this, in the form that OIDC tokens of its host use; "" outside of one."""
    if reference := environ.get("GITHUB_WORKFLOW_REF"):
        return reference
    if project := environ.get("CI_PROJECT_PATH"):
        return f"{project}//.gitlab-ci.yml@refs/heads/{environ.get('CI_COMMIT_REF_NAME', '')}"
    return ""


def head_commit(repository: Repository) -> str:
    """Return the full id of HEAD, or "" when there is none. Raises EnvironmentTrouble(env.git)."""
    return repository.head()


def placed(
    kind: str,
    *,
    component: str,
    version: str,
    artifact: tuple[str, str],
    environment: str,
    by: str,
    now: datetime,
    more: Mapping[str, object],
) -> bytes:
    """Return a deploy, rollout or rollback receipt; `artifact` is (name, SHA-256 hex), `more` the kind's other fields.

    Raises BadInput for a field that does not fit.
    """
    predicate = {
        "recordedAt": rfc3339(now),
        "recordedBy": by,
        "component": component,
        "version": version,
        "artifact": {"name": artifact[0], "sha256": artifact[1]},
        "environment": environment,
        **{name: value for name, value in more.items() if value},
    }
    return receipt.build(kind, [artifact], predicate)


def signature(subject: tuple[str, str], fingerprint: str, blob: str, now: datetime) -> bytes:
    """Return a sign receipt: the subject (name, SHA-256 hex), the primary key, and the signature's blob."""
    predicate = {"recordedAt": rfc3339(now), "fingerprint": fingerprint, "signature": blob}
    return receipt.build("sign", [subject], predicate)


def timestamp(
    subject: tuple[str, str], *, authority: str, gen_time: datetime, nonce: int, blob: str, now: datetime
) -> bytes:
    """Return a timestamp receipt: the subject, the authority's name, what its token says, and the response's blob."""
    predicate = {
        "recordedAt": rfc3339(now),
        "authority": authority,
        "genTime": rfc3339(gen_time),
        "nonce": f"{nonce:x}",
        "token": blob,
    }
    return receipt.build("timestamp", [subject], predicate)


def named_file(repository: Repository, path: Path) -> dict[str, str]:
    """Return a file as receipts name it: {"name", "sha256"}."""
    return {"name": evidence_name(repository, path), "sha256": sha256_file(path)}


def rollback_plan(component: str, previous: Receipt | None) -> str:
    """Return the default rollback plan: back to the version recorded before, if there is one."""
    if previous is None:
        return f"no version of {component} was recorded lately: deploy the one that ran before, or take this one away"
    return f"deploy {component} {previous.predicate['version']} again and run remembrancer record rollback"


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller of `record deploy` said; None is not said."""

    component: str
    version: str
    sha256: str | None = None
    evidence: Path | None = None
    environment: str | None = None
    image_digest: str | None = None
    sbom: Path | None = None
    plan: str | None = None


def check_names(component: str, version: str) -> None:
    """Raise BadInput(input.component, input.version) for names that no receipt may have."""
    for field, value in ((COMPONENT, component), (VERSION, version)):
        try:
            field.check(value, "the component" if field is COMPONENT else "the version")
        except FieldError as error:
            raise BadInput(error.code, str(error)) from None


def check_digest(given: str, actual: str, path: Path) -> None:
    """Raise BadInput(input.digest, hash.evidence) unless a given SHA-256 is 64 hex digits and the file's."""
    if not re.fullmatch(r"[0-9a-f]{64}", given):
        raise BadInput("input.digest", f"--sha256 must be 64 lower-case hexadecimal digits, not {given[:80]!r}")
    if given != actual:
        raise Refused("hash.evidence", f"--sha256 is {given}, but {path} has {actual}")
