"""Every overlay on a real control plane: API server, controllers and scheduler judge what the templates make.

Pod Security "restricted" admits or refuses, the scheduler finds each pod a node of cluster.yaml's pools, and the pods
come from the real controllers. Only the kubelet is a stand-in (control_plane).
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import yaml

from ci_render import call, environment, program, repository
from cluster_world import HOME, NAMESPACES, OTHERS, ZONES, add_nodes, apply, images, nodes, rolled_out
from collection import VERSION, git, render
from control_plane import ControlPlane, control_plane, until
from k8s_render import OVERLAYS, Object, build, layer, overlay, pod_selectors, tool
from older_labels import older_labels
from registry import built, registry
from service_support import started
from week_one import CHECKS, World, said, verify

pytestmark = pytest.mark.system

REGISTRY = "registry.example.com/team"
DEPLOYMENT = "deployment/my-svc-deploy"
STAGING = "aurora-staging"
COUNTING = "deployments,replicasets,jobs,services,poddisruptionbudgets,networkpolicies"
INGRESS = "/apis/networking.k8s.io/v1/namespaces/aurora-staging/ingresses/my-svc-ingress"
SCALER = "/apis/autoscaling/v2/namespaces/aurora-staging/horizontalpodautoscalers/my-svc-hpa"


@pytest.fixture(scope="module")
def plane(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with all nodes that cluster.yaml's pools can have, and the namespaces of the template."""
    with control_plane(tmp_path_factory.mktemp("plane")) as made:
        add_nodes(made, collection)
        root = layer(collection, gpu=True) / "ops"
        made.ok("apply", "--server-side", "-f", root / "k8s/namespaces.yaml")
        yield made


