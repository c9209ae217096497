"""Every overlay on a real control plane: API server, controllers and scheduler judge what the templates make.

Pod Security "restricted" admits or refuses, the scheduler finds each pod a node of cluster.yaml's pools, and the pods
come from the real controllers. Only the kubelet is a stand-in (control_plane).
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_render import call, environment, program, repository
from collection import VERSION, render
from control_plane import ControlPlane, control_plane, until
from k8s_render import OVERLAYS, Object, build, layer, tool

pytestmark = pytest.mark.system

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
HOME = {"development": "aurora-staging", "staging": "aurora-staging", "staging-eks": "aurora-staging"} | {
    "production": "aurora-production"
}
NAMESPACES = ("aurora-staging", "aurora-production")


@pytest.fixture(scope="module")
def plane(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with all nodes that cluster.yaml's pools can have, and the namespaces of the template."""
    with control_plane(tmp_path_factory.mktemp("plane")) as made:
        root = layer(collection, gpu=True) / "ops"
        for pool in yaml.safe_load((root / "aws/cluster.yaml").read_text())["managedNodeGroups"]:
            machine = pool.get("instanceType") or pool["instanceTypes"][0]
            for number in range(pool["maxSize"]):
                name, zone = f"{pool['name']}-{number}", ZONES[number % len(ZONES)]
                made.node(name, machine, pool["labels"], pool.get("taints", []), zone)
        made.ok("apply", "--server-side", "-f", root / "k8s/namespaces.yaml")
        yield made


