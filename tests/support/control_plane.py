"""A Kubernetes control plane on loopback: etcd, API server, controllers and scheduler are real, the kubelet is ours.

Nodes are objects without a machine; what would run on them is said to run. A container's log is that of a process which
stands for it: the API server asks for it as it asks a node, over TLS and by certificate. Everything ends by its own
process id.
"""

import json
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

import peers
from k8s_render import Object, tool
from stub_api import Answer, prometheus, serve

DEADLINE = 120.0
"""Seconds that anything in here may take."""

# What the machines of cluster.yaml leave for pods, after the system's share.
MACHINES = {
    "m6i.large": {"cpu": "1930m", "memory": "7000Mi"},
    "g5.2xlarge": {"cpu": "7910m", "memory": "30Gi", "nvidia.com/gpu": "1"},
}

# What the API server would ask inside the cluster (a service through its proxy) goes through a tunnel to the tests.
EGRESS = """\
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      tcp:
        url: https://127.0.0.1:{port}
        tlsConfig: {{caBundle: {folder}/serving.crt, clientCert: {folder}/serving.crt, clientKey: {folder}/serving.key}}
"""
# The metrics server's API as objects, which the kubelet of the tests writes and the real autoscaler reads.
USAGE = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: pods.metrics.k8s.io
  annotations: {api-approved.kubernetes.io: "unapproved, for tests"}
spec:
  group: metrics.k8s.io
  scope: Namespaced
  names: {kind: PodMetrics, listKind: PodMetricsList, plural: pods, singular: podmetrics}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