@pytest.fixture
def clean(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The same, with nothing running in it before and after."""
    yield plane
    plane.remove(*NAMESPACES)


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
    wanted = overlay(collection, name, gpu=gpu)
    least = [one["spec"]["minReplicas"] for one in wanted if one["kind"] == "HorizontalPodAutoscaler"] or [1]
    pods = rolled_out(clean, HOME[name], *least)
    pools = {pod["spec"]["nodeName"].rpartition("-")[0] for pod in pods}
    assert pools == ({"gpu"} if gpu and name != "development" else {"cpu"})
    there = clean.ok("get", "-k", folder, "-o", "name").split()
    assert sorted(name.partition("/")[2] for name in there) == sorted(one["metadata"]["name"] for one in wanted)
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
        # every pod uses exactly what the scaler aims at, so that the number stays
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


@dataclass
class Checkout:
    """A service's repository whose programs speak to the control plane with the real kubectl."""

    root: Path
    plane: ControlPlane
    overlay: str

    def deploy(self, what: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = environment(self.root.parent, self.root.parent / "path", KUBECONFIG=str(self.plane.kubeconfig))
        return call(["ops/bin/deploy", what], self.root, env | {"OVERLAY": self.overlay} | variables, timeout=300)

    def ok(self, what: str, **variables: str) -> str:
        done = self.deploy(what, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def checkout(plane: ControlPlane, collection: Path, folder: Path, overlay: str, **answers: Any) -> Checkout:
    """Return a rendered service in a repository, with the kubectl of the development environment in its path."""
    given = {"component": "my-svc", "registry": REGISTRY} | answers
    root = repository(render(collection, folder / "my-svc", **given))
    program(folder / "path", "kubectl", f'#!/bin/sh\nGOGC=off exec {tool("kubectl")} "$@"\n')
    return Checkout(root, plane, overlay)


def recorded(service: Checkout) -> Path:
    """Let version 0.1.0 be recorded; return the file with what the Remembrancer's stand-in is asked to note."""
    for name in ("receipts/deploy/my-svc-0.1.0.receipt", "trust/policy.toml"):
        (service.root / "ops" / name).parent.mkdir(parents=True, exist_ok=True)
        (service.root / "ops" / name).write_text("{}\n")
    notes = service.root.parent / "notes"
    noter = f"""[ "$1" != --version ] || {{ echo remembrancer {VERSION}; exit; }}\necho "$*" >>'{notes}'"""
    program(service.root.parent / "path", "remembrancer", f"#!/bin/sh\n{noter}\n")
    return notes


def shows_what_runs(service: Checkout, pods: list[Object], log: Path) -> None:
    """`deploy verify` waits for the rollout, and shows the pods and what they say, which the API server asks of nodes.

    What stands for the container is the service itself, started here: its log is what the nodes have.
    """
    unknown = service.deploy("verify")
    assert unknown.returncode == 1, unknown.stdout
    assert "successfully rolled out" in unknown.stdout
    assert "(NotFound)" in unknown.stderr, "a node that knows no such container"
    assert "pods/log my-svc-deploy-" in unknown.stderr
    with started(service.root, log) as running:
        assert [running.get("/nowhere")[0] for _ in range(25)] == [404] * 25
        until(lambda: sum(line.get("status") == 404 for line in running.lines()) == 25, "each request is logged")
        lines = log.read_text().splitlines()
        service.plane.logs["my-svc"] = log
        shown = service.ok("verify").splitlines()
        service.plane.logs.clear()
    names = {pod["metadata"]["name"] for pod in pods}
    assert {line.split()[0] for line in shown if " Running " in line} == names
    assert len({*lines}) == len(lines) > 25, "each line has its own time"
    assert [shown.count(line) for line in lines[-20:]] == [len(pods)] * 20
    assert not {*lines[:-20]} & {*shown}, "no more than the last ones of each pod"


def test_deploy_verify_pin_and_roll_back(clean: ControlPlane, collection: Path, tmp_path: Path) -> None:
    """The service's own programs, with the real kubectl, against what runs."""
    service = checkout(clean, collection, tmp_path, "production")
    notes = recorded(service)
    first, second = (f"sha256:{digit * 64}" for digit in "ab")
    service.ok("pin", DIGEST=first, VERSION="0.1.0")
    service.ok("apply")
    rolled_out(clean, "aurora-production", 3)
    service.ok("pin", DIGEST=second, VERSION="0.2.0")
    service.ok("apply")
    pods = rolled_out(clean, "aurora-production", 3)
    assert images(pods) == {f"{REGISTRY}/my-svc@{second}"}
    shows_what_runs(service, pods, tmp_path / "log")
    service.ok("rollback", TO="0.1.0", REASON="slow answers")
    pods = rolled_out(clean, "aurora-production", 3)
    assert images(pods) == {f"{REGISTRY}/my-svc@{first}"}
    assert "record rollback --component my-svc --version 0.2.0 --to 0.1.0" in notes.read_text()


def test_what_was_pushed_is_what_runs(clean: ControlPlane, collection: Path, tmp_path: Path) -> None:
    """From a real registry into the cluster, named by the digest that the registry gave."""
    with registry(tmp_path / "path") as served:
        service = checkout(clean, collection, tmp_path, "staging", registry=f"{served.address}/team")
        digest = built(service.root, git(service.root, "rev-parse", "HEAD"))
        env = environment(tmp_path, served.path)
        done = call(["ops/bin/image", "push"], service.root, env)
        assert done.returncode == 0, done.stderr
        service.ok("apply")
        (image,) = images(rolled_out(clean, "aurora-staging", 2))
        assert image == f"{served.address}/team/my-svc@{digest}"
        assert served.crane("digest", image) == digest, "a node would pull exactly this"


def test_nothing_is_rolled_out_before_the_migration_has_ended(
    clean: ControlPlane, collection: Path, tmp_path: Path
) -> None:
    service = checkout(clean, collection, tmp_path, "staging", database="postgresql")
    job = service.root / "ops/k8s/components/database/migration.yaml"
    # the retries of a real one take more than a minute
    job.write_text(job.read_text().replace("backoffLimit: 3", "backoffLimit: 0"))
    service.ok("pin", DIGEST=f"sha256:{'a' * 64}")
    clean.exits["my-svc"] = 1
    done = service.deploy("apply")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the migration failed, so nothing was rolled out" in done.stderr
    assert not clean.get("/apis/apps/v1/namespaces/aurora-staging/deployments")["items"]

    clean.exits.clear()
    service.ok("apply")
    pods = rolled_out(clean, "aurora-staging", 2)
    assert images(pods) == {f"{REGISTRY}/my-svc@sha256:{'a' * 64}"}
    (ended,) = clean.get("/apis/batch/v1/namespaces/aurora-staging/jobs")["items"]
    assert ended["status"]["completionTime"] <= pods[0]["metadata"]["creationTimestamp"]
    (migration,) = [pod for pod in clean.pods("aurora-staging") if pod["status"]["phase"] == "Succeeded"]
    scaled = clean.get("/apis/apps/v1/namespaces/aurora-staging/deployments/my-svc-deploy/scale")["status"]["selector"]
    chosen = clean.ok("-n", "aurora-staging", "get", "pods", "-l", scaled, "-o", "name").split()
    assert sorted(chosen) == sorted(f"pod/{pod['metadata']['name']}" for pod in pods), "what the autoscaler counts"
    service.ok("apply")
    assert len(rolled_out(clean, "aurora-staging", 2)) == 2, "a second time, over what Kubernetes never lets change"
    assert migration["metadata"]["name"] not in {pod["metadata"]["name"] for pod in clean.pods("aurora-staging")}


def counted(plane: ControlPlane, digest: str) -> None:
    """Two servers run an image; each pod is that of something that is there, and no object counts a migration's."""
    pods = rolled_out(plane, STAGING, 2)
    assert images(pods) == {f"{REGISTRY}/my-svc@{digest}"}
    servers = {pod["metadata"]["name"] for pod in pods}
    there = json.loads(plane.ok("-n", STAGING, "get", COUNTING, "-o", "json"))["items"]
    owners = {item["metadata"]["uid"] for item in there if item["kind"] in ("ReplicaSet", "Job")}
    (job,) = [item for item in there if item["kind"] == "Job"]
    every = plane.pods(STAGING)
    assert all(owner["uid"] in owners for pod in every for owner in pod["metadata"]["ownerReferences"])
    others = [pod for pod in every if pod["metadata"]["name"] not in servers]
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in others} <= {job["metadata"]["uid"]}
    selectors = pod_selectors([item for item in there if item["kind"] not in ("ReplicaSet", "Job")])
    for pod in others:
        labels = pod["metadata"]["labels"].items()
        found = {who for who, wanted in selectors.items() if wanted.items() <= labels}
        assert found == {f"NetworkPolicy my-svc-{name}" for name in ("default-deny", "allow-dns", "allow-database")}
    assert chosen_to_scale(plane) == servers
    budget = f"/apis/policy/v1/namespaces/{STAGING}/poddisruptionbudgets/my-svc-pdb"
    until(lambda: plane.get(budget)["status"]["expectedPods"] == 2, "the budget counts two pods")
    asked = "labelSelector=kubernetes.io/service-name=my-svc-svc"
    path = f"/apis/discovery.k8s.io/v1/namespaces/{STAGING}/endpointslices?{asked}"

    def reached() -> set[str]:
        return {one["targetRef"]["name"] for part in plane.get(path)["items"] for one in part.get("endpoints") or ()}

    until(lambda: reached() == servers, "requests reach the two servers alone")


def chosen_to_scale(plane: ControlPlane) -> set[str]:
    """Return the pods that the autoscaler counts."""
    scale = plane.get(f"/apis/apps/v1/namespaces/{STAGING}/deployments/my-svc-deploy/scale")
    found = plane.ok("-n", STAGING, "get", "pods", "-l", scale["status"]["selector"], "-o", "name").split()
    return {name.removeprefix("pod/") for name in found}


def test_an_update_over_a_service_whose_migrations_had_the_servers_label(
    clean: ControlPlane, collection: Path, tmp_path: Path
) -> None:
    """What runs since the older version stays one Deployment; its migration's pod is no longer one of them."""
    service = checkout(clean, collection, tmp_path, "staging", database="postgresql")
    recorded(service)
    manifests, today = service.root / "ops/k8s", tmp_path / "today"
    shutil.copytree(manifests, today)
    first, second = (f"sha256:{digit * 64}" for digit in "ab")
    older_labels(manifests)
    service.ok("pin", DIGEST=first, VERSION="0.1.0")
    service.ok("apply")
    path = f"/apis/apps/v1/namespaces/{STAGING}/deployments/my-svc-deploy"
    until(lambda: clean.get(path)["status"].get("availableReplicas") == 2, "the older version runs")
    assert len(chosen_to_scale(clean)) == 3, "the autoscaler counted the migration's pod"
    (before,), uid = jobs(clean), clean.get(path)["metadata"]["uid"]

    shutil.copytree(today, manifests, dirs_exist_ok=True)
    service.ok("pin", DIGEST=second, VERSION="0.2.0")
    tried = clean.kubectl("apply", "--dry-run=server", "-k", manifests / "overlays/staging")
    refused = [line for line in tried.stderr.splitlines() if "invalid" in line]
    assert [line.partition(" is invalid")[0] for line in refused] == ['The Job "my-svc-migrate"'], tried.stderr
    assert "field is immutable" in refused[0]
    service.ok("apply")
    counted(clean, second)
    (after,) = jobs(clean)
    assert before != after, "a Job is replaced, for it cannot be changed"
    service.ok("rollback", TO="0.1.0", REASON="slow answers")
    counted(clean, first)
    service.ok("apply")
    counted(clean, second)

    # The update is taken back: what was before is applied over it.
    older_labels(manifests)
    service.ok("apply")
    until(lambda: len(chosen_to_scale(clean)) == 3, "as it was before")
    assert jobs(clean) not in ([before], [after])
    assert clean.get(path)["metadata"]["uid"] == uid, "and the Deployment was never made anew"


def jobs(plane: ControlPlane) -> list[str]:
    """Return the ids of the migrations that the cluster has."""
    return [one["metadata"]["uid"] for one in plane.get(f"/apis/batch/v1/namespaces/{STAGING}/jobs")["items"]]


# ---------------------------------------------------------------- verify-aurora-week1.sh


@pytest.fixture
def week_one(clean: ControlPlane, collection: Path, tmp_path: Path) -> Iterator[World]:
    """What the first week leaves in a cluster: staging-eks, its load balancer, Prometheus, and an idle GPU pool."""
    gpus = nodes(clean, "gpu")
    clean.ok("delete", "node", *gpus)
    apply(clean, layer(collection) / "ops/k8s/overlays/staging-eks")
    clean.ok("apply", "-f", "-", stdin=yaml.safe_dump_all(OTHERS))
    clean.samples.update(World([]).samples)
    clean.ok("-n", "monitoring", "wait", "--for=condition=Ready", "pod/prometheus-0", "--timeout=60s")
    rolled_out(clean, "aurora-staging", 2)
    balancer = {"loadBalancer": {"ingress": [{"hostname": "k8s-my-svc.eu-west-1.elb.amazonaws.com"}]}}
    clean.change(f"{INGRESS}/status", {"status": balancer})
    yield World([], site=clean.context(tmp_path / "kubeconfig", "aurora-staging"))
    clean.samples.clear()
    clean.ok("delete", "-f", "-", "--ignore-not-found", stdin=yaml.safe_dump_all(OTHERS))
    clean.ok("delete", "node", *gpus, "--ignore-not-found")
    for name in nodes(clean, "cpu"):
        clean.say(name, "True")
    add_nodes(clean, collection, "gpu")


def scaling(plane: ControlPlane) -> str:
    """What the real autoscaler says of whether it can scale."""
    state = plane.get(SCALER)["status"]
    return next((one["status"] for one in state.get("conditions", []) if one["type"] == "ScalingActive"), "")


def test_the_first_week_is_verified(week_one: World, clean: ControlPlane, collection: Path, tmp_path: Path) -> None:
    until(lambda: scaling(clean) == "True", "the autoscaler reads CPU use")

    def judged(name: str) -> tuple[set[str], str]:
        (tmp_path / name).mkdir()
        done = verify(collection, tmp_path / name, week_one)
        failed = said(done, "FAIL")
        assert said(done, "ok") == set(CHECKS) - failed, done.stdout + done.stderr
        assert done.returncode == (1 if failed else 0)
        assert done.stdout.count("remedy:") == len(failed)
        return failed, done.stdout

    assert judged("healthy") == (set(), ANY)

    # faults that do not touch each other are made together: each is found by its own check
    for name in nodes(clean, "cpu")[2:]:
        clean.say(name, "Unknown")
    clean.ok("-n", "aurora-staging", "delete", "networkpolicy", "my-svc-default-deny")
    clean.change(f"{INGRESS}/status", {"status": {"loadBalancer": {"ingress": None}}})
    add_nodes(clean, collection, "gpu")
    clean.samples.pop("active_connections")
    week_one.ledger = 1
    clean.change(SCALER, {"spec": {"scaleTargetRef": {"name": "other"}}})
    clean.ok("-n", "aurora-staging", "rollout", "pause", DEPLOYMENT)
    clean.ok("-n", "aurora-staging", "set", "image", DEPLOYMENT, "my-svc=registry.example.com/my-svc:latest")
    failed, text = judged("broken")
    assert failed == {"nodes", "network", "ingress", "gpu-idle", "metrics", "ledger", "hpa", "image", "pods"}
    assert "2 of at least 3 ready" in text
    assert "the rollout is not finished: 0 of 2 pods run the newest version" in text
    assert "it scales 'other', not my-svc-deploy" in text
    assert "no policy my-svc-default-deny closes both directions" in text
    assert "the load balancer has no address" in text

    clean.ok("-n", "aurora-staging", "rollout", "resume", DEPLOYMENT)
    rolled_out(clean, "aurora-staging", 2)
    apply(clean, layer(collection) / "ops/k8s/overlays/staging-eks", "--force-conflicts")
    pods = rolled_out(clean, "aurora-staging", 2)
    clean.ok("-n", "kube-system", "delete", "daemonset", "aws-node")
    clean.ok("-n", "aurora-staging", "delete", "ingress", "my-svc-ingress")
    clean.ok("-n", "aurora-staging", "delete", "pods.metrics.k8s.io", "--all")
    broken = {"ready": True, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    status = {"containerStatuses": [pods[0]["status"]["containerStatuses"][0] | broken]}
    clean.change(f"/api/v1/namespaces/aurora-staging/pods/{pods[0]['metadata']['name']}/status", {"status": status})
    until(lambda: scaling(clean) == "False", "the autoscaler is blind")
    failed, text = judged("worse")
    assert failed == {"nodes", "network", "ingress", "gpu-idle", "metrics", "ledger", "hpa", "pods"}
    assert f"these pods do not start: {pods[0]['metadata']['name']}" in text
    assert "the cluster's network does not enforce them" in text
    assert "it cannot read CPU use" in text

    unready = {"conditions": [one | {"status": "False"} for one in pods[1]["status"]["conditions"]]}
    clean.change(f"/api/v1/namespaces/aurora-staging/pods/{pods[1]['metadata']['name']}/status", {"status": unready})
    clean.ok("-n", "aurora-staging", "delete", "hpa", "my-svc-hpa")
    path = f"/apis/apps/v1/namespaces/aurora-staging/{DEPLOYMENT.replace('/', 's/')}"
    until(lambda: clean.get(path)["status"].get("availableReplicas") == 1, "one pod is available")
    failed, text = judged("one-pod")
    assert "1 of 2 pods are available (2 at least)" in text
    assert "there is no autoscaler my-svc-hpa" in text
    clean.ok("-n", "aurora-staging", "delete", DEPLOYMENT)
    failed, text = judged("gone")
    assert {"pods", "image"} <= failed
    assert "there is no deployment my-svc-deploy" in text