@pytest.fixture
def clean(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The same, with nothing running in it before and after."""
    yield plane
    plane.remove(*NAMESPACES)


def apply(plane: ControlPlane, folder: Path) -> None:
    plane.ok("apply", "--server-side", "-k", folder)


def rolled_out(plane: ControlPlane, namespace: str, count: int, component: str = "my-svc") -> list[Object]:
    """Wait until so many pods of the newest revision run, and no other ones; return them."""
    name, found = f"{component}-deploy", list[Object]()

    def settled() -> bool:
        state = plane.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        found[:] = [pod for pod in plane.pods(namespace) if pod["metadata"]["labels"]["app"] == component]
        seen = [state["status"].get(f"{kind}Replicas") for kind in ("updated", "ready", "available")]
        current = state["metadata"]["generation"] == state["status"].get("observedGeneration")
        return current and seen == [count] * 3 and len(found) == count

    try:
        until(settled, f"{count} pods of {name} in {namespace}")
    except AssertionError:
        print(plane.ok("get", "pods", "-A", "-o", "wide"), plane.ok("get", "events", "-A"))
        raise
    return found


def test_the_judges_judge(clean: ControlPlane) -> None:
    """A pod that Pod Security forbids, and a custom resource that its schema forbids."""
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "aurora-staging"}}
    loose = pod | {"spec": {"hostNetwork": True, "containers": [{"name": "x", "image": "x"}]}}
    done = clean.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(loose))
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted:latest"' in done.stderr
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "spec": {"endpoints": "all"}}
    done = clean.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(rule | {"metadata": pod["metadata"]}))
    assert done.returncode != 0
    assert "endpoints" in done.stderr


@pytest.mark.parametrize("gpu", [False, True], ids=["plain", "gpu"])
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_applied_twice_and_runs(clean: ControlPlane, collection: Path, name: str, gpu: bool) -> None:
    folder = layer(collection, gpu=gpu) / "ops/k8s/overlays" / name
    apply(clean, folder)
    wanted = build(folder)
    least = [one["spec"]["minReplicas"] for one in wanted if one["kind"] == "HorizontalPodAutoscaler"] or [1]
    pods = rolled_out(clean, HOME[name], *least)
    pools = {pod["spec"]["nodeName"].rpartition("-")[0] for pod in pods}
    assert pools == ({"gpu"} if gpu and name != "development" else {"cpu"})
    for one in wanted:
        where = ["-n", one["metadata"]["namespace"]] if "namespace" in one["metadata"] else []
        kind = one["kind"] + "." + one["apiVersion"].partition("/")[0] if "/" in one["apiVersion"] else one["kind"]
        clean.ok(*where, "get", kind, one["metadata"]["name"], "-o", "name")
    before = {pod["metadata"]["uid"] for pod in pods}
    apply(clean, folder)
    assert {pod["metadata"]["uid"] for pod in rolled_out(clean, HOME[name], *least)} == before, "nothing was new"


def test_every_component_is_applied(clean: ControlPlane, collection: Path, tmp_path: Path) -> None:
    """Also those that no overlay lists."""
    root = tmp_path / "k8s"
    shutil.copytree(layer(collection) / "ops/k8s", root)
    every = sorted(path.name for path in (root / "components").iterdir())
    file = root / "overlays/production/kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    content["components"] = sorted({*content["components"], *(f"../../components/{name}" for name in every)})
    file.write_text(yaml.safe_dump(content))
    apply(clean, file.parent)
    rolled_out(clean, "aurora-production", 3)
    assert clean.ok("-n", "aurora-production", "get", "peerauthentication", "-o", "name").strip()


def test_two_services_in_both_environments_find_room(clean: ControlPlane, collection: Path) -> None:
    for component in ("my-svc", "orders"):
        for name in ("staging-eks", "production"):
            apply(clean, layer(collection, component=component) / "ops/k8s/overlays" / name)
    for component in ("my-svc", "orders"):
        rolled_out(clean, "aurora-staging", 2, component)
        pods = rolled_out(clean, "aurora-production", 3, component)
        zones = {ZONES[int(pod["spec"]["nodeName"].rpartition("-")[2]) % 3] for pod in pods}
        assert zones == {*ZONES}, "a zone may fail"
    shown = clean.get("/apis/networking.k8s.io/v1/ingresses")["items"]
    hosts = [rule["host"] for one in shown for rule in one["spec"]["rules"]]
    assert len(hosts) == len(set(hosts)) == 4


@pytest.mark.parametrize("gpu", [False, True], ids=["plain", "gpu"])
def test_the_most_replicas_of_both_environments_find_room(clean: ControlPlane, collection: Path, gpu: bool) -> None:
    """And a rollout of production at its least on top of staging's most; README says that a larger one may wait."""
    root = layer(collection, gpu=gpu) / "ops/k8s/overlays"
    most = {}
    for name in ("staging-eks", "production"):
        apply(clean, root / name)
        scaler = next(one for one in build(root / name) if one["kind"] == "HorizontalPodAutoscaler")
        most[name] = scaler["spec"]["maxReplicas"]
        # the scaler rests without metrics, so that the number stays
        clean.ok("-n", HOME[name], "scale", "deployment/my-svc-deploy", f"--replicas={most[name]}")
    for name, count in most.items():
        rolled_out(clean, HOME[name], count)
    least = 2 if gpu else 3
    clean.ok("-n", "aurora-production", "scale", "deployment/my-svc-deploy", f"--replicas={least}")
    rolled_out(clean, "aurora-production", least)
    clean.ok("-n", "aurora-production", "rollout", "restart", "deployment/my-svc-deploy")
    rolled_out(clean, "aurora-production", least)


def test_an_update_of_the_answers_is_applied_over_what_runs(clean: ControlPlane, collection: Path) -> None:
    """No answer of a running service changes what Kubernetes never lets change."""
    apply(clean, layer(collection) / "ops/k8s/overlays/production")
    old = {pod["metadata"]["uid"] for pod in rolled_out(clean, "aurora-production", 3)}
    changed: dict[str, Any] = {"version": "1.4.0", "port": 9000, "health_path": "/livez", "ready_path": "/readyz"}
    apply(clean, layer(collection, gpu=True, **changed) / "ops/k8s/overlays/production")
    pods = rolled_out(clean, "aurora-production", 3)
    assert not {pod["metadata"]["uid"] for pod in pods} & old
    assert {pod["metadata"]["labels"]["app.kubernetes.io/version"] for pod in pods} == {"1.4.0"}


def test_deploy_verify_pin_and_roll_back(clean: ControlPlane, collection: Path, tmp_path: Path) -> None:
    """The service's own programs, with the real kubectl, against what runs."""
    answers = {"component": "my-svc", "registry": "registry.example.com/team"}
    root = repository(render(collection, tmp_path / "my-svc", **answers))
    for name in ("receipts/deploy/my-svc-0.1.0.receipt", "trust/policy.toml"):
        (root / "ops" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "ops" / name).write_text("{}\n")
    path = tmp_path / "path"
    program(path, "kubectl", f'#!/bin/sh\nexec {tool("kubectl")} "$@"\n')
    noter = f"""[ "$1" != --version ] || {{ echo remembrancer {VERSION}; exit; }}\necho "$*" >>'{tmp_path}/notes'"""
    program(path, "remembrancer", f"#!/bin/sh\n{noter}\n")

    def deploy(what: str, **variables: str) -> str:
        env = environment(tmp_path, path, KUBECONFIG=str(clean.kubeconfig), OVERLAY="production", **variables)
        done = call(["ops/bin/deploy", what], root, env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    image = "registry.example.com/team/my-svc"
    first, second = (f"sha256:{digit * 64}" for digit in "ab")
    deploy("pin", DIGEST=first, VERSION="0.1.0")
    deploy("apply")
    rolled_out(clean, "aurora-production", 3)
    deploy("pin", DIGEST=second, VERSION="0.2.0")
    deploy("apply")
    pods = rolled_out(clean, "aurora-production", 3)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {f"{image}@{second}"}
    deploy("rollback", TO="0.1.0", REASON="slow answers")
    pods = rolled_out(clean, "aurora-production", 3)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {f"{image}@{first}"}
    assert "record rollback --component my-svc --version 0.2.0 --to 0.1.0" in (tmp_path / "notes").read_text()
