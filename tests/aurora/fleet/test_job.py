"""The Job that looks at a fleet in a cluster: what it holds, what is refused, and that a real API server takes it."""

import gzip
import json
import tracemalloc
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from aurora.cli.main import main
from aurora.fleet import listed
from aurora.fleet.job import MAX_LIST, Job, manifest
from aurora.fleet.listed import Fleet, Service
from control_plane import ControlPlane, control_plane, until
from remembrancer.errors import BadInput
from stub_api import VERSION

IMAGE = "registry.example.org:5000/team/aurora:4.2.0@sha256:" + "0" * 64
FLEET = Fleet(
    "shop",
    (Service("orders", "https://git.example.org/orders.git"), Service("pay/ments", "git@git.example.org:pay.git")),
    template="https://git.example.org/template.git",
)
JOB = Job("aurora-fleet", "fleet", IMAGE, 3, "results", "git")


def objects(job: Job = JOB, fleet: Fleet = FLEET) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in yaml.safe_load_all(manifest(fleet, job))}


def option(container: dict[str, Any], name: str) -> str:
    found: str = container["args"][container["args"].index(name) + 1]
    return found


def test_every_pod_has_its_share_and_the_whole_list() -> None:
    found = objects()
    assert list(found) == ["ConfigMap", "NetworkPolicy", "Job"]
    assert listed.parse(found["ConfigMap"]["data"]["fleet.toml"].encode())._replace(folder=Path()) == FLEET
    spec = found["Job"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    pod = spec["template"]["spec"]
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["image"] == IMAGE
        assert one["args"][one["args"].index("--shard") + 1] == "$(JOB_COMPLETION_INDEX)/3"
    (status,) = pod["containers"]
    assert (status["name"], status["command"]) == ("status", ["aurora", "fleet", "status"])
    assert option(status, "--results") == "/results/$(RUN)", "a run has a folder of its own"
    (run,) = (one for one in status["env"] if one["name"] == "RUN")
    assert run["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['batch.kubernetes.io/controller-uid']"


def test_the_profile_is_restricted_and_nobody_comes_in() -> None:
    found = objects()
    pod = found["Job"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 1000)
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(one["resources"]) == {"requests", "limits"}
    policy = found["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 22}


def test_the_published_schemas_take_every_object() -> None:
    for job in (JOB, JOB._replace(secret="", shards=1), AUDIT, AUDIT._replace(account="writer", claim="memory")):
        for one in objects(job).values():
            kubernetes_validate.validate(one, VERSION, strict=True)


def test_secrets_are_only_named() -> None:
    text = manifest(FLEET, JOB)
    assert "kind: Secret" not in text
    assert objects()["Job"]["spec"]["template"]["spec"]["volumes"][-1] == {
        "name": "credentials",
        "secret": {"secretName": "git", "defaultMode": 0o440},
    }
    assert "/credentials" not in manifest(FLEET, JOB._replace(secret=""))


AUDIT = JOB._replace(claim="", command="audit", results="s3://bucket/fleet/", results_secret="s3", port=9000)


def test_an_audit_goes_to_an_object_store() -> None:
    found = objects(AUDIT)
    pod = found["Job"]["spec"]["template"]["spec"]
    (audit,), (sync,) = pod["containers"], pod["initContainers"]
    assert (audit["name"], audit["command"]) == ("audit", ["aurora", "fleet", "audit"])
    assert option(audit, "--results") == "s3://bucket/fleet/$(RUN)"
    assert option(audit, "--memory") == "/tmp/memory", "nothing is remembered without a claim"
    assert audit["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert "envFrom" not in sync, "what fetches from anywhere knows nothing of the store"
    assert "persistentVolumeClaim" not in str(pod)
    rule = found["NetworkPolicy"]["spec"]["egress"][-1]
    assert [port["port"] for port in rule["ports"]] == [443, 22, 9000]
    both = objects(AUDIT._replace(claim="memory"))["Job"]["spec"]["template"]["spec"]
    assert option(both["containers"][0], "--memory") == "/results/memory"
    assert option(both["containers"][0], "--results") == "s3://bucket/fleet/$(RUN)"


@pytest.mark.parametrize(
    ("place", "agent"),
    [("s3://b", ("169.254.170.23/32", 80)), ("gs://b/p", ("169.254.169.252/32", 988)), ("az://c", None)],
)
def test_a_service_account_gets_its_credentials(place: str, agent: tuple[str, int] | None) -> None:
    found = objects(AUDIT._replace(results=place, results_secret="", account="writer", port=443))
    pod = found["Job"]["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("writer", False)
    blocks = [
        (rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"])
        for rule in found["NetworkPolicy"]["spec"]["egress"]
        if "ipBlock" in str(rule)
    ]
    assert blocks == ([agent] if agent else [])


def long_fleet(count: int) -> Fleet:
    """So many services as a company has them, each with an owner of its own."""
    return FLEET.having(
        Service(
            f"team-{number % 97}/service-{number:05}",
            f"https://git.example.org/team-{number % 97}/service-{number:05}.git",
            trust=sha1(str(number).encode(), usedforsecurity=False).hexdigest().upper(),
        )
        for number in range(count)
    )


def test_a_long_list_is_compressed_and_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = long_fleet(200)
    monkeypatch.setattr("aurora.fleet.job.MAX_LIST", len(listed.format_fleet(fleet)) - 1)
    found = objects(AUDIT, fleet)
    packed = b64decode(found["ConfigMap"]["binaryData"]["fleet.toml.gz"])
    assert "data" not in found["ConfigMap"]
    path = tmp_path / "fleet.toml.gz"
    path.write_bytes(packed)
    assert listed.read(path)._replace(folder=Path()) == fleet
    pod = found["Job"]["spec"]["template"]["spec"]
    assert {option(one, "--fleet") for one in (*pod["initContainers"], *pod["containers"])} == {"/list/fleet.toml.gz"}
    kubernetes_validate.validate(found["ConfigMap"], VERSION, strict=True)
    for broken in (packed[:-1], packed + b"x", packed[:20] + b"\0" + packed[21:]):
        path.write_bytes(broken)
        with pytest.raises(BadInput) as caught:
            listed.read(path)
        assert caught.value.code == "fleet.list"
    monkeypatch.setattr("aurora.fleet.listed.MAX_FILE", 1000)
    path.write_bytes(gzip.compress(b"#" * 10_000_000)[:990])
    tracemalloc.start()
    with pytest.raises(BadInput, match="has more than 1000 bytes"):
        listed.read(path)
    assert tracemalloc.get_traced_memory()[1] < 200_000, "no more is unpacked than a list may have"
    tracemalloc.stop()


def test_another_list_is_another_job() -> None:
    names = {objects(job, fleet)["Job"]["metadata"]["name"] for job in (JOB, JOB._replace(shards=4)) for fleet in
             (FLEET, FLEET._replace(name="other"))}  # fmt: skip
    assert len(names) == 4
    assert manifest(FLEET, JOB) == manifest(FLEET, JOB)


HOSTILE = ["x\ny: z", "a b", "$(id)", "${x}", '"', "-x", "", "../x", "A\u0130", "x" * 400]
BAD = [{field: text} for field in ("name", "namespace", "image", "claim") for text in HOSTILE]
BAD += [
    {"results": text} for text in (*HOSTILE, "s3://", "s3://u:p@b", "s3://b?x=1", "file:///x", "s3://$(id)") if text
]
BAD += [{"command": "sync"}, {"port": 0}, {"port": 70_000}]
BAD += [{field: text} for field in ("results_secret", "account") for text in HOSTILE if text]
BAD += [{"secret": text} for text in HOSTILE if text] + [{"shards": count} for count in (0, -1, 10_001)]


@pytest.mark.parametrize("change", BAD, ids=str)
def test_what_is_no_name_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        manifest(FLEET, JOB._replace(**change))
    assert caught.value.code == "fleet.job"


def test_a_fleet_of_this_machine_and_one_too_long_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed.write(tmp_path / "fleet.toml", FLEET)
    words = ["fleet", "job", "--fleet", str(tmp_path / "fleet.toml"), "--shards", "3", "--claim", "results"]
    words += ["--namespace", "fleet", "--git-secret", "git"]
    assert main([*words, "--image", IMAGE]) == 0
    assert capsys.readouterr().out == manifest(FLEET, JOB)
    assert main([*words, "--image", "two words"]) == 2
    assert "cannot be the image of a Job [fleet.job]" in capsys.readouterr().err
    more = ["--command", "audit", "--results", AUDIT.results, "--results-secret", "s3", "--results-port", "9000"]
    assert main([*(one for one in words if one not in ("--claim", "results")), "--image", IMAGE, *more]) == 0
    assert capsys.readouterr().out == manifest(FLEET, AUDIT)
    assert main([*(one for one in words if one not in ("--claim", "results")), "--image", IMAGE]) == 2
    assert "'' cannot be the claim of a Job [fleet.job]" in capsys.readouterr().err
    monkeypatch.setattr("aurora.fleet.job.MAX_LIST", len(listed.packed(FLEET)) - 1)
    for fleet in (
        Fleet("f", (Service("a", "../a"),)),
        Fleet("f", (Service("a", "file:///a"),)),
        FLEET._replace(template="x"),
        FLEET,
    ):
        with pytest.raises(BadInput) as caught:
            manifest(fleet, JOB)
        assert caught.value.code == "fleet.job"


ROOM = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
CLAIM = [
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "results"},
        "spec": {**ROOM, "capacity": {"storage": "1Gi"}, "nfs": {"server": "nfs.example.org", "path": "/results"}},
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "results", "namespace": "fleet"},
        "spec": {**ROOM, "volumeName": "results", "resources": {"requests": {"storage": "1Gi"}}},
    },
]


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with control_plane(tmp_path) as made:
        made.node("cpu-0", "m6i.large", {}, [], "eu-west-1a")
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet", "labels": labels}}
        made.ok("apply", "--server-side", "-f", "-", stdin=json.dumps(space))
        yield made


@pytest.mark.system
def test_a_cluster_runs_every_share_once(plane: ControlPlane) -> None:
    """The API server admits it under Pod Security `restricted`, and the Job controller makes one pod for each index."""
    text = manifest(FLEET, JOB)
    plane.ok(
        "apply", "--server-side", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": CLAIM})
    )
    done = plane.kubectl("apply", "--server-side", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    name = objects()["Job"]["metadata"]["name"]
    seen: dict[str, dict[str, Any]] = {}

    def made() -> bool:
        seen.update({pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: pod for pod in
                     plane.pods("fleet")})  # fmt: skip
        return len(seen) == 3

    until(made, "three pods")
    assert sorted(seen) == ["0", "1", "2"]
    for pod in seen.values():
        for one in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
            index = next(env for env in one["env"] if env["name"] == "JOB_COMPLETION_INDEX")
            assert "job-completion-index" in index["valueFrom"]["fieldRef"]["fieldPath"]
    path = f"/apis/batch/v1/namespaces/fleet/jobs/{name}"
    until(lambda: plane.get(path)["status"].get("completedIndexes") == "0-2", "every index is complete")
    until(lambda: "Complete" in {one["type"] for one in plane.get(path)["status"]["conditions"]}, "the Job is complete")
    # a second apply of the same manifest changes nothing
    plane.ok("apply", "--server-side", "-f", "-", stdin=text)
    assert plane.get(path)["metadata"]["generation"] == 1
    # an audit of ten thousand services for an object store, by a service account that may write there
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "writer", "namespace": "fleet"}}
    plane.ok("apply", "--server-side", "-f", "-", stdin=json.dumps(account))
    many, job = long_fleet(10_000), AUDIT._replace(account="writer")
    assert len(listed.format_fleet(many)) > MAX_LIST > 2 * len(listed.packed(many))
    done = plane.kubectl("apply", "--server-side", "-f", "-", stdin=manifest(many, job))
    assert (done.returncode, "Warning" in done.stderr) == (0, False), done.stderr
    name = objects(job, many)["Job"]["metadata"]["name"]
    path = f"/apis/batch/v1/namespaces/fleet/jobs/{name}"
    until(lambda: plane.get(path)["status"].get("completedIndexes") == "0-2", "every share is audited")
    uid = plane.get(path)["metadata"]["uid"]
    pods = [pod for pod in plane.pods("fleet") if pod["metadata"]["labels"]["app.kubernetes.io/instance"] == name]
    assert {pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] for pod in pods} == {uid}, "what RUN is"
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"writer"}
