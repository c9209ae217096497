"""The Job that looks at a fleet in a cluster: what it holds, what is refused, and that a real API server takes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from aurora.cli.main import main
from aurora.fleet import listed
from aurora.fleet.job import Job, manifest
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
    assert status["args"][status["args"].index("--output") + 1] == "/results/status-$(JOB_COMPLETION_INDEX).json"


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
    for job in (JOB, JOB._replace(secret="", shards=1)):
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


def test_another_list_is_another_job() -> None:
    names = {objects(job, fleet)["Job"]["metadata"]["name"] for job in (JOB, JOB._replace(shards=4)) for fleet in
             (FLEET, FLEET._replace(name="other"))}  # fmt: skip
    assert len(names) == 4
    assert manifest(FLEET, JOB) == manifest(FLEET, JOB)


HOSTILE = ["x\ny: z", "a b", "$(id)", "${x}", '"', "-x", "", "../x", "A\u0130", "x" * 400]
BAD = [{field: text} for field in ("name", "namespace", "image", "claim") for text in HOSTILE]
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
    monkeypatch.setattr("aurora.fleet.job.MAX_LIST", len(listed.format_fleet(FLEET)))
    for fleet in (
        Fleet("f", (Service("a", "../a"),)),
        Fleet("f", (Service("a", "file:///a"),)),
        FLEET._replace(template="x"),
        FLEET._replace(name="shops"),
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
