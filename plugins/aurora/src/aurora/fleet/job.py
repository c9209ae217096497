"""A Kubernetes Indexed Job that looks at a fleet on many machines: one pod for each share, results in one claim.

It runs under the Pod Security profile `restricted`, speaks to nobody but names, https and ssh, and has no token of the
cluster. What Git needs comes out of a Secret that is named here and never read by us.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
"""

import json
import re
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import NamedTuple

from aurora.fleet import listed
from aurora.fleet.listed import Fleet
from remembrancer.errors import BadInput

MAX_LIST = 900_000  # bytes; a ConfigMap may have 1 MiB with all that is in it
MAX_SHARDS = 10_000  # pods that an Indexed Job may have at one time
_LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_OBJECT = re.compile("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_IMAGE = re.compile(
    r"[a-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5}(?=/))?(/[a-z0-9._-]+)*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?", re.ASCII
)
_MOUNT = "\n            - {name: credentials, mountPath: /credentials, readOnly: true}"
_VOLUME = """
        - name: credentials
          secret: {secretName: $secret, defaultMode: 0440}"""


class Job(NamedTuple):
    """What a Job is made of: its name, where it runs, what it runs, in how many shares, and where results go.

    `secret` names a Secret whose keys are files of Git's home (.gitconfig, .git-credentials), "" for none.
    """

    name: str
    namespace: str
    image: str
    shards: int
    claim: str
    secret: str = ""


def manifest(fleet: Fleet, job: Job) -> str:
    """Return the manifest of a Job for a fleet. Raises BadInput(fleet.job)."""
    _check(fleet, job)
    toml = listed.format_fleet(fleet)
    if len(toml) > MAX_LIST:
        raise _refused(f"the list has {len(toml)} bytes, and a ConfigMap holds {MAX_LIST}", "Split it into several.")
    name = f"{job.name}-{sha256(repr((job, toml)).encode()).hexdigest()[:8]}"  # neither may change once it is there
    share = f"$(JOB_COMPLETION_INDEX)/{job.shards}"
    values: dict[str, str | int] = {
        "name": name,
        "namespace": job.namespace,
        "list": f"{name}-list",
        "toml": toml.decode(),
        "image": job.image,
        "claim": job.claim,
        "share": share,
        "output": "/results/status-$(JOB_COMPLETION_INDEX).json",
        "home": "/credentials" if job.secret else "/tmp",  # noqa: S108 - a volume of the pod's own
        "shards": job.shards,
    }
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    secret = json.dumps(job.secret)
    parts = {"mount": _MOUNT, "volume": Template(_VOLUME).substitute(secret=secret)} if job.secret else {}
    text = Template(files("aurora.fleet").joinpath("job.yaml").read_text("utf-8"))
    return text.substitute(quoted, mount=parts.get("mount", ""), volume=parts.get("volume", ""))


def _check(fleet: Fleet, job: Job) -> None:
    if not 1 <= job.shards <= MAX_SHARDS:
        raise _refused(f"a Job has 1 to {MAX_SHARDS} shares, not {job.shards}")
    for what, value, form in (
        ("name", job.name, _LABEL),
        ("namespace", job.namespace, _LABEL),
        ("image", job.image, _IMAGE),
        ("claim", job.claim, _OBJECT),
        ("secret", job.secret or "none", _OBJECT),
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
