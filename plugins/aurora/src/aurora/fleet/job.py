"""A Kubernetes Indexed Job that looks at a fleet on many machines: one pod for each share, results in one place.

It runs under the Pod Security profile `restricted`, speaks to nobody but names, https, ssh and the store of the
results, and has no token of the cluster. What Git and the store need comes out of Secrets that are named here and never
read by us, or out of what a service account is annotated with.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
"""

import json
import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import NamedTuple

from aurora.fleet import listed
from aurora.fleet.listed import Fleet
from remembrancer.errors import BadInput

MAX_LIST = 900_000  # bytes; a ConfigMap may have 1 MiB with all that is in it
MAX_SHARDS = 10_000  # pods that an Indexed Job may have at one time
COMMANDS = ("status", "audit")
_LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_OBJECT = re.compile("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_IMAGE = re.compile(
    r"[a-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5}(?=/))?(/[a-z0-9._-]+)*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?", re.ASCII
)
# a bucket or container, for abfss with its account, and a prefix; nothing that could be a password or a query
_STORE = re.compile(
    r"(s3|gs|azure|az|abfss|abfs)://[a-z0-9][a-z0-9._-]*(@[a-z0-9.-]+)?(/[A-Za-z0-9._=-]+)*/?", re.ASCII
)
# where a cloud gives a pod the credentials of its service account, if that is not a token in a file
_AGENTS = {
    "s3": ("169.254.170.23/32", 80),  # EKS Pod Identity
    "gs": ("169.254.169.252/32", 988),  # the metadata server of GKE
}
_RESULTS = "\n            - {name: results, mountPath: /results}"
_CREDENTIALS = "\n            - {name: credentials, mountPath: /credentials, readOnly: true}"
_CLAIM = """
        - name: results
          persistentVolumeClaim: {claimName: $claim}"""
_GIT_HOME = """
        - name: credentials
          secret: {secretName: $secret, defaultMode: 0440}"""
_FROM = """
          envFrom:
            - secretRef: {name: $results_secret}"""
_ACCOUNT = "\n      serviceAccountName: $account"
_AGENT = """
    - to:
        - ipBlock: {cidr: $cidr}
      ports:
        - {port: $agent_port, protocol: TCP}"""


class Job(NamedTuple):
    """What a Job is made of: its name, where it runs, what it runs, in how many shares, and where results go.

    `claim` is for the fleet's memory, and for results unless `results` names an object store; "" remembers nothing.
    `secret` names a Secret whose keys are files of Git's home (.gitconfig, .git-credentials), `results_secret` one
    whose keys are variables of the store (AWS_ACCESS_KEY_ID), `account` a service account that may write there
    instead; "" for none. `port` is that of the store.
    """

    name: str
    namespace: str
    image: str
    shards: int
    claim: str = ""
    secret: str = ""
    command: str = "status"
    results: str = ""
    results_secret: str = ""
    account: str = ""
    port: int = 443


def manifest(fleet: Fleet, job: Job) -> str:
    """Return the manifest of a Job for a fleet. Raises BadInput(fleet.job)."""
    _check(fleet, job)
    member, data = _list(fleet)
    name = f"{job.name}-{sha256(repr((job, data)).encode()).hexdigest()[:8]}"  # neither may change once it is there
    cidr, agent_port = _AGENTS.get(job.results.partition("://")[0], ("", 0)) if job.account else ("", 0)
    values: dict[str, str | int] = {
        "name": name,
        "namespace": job.namespace,
        "command": job.command,
        "list": f"{name}-list",
        "file": f"/list/{member}",
        "image": job.image,
        "share": f"$(JOB_COMPLETION_INDEX)/{job.shards}",
        "target": f"{job.results.rstrip('/') or '/results'}/$(RUN)",
        "memory": "/results/memory" if job.claim else "/tmp/memory",  # noqa: S108 - a volume of the pod's own
        "home": "/credentials" if job.secret else "/tmp",  # noqa: S108 - as above
        "shards": job.shards,
        "port": job.port,
        "claim": job.claim,
        "secret": job.secret,
        "results_secret": job.results_secret,
        "account": job.account,
        "cidr": cidr,
        "agent_port": agent_port,
    }
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    parts = {
        "mounts": (_RESULTS if job.claim else "") + (_CREDENTIALS if job.secret else ""),
        "volumes": (_CLAIM if job.claim else "") + (_GIT_HOME if job.secret else ""),
        "from": _FROM if job.results_secret else "",
        "as_account": _ACCOUNT if job.account else "",
        "agent": _AGENT if cidr else "",
        "store": "\n        - {port: $port, protocol: TCP}" if job.port not in (443, 22) else "",
    }
    filled = {key: Template(one).substitute(quoted) for key, one in parts.items()}
    where = job.results.rstrip("/") or f"the claim {job.claim}"
    text = Template(files("aurora.fleet").joinpath("job.yaml").read_text("utf-8"))
    return text.substitute(quoted, **filled, data=data, where=where)


def _list(fleet: Fleet) -> tuple[str, str]:
    """Return the name and the member of the list in its ConfigMap; a long list is compressed."""
    toml = listed.format_fleet(fleet)
    if len(toml) <= MAX_LIST:
        return "fleet.toml", f"data:\n  fleet.toml: {json.dumps(toml.decode(), ensure_ascii=False)}"
    packed = listed.packed(fleet)
    if len(packed) > MAX_LIST:
        why = f"the list has {len(packed)} bytes when it is compressed, and a ConfigMap holds {MAX_LIST}"
        raise _refused(why, "Make several fleets of it.")
    return "fleet.toml.gz", f"binaryData:\n  fleet.toml.gz: {b64encode(packed).decode()}"


def _check(fleet: Fleet, job: Job) -> None:
    if not 1 <= job.shards <= MAX_SHARDS:
        raise _refused(f"a Job has 1 to {MAX_SHARDS} shares, not {job.shards}")
    if not 1 <= job.port <= 65_535:
        raise _refused(f"{job.port} is not a port")
    if job.command not in COMMANDS:
        raise _refused(f"a Job runs {' or '.join(COMMANDS)}, not {job.command[:60]!r}")
    for what, value, form in (
        ("name", job.name, _LABEL),
        ("namespace", job.namespace, _LABEL),
        ("image", job.image, _IMAGE),
        ("claim", job.claim or ("none" if job.results else ""), _OBJECT),
        ("secret", job.secret or "none", _OBJECT),
        ("place for results", job.results or "s3://none", _STORE),
        ("secret for results", job.results_secret or "none", _OBJECT),
        ("service account", job.account or "none", _OBJECT),
    ):
        if not form.fullmatch(value) or len(value) > 300:
            raise _refused(f"{value[:60]!r} cannot be the {what} of a Job")
    here = [one.name for one in fleet.services if fleet.place(one.url) != one.url or one.url.startswith("file:")]
    if fleet.template and (fleet.place(fleet.template) != fleet.template or fleet.template.startswith("file:")):
        here.append("the template")
    if here:
        raise _refused(f"{here[0]} lies on this machine, where no pod can read it", "Give it the address of a server.")


def _refused(why: str, remedy: str = "") -> BadInput:
    return BadInput("fleet.job", why, remedy)
