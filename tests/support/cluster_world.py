"""The cluster that `cluster.yaml` describes, on the control plane of the tests, and what is asked of it."""

from pathlib import Path

import yaml

from control_plane import ControlPlane, until
from k8s_render import Object, layer

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
HOME = {"development": "aurora-staging", "staging": "aurora-staging", "staging-eks": "aurora-staging"} | {
    "production": "aurora-production"
}
NAMESPACES = ("aurora-staging", "aurora-production")
# What the cluster has of its own: the network's agent, and Prometheus behind the operator's service.
AGENT = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "aws-node", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "aws-node"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "aws-node"}},
            "spec": {
                "containers": [
                    {"name": "aws-node", "image": "cni:1"},
                    {"name": "agent", "image": "agent:1", "args": ["--enable-network-policy=true"]},
                ]
            },
        },
    },
}
PROMETHEUS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}},
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "prometheus-operated", "namespace": "monitoring"},
        "spec": {"selector": {"app": "prometheus"}, "ports": [{"name": "web", "port": 9090}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "prometheus-0", "namespace": "monitoring", "labels": {"app": "prometheus"}},
        "spec": {"containers": [{"name": "prometheus", "image": "prometheus:1"}]},
    },
)
OTHERS = (*PROMETHEUS, AGENT)


def add_nodes(plane: ControlPlane, collection: Path, *names: str) -> None:
    """Make all nodes that pools of cluster.yaml can have: those of every pool, or of those that are named."""
    root = layer(collection, gpu=True) / "ops"
    for pool in yaml.safe_load((root / "aws/cluster.yaml").read_text())["managedNodeGroups"]:
        machine = pool.get("instanceType") or pool["instanceTypes"][0]
        for number in range(pool["maxSize"] if not names or pool["name"] in names else 0):
            name, zone = f"{pool['name']}-{number}", ZONES[number % len(ZONES)]
            plane.node(name, machine, pool["labels"], pool.get("taints", []), zone)


def nodes(plane: ControlPlane, pool: str) -> list[str]:
    """Return the names of a pool's nodes."""
    found = [one["metadata"]["name"] for one in plane.get("/api/v1/nodes")["items"]]
    return sorted(name for name in found if name.startswith(f"{pool}-"))


def images(pods: list[Object]) -> set[str]:
    """Return what pods run."""
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def apply(plane: ControlPlane, folder: Path, *flags: str) -> None:
    """Apply what kustomize makes of a folder, as the server merges it."""
    plane.ok("apply", "--server-side", "-k", folder, *flags)


def rolled_out(plane: ControlPlane, namespace: str, count: int, component: str = "my-svc") -> list[Object]:
    """Wait until so many servers of the newest revision run, and no other ones; return them."""
    name, found = f"{component}-deploy", list[Object]()

    def settled() -> bool:
        state = plane.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        # of the Deployment's selector, to which a migration's pods do not belong
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