@dataclass
class ControlPlane:
    """A cluster that answers at `url`; `kubeconfig` is its administrator's."""

    folder: Path
    url: str
    client: httpx.Client
    exits: dict[str, int] = field(default_factory=dict)  # with what a component's jobs end, else 0
    samples: dict[str, int] = field(default_factory=dict)  # how many of each metric Prometheus has
    logs: dict[str, Path] = field(default_factory=dict)  # what the process says that stands for a container
    kubelet: int = 0  # where the API server reaches every node's kubelet

    def context(self, file: Path, cluster: str) -> Path:
        """Write a kubeconfig that calls this cluster by another name."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["clusters"][0]["name"] = config["contexts"][0]["context"]["cluster"] = cluster
        file.write_text(yaml.safe_dump(config))
        return file

    def change(self, path: str, change: Object) -> None:
        """Merge a change into an object."""
        _patch(self.client, path, change)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl as the administrator."""
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig), "GOGC": "off"}
        command = [tool("kubectl"), *map(str, arguments)]
        return subprocess.run(
            command, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=DEADLINE
        )

    def ok(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl, which has to succeed, and return what it printed."""
        done = self.kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def get(self, path: str) -> Any:
        """Return what the API answers below a path."""
        answer = self.client.get(path)
        answer.raise_for_status()
        return answer.json()

    def pods(self, namespace: str) -> list[Object]:
        """Return the pods of a namespace that nobody deletes."""
        found = self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def node(self, name: str, machine: str, labels: dict[str, str], taints: list[dict[str, str]], zone: str) -> None:
        """Make a node that is ready, of a kind of machine."""
        marks = labels | {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": marks}}
        self.client.post("/api/v1/nodes", json=body).raise_for_status()
        room = MACHINES[machine] | {"pods": "29", "ephemeral-storage": "40Gi"}
        path = f"/api/v1/nodes/{name}"
        reached = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet}},
        }
        self.change(f"{path}/status", {"status": {"capacity": room, "allocatable": room} | reached})
        self.say(name, "True")
        # a new node is tainted as not ready until a controller that we do without has seen it
        self.change(path, {"spec": {"taints": taints}})

    def say(self, node: str, ready: str) -> None:
        """Say whether a node is ready: "True", or "Unknown" as of one that no longer reports."""
        times = {"lastHeartbeatTime": _now(), "lastTransitionTime": _now()}
        condition = {"type": "Ready", "status": ready, "reason": "Said"} | times
        self.change(f"/api/v1/nodes/{node}/status", {"status": {"conditions": [condition]}})

    def remove(self, *namespaces: str) -> None:
        """Delete everything in some namespaces, and wait until their pods are gone."""
        kinds = "deployments,replicasets,jobs,pods,services,configmaps,horizontalpodautoscalers,ingresses"
        for namespace in namespaces:
            self.ok("-n", namespace, "delete", kinds, "--all", "--wait=false", "--ignore-not-found")
        for namespace in namespaces:
            path = f"/api/v1/namespaces/{namespace}/pods"
            until(lambda path=path: not self.get(path)["items"], f"{namespace} is empty")  # type: ignore[misc]


def until(true: Callable[[], Any], what: str, seconds: float = DEADLINE) -> None:
    """Wait until something is true; fail with what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(httpx.HTTPError):
            if true():
                return
        time.sleep(0.1)
    raise AssertionError(f"not in {seconds:.0f} s: {what}")


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Start a control plane that knows the custom resources of the templates; it ends with the block."""
    port, store, token = _port(), _port(), secrets.token_hex(16)
    _keys(folder)
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    url = f"https://127.0.0.1:{port}"
    _kubeconfig(folder, url, token)
    kubeconfig = f"--kubeconfig={folder / 'kubeconfig'}"
    trust = ssl.create_default_context(cafile=str(folder / "serving.crt"))
    samples, logs = dict[str, int](), dict[str, Path]()
    with ExitStack() as stack:
        cert, key = folder / "serving.crt", folder / "serving.key"
        kubelet = stack.enter_context(serve(lambda url: _said(url, logs), folder / "serving.pem", clients=cert))
        tunnel = stack.enter_context(
            serve(lambda url: prometheus(url, samples), folder / "serving.pem", through=kubelet)
        )
        (folder / "egress.yaml").write_text(EGRESS.format(port=tunnel, folder=folder))
        start = lambda name, *arguments: stack.enter_context(_process(folder, name, *arguments))  # noqa: E731
        listen = f"http://127.0.0.1:{store}"
        start(
            *("etcd", "--name=default", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=error"),
            *(f"--listen-client-urls={listen}", f"--advertise-client-urls={listen}"),
            *("--listen-peer-urls=http://127.0.0.1:0", "--initial-advertise-peer-urls=http://127.0.0.1:0"),
            "--initial-cluster=default=http://127.0.0.1:0",
        )
        start(
            *("kube-apiserver", f"--etcd-servers={listen}", "--bind-address=127.0.0.1", f"--secure-port={port}"),
            *(f"--tls-cert-file={folder / 'serving.crt'}", f"--tls-private-key-file={folder / 'serving.key'}"),
            *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC", f"--cert-dir={folder}"),
            *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16"),
            *(f"--service-account-signing-key-file={folder / 'accounts.key'}", "--profiling=false"),
            f"--service-account-key-file={folder / 'accounts.key'}",
            f"--egress-selector-config-file={folder / 'egress.yaml'}",
            *(f"--kubelet-certificate-authority={cert}", "--kubelet-preferred-address-types=InternalIP"),
            *(f"--kubelet-client-certificate={cert}", f"--kubelet-client-key={key}"),
        )
        client = stack.enter_context(
            httpx.Client(base_url=url, verify=trust, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        )
        until(lambda: client.get("/readyz").status_code == 200, "the API server is ready")
        start(
            *("kube-controller-manager", kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1"),
            *("--secure-port=0", "--controllers=*,-node-lifecycle-controller,-node-ipam-controller"),
            "--horizontal-pod-autoscaler-sync-period=1s",
            *(
                f"--service-account-private-key-file={folder / 'accounts.key'}",
                f"--root-ca-file={folder / 'serving.crt'}",
            ),
        )
        start("kube-scheduler", kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0")
        plane = ControlPlane(folder, url, client, samples=samples, logs=logs, kubelet=kubelet)
        (folder / "usage.yaml").write_text(USAGE)
        for path in [*peers.schemas(), folder / "usage.yaml"]:
            plane.ok("apply", "--server-side", "-f", path)
        plane.ok("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        until(lambda: client.get("/api/v1/namespaces/default/serviceaccounts/default").is_success, "accounts are made")
        stop = threading.Event()
        reporting = threading.Thread(target=_kubelet, args=(plane, trust, token, stop), daemon=True)
        reporting.start()
        try:
            yield plane
        finally:
            stop.set()
            reporting.join(10)


@contextmanager
def _process(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    """Run one of the peers; what it says is kept beside the rest."""
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        # minutes with a few objects: memory is cheaper than looking for what is free
        env = os.environ | {"GOGC": "400"}
        running = subprocess.Popen([peers.program(name), *arguments], stdout=file, stderr=file, cwd=folder, env=env)
        try:
            time.sleep(0.2)
            assert running.poll() is None, log.read_text()[-2000:]
            yield
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(10)


def _kubelet(plane: ControlPlane, trust: ssl.SSLContext, token: str, stop: threading.Event) -> None:
    """Say that each bound pod runs, or how it ended for a job, what it uses, and let go of what is deleted."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=plane.url, verify=trust, headers=headers, timeout=10) as client:
        number = 0
        while not stop.wait(0.2):
            # an answer that does not come in is asked for again
            with suppress(httpx.HTTPError):
                for pod in client.get("/api/v1/pods").json()["items"]:
                    about = pod["metadata"]
                    path = f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}"
                    if "deletionTimestamp" in about:
                        client.request("DELETE", path, json={"gracePeriodSeconds": 0})
                    elif pod["spec"].get("nodeName") and pod["status"].get("phase") == "Pending":
                        number += 1
                        code = plane.exits.get(about.get("labels", {}).get("app.kubernetes.io/name", ""), 0)
                        _patch(client, f"{path}/status", {"status": _running(pod, number, code)})
                        usage = f"/apis/metrics.k8s.io/v1beta1/namespaces/{about['namespace']}/pods"
                        client.post(usage, json=_usage(pod))


