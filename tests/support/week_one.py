"""What ops/aws/verify-aurora-week1.sh looks at: a cluster, the public side of a service, its ledger."""

import json
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from k8s_render import Object, layer, overlay, pick, run
from stub_api import Answer, Cluster, certificate, serve

HOST = "my-svc.api.vaultmesh.cloud"
BALANCER = "k8s-my-svc.eu-west-1.elb.amazonaws.com"
CHECKS = [
    "nodes",
    "pods",
    "image",
    "hpa",
    "network",
    "ingress",
    "dns",
    "tls",
    "redirect",
    "health",
    "private-paths",
    "metrics",
    "gpu-idle",
    "ledger",
]


def node(name: str, pool: str, ready: str = "True") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"pool": pool}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def pod(name: str, gpu: str | None = None, waiting: str | None = None) -> Object:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    resources = {"limits": {"nvidia.com/gpu": gpu}} if gpu else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "aurora-staging", "labels": {"app": "my-svc"}},
        "spec": {"containers": [{"name": "my-svc", "image": "a:1", "resources": resources}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": "my-svc", "image": "a:1", "imageID": "a", "ready": True, "restartCount": 0, "state": state}
            ],
        },
    }


def healthy(collection: Path) -> list[Object]:
    """What a cluster holds some minutes after `kubectl apply -k ops/k8s/overlays/staging-eks`."""
    kinds = ("Deployment", "Service", "HorizontalPodAutoscaler", "NetworkPolicy", "Ingress")
    objects = [item for item in overlay(collection, "staging-eks") if item["kind"] in kinds]
    deployment = pick(objects, "Deployment")
    deployment["spec"]["replicas"] = 2
    deployment["metadata"]["generation"] = 3
    deployment["status"] = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    pick(objects, "HorizontalPodAutoscaler")["status"] = {
        "currentReplicas": 2,
        "desiredReplicas": 2,
        "conditions": [{"type": "AbleToScale", "status": "True"}, {"type": "ScalingActive", "status": "True"}],
    }
    pick(objects, "Ingress")["status"] = {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}
    agent = {
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
    return [*objects, agent, *(node(f"cpu-{n}", "cpu") for n in range(3)), pod("a"), pod("b")]


@dataclass
class World:
    """Everything that the script looks at. Tests break one thing in it."""

    objects: list[Object]
    samples: dict[str, int] = field(
        default_factory=lambda: {
            "http_requests_total": 4,
            "http_request_duration_seconds_count": 4,
            "active_connections": 2,
        }
    )
    public: dict[str, int] = field(
        default_factory=lambda: {"/health": 200, "/ready": 200, "/metrics": 404, "/docs": 404, "/openapi.json": 404}
    )
    redirect: bool = True
    trusted: bool = True
    resolves: bool = True
    ledger: int | None = 0
    cluster: str = "arn:aws:eks:eu-west-1:123456789012:cluster/aurora-staging"
    ready: bool = True
    site: Path | None = None  # the kubeconfig of another cluster than the stub with these objects

    def https(self, path: str) -> Answer:
        return self.public[path], "text/plain", "answer"

    def http(self, path: str) -> Answer:
        return (301, f"https://{HOST}:443{path}", "") if self.redirect else (200, "text/plain", "plain")


def verify(collection: Path, folder: Path, world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a world and return what it said."""
    script = layer(collection) / "ops/aws/verify-aurora-week1.sh"
    cluster = Cluster(world.objects, world.samples)
    cluster.ready = world.ready
    pem = certificate(folder / "site.pem", HOST)
    if world.ledger is not None:
        command = folder / "ops/bin/remembrancer"
        command.parent.mkdir(parents=True)
        command.write_text(f"#!/bin/sh\necho 'receipt.edited: deploy/my-svc-0.1.0.receipt'\nexit {world.ledger}\n")
        command.chmod(0o755)
    with ExitStack() as stack:
        api, https, http = (
            stack.enter_context(serve(cluster.answer)),
            stack.enter_context(serve(world.https, pem)),
            stack.enter_context(serve(world.http)),
        )
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": world.cluster, "user": "me"}}],
            "clusters": [{"name": world.cluster, "cluster": {"server": f"http://127.0.0.1:{api}"}}],
            "users": [{"name": "me", "user": {}}],
        }
        (folder / "kubeconfig").write_text(world.site.read_text() if world.site else json.dumps(config))
        site = "127.0.0.1" if world.resolves else "no-such-host.invalid"
        lines = [f'connect-to = "{HOST}:443:{site}:{https}"', f'connect-to = "{HOST}:80:127.0.0.1:{http}"']
        lines += [f'cacert = "{pem}"'] if world.trusted else []
        (folder / ".curlrc").write_text("\n".join(lines) + "\n")
        return run(
            "/bin/bash",
            script,
            *arguments,
            cwd=folder,
            KUBECONFIG=str(folder / "kubeconfig"),
            HOME=str(folder),
            CURL_HOME=str(folder),
            GOGC="off",  # for the kubectl of a moment
            NO_PROXY="*",
        )


def said(done: subprocess.CompletedProcess[str], word: str) -> set[str]:
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith(word + " ")}