def _said(url: str, logs: Mapping[str, Path]) -> Answer:
    """Answer as a kubelet does that is asked for a container's log: /containerLogs/NAMESPACE/POD/CONTAINER."""
    parts = urlsplit(url)
    match parts.path.strip("/").split("/"):
        case ["containerLogs", _, _, name] if name in logs:
            lines = logs[name].read_text("utf-8").splitlines(keepends=True)
            last = parse_qs(parts.query).get("tailLines", [str(len(lines))])[0]
            return 200, "text/plain", "".join(lines[-int(last) :] if int(last) else [])
    return 404, "text/plain", f"nothing runs at {parts.path}"


def _usage(pod: Object) -> Object:
    """What the metrics server says of a pod: exactly the share of its request at which the scalers rest."""
    about, used = pod["metadata"], []
    for one in pod["spec"]["containers"]:
        request = one.get("resources", {}).get("requests", {}).get("cpu", "100m")
        milli = int(request[:-1]) if request.endswith("m") else 1000 * int(request)
        used.append({"name": one["name"], "usage": {"cpu": f"{milli * 70 // 100}m", "memory": "64Mi"}})
    owner = {"apiVersion": "v1", "kind": "Pod", "name": about["name"], "uid": about["uid"]}
    return {
        "apiVersion": "metrics.k8s.io/v1beta1",
        "kind": "PodMetrics",
        "metadata": {"name": about["name"], "labels": about.get("labels", {}), "ownerReferences": [owner]},
        # a sample of a pod's first minutes counts only where it is newer than the pod's readiness
        "timestamp": _now(3600),
        "window": "10s",
        "containers": used,
    }


def _running(pod: Object, number: int, code: int) -> Object:
    """A pod that has been ready for a minute, so that no rollout waits for its minReadySeconds; a job's has ended."""
    now, since = _now(), _now(-60)
    job = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))
    code = code if job else 0
    kinds = ("Initialized", "ContainersReady", "Ready", "PodScheduled")
    ready = [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in kinds]
    state = (
        {"terminated": {"exitCode": code, "startedAt": now, "finishedAt": now}}
        if job
        else {"running": {"startedAt": now}}
    )
    containers = [
        {
            "name": one["name"],
            "image": one["image"],
            "imageID": one["image"],
            "ready": not job,
            "started": True,
            "restartCount": 0,
            "state": state,
        }
        for one in pod["spec"]["containers"]
    ]
    address = f"10.244.{number // 250 % 250}.{number % 250 + 1}"
    return {
        "phase": "Failed" if code else "Succeeded" if job else "Running",
        "startTime": now,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": ready,
        "containerStatuses": containers,
    }


def _patch(client: httpx.Client, path: str, change: Object) -> None:
    kind = {"Content-Type": "application/merge-patch+json"}
    client.patch(path, content=json.dumps(change), headers=kind).raise_for_status()


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _now(seconds: float = 0) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def _kubeconfig(folder: Path, url: str, token: str) -> None:
    server = {"server": url, "certificate-authority": str(folder / "serving.crt")}
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": server}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        "current-context": "tests",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(text))
    (folder / "kubeconfig").chmod(0o600)


def _keys(folder: Path) -> None:
    """Write the API server's key and certificate, and the key of the accounts' tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    accounts = rsa.generate_private_key(65537, 2048)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public, private = certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(*plain)
    for name, content in (("serving.crt", public), ("serving.key", private), ("serving.pem", private + public)):
        (folder / name).write_bytes(content)
    (folder / "accounts.key").write_bytes(accounts.private_bytes(*plain))
