"""A small API server for the real kubectl, and the public side of a service for the real curl.

The API server serves discovery, objects with label and field selectors, and one service proxy. Every object is
checked against Kubernetes' own strict schema first, so that no test passes on an object that no cluster would have.
"""

import datetime
import ipaddress
import json
import select
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Object = dict[str, Any]
Answer = tuple[int, str, str]
VERSION = "1.34.0"
# Group version: plural, kind, singular, short name, namespaced.
RESOURCES: dict[str, list[tuple[str, str, str, str, bool]]] = {
    "v1": [
        ("nodes", "Node", "node", "no", False),
        ("pods", "Pod", "pod", "po", True),
        ("services", "Service", "service", "svc", True),
    ],
    "apps/v1": [
        ("deployments", "Deployment", "deployment", "deploy", True),
        ("daemonsets", "DaemonSet", "daemonset", "ds", True),
        ("replicasets", "ReplicaSet", "replicaset", "rs", True),
    ],
    "autoscaling/v2": [("horizontalpodautoscalers", "HorizontalPodAutoscaler", "horizontalpodautoscaler", "hpa", True)],
    "networking.k8s.io/v1": [
        ("networkpolicies", "NetworkPolicy", "networkpolicy", "netpol", True),
        ("ingresses", "Ingress", "ingress", "ing", True),
    ],
}


@cache
def _validate(text: str) -> None:
    """Check an object, each once: the library reads a megabyte of definitions for it."""
    kubernetes_validate.validate(json.loads(text), VERSION, strict=True)


class Cluster:
    """The objects of a cluster, and what Prometheus in it answers to a query."""

    def __init__(self, objects: list[Object], samples: dict[str, int]) -> None:
        for item in objects:
            _validate(json.dumps(item))
        self.objects = objects
        self.samples = samples
        self.ready = True

    def answer(self, url: str) -> Answer:
        """Return status, content type and body for one request."""
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        steps = parts.path.strip("/").split("/")
        if parts.path == "/readyz":
            return (200, "text/plain", "ok") if self.ready else (500, "text/plain", "not ready")
        if "proxy" in steps:
            return prometheus(url, self.samples)
        found = self._discovery(steps) or self._objects(steps, query)
        status = found.get("code", 200) if found["kind"] == "Status" else 200
        return status, "application/json", json.dumps(found)

    def _discovery(self, steps: list[str]) -> Object | None:
        groups = [group for group in RESOURCES if "/" in group]
        if steps == ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        if steps == ["apis"]:
            entries = [{"groupVersion": group, "version": group.split("/")[1]} for group in groups]
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [
                    {"name": entry["groupVersion"].split("/")[0], "versions": [entry], "preferredVersion": entry}
                    for entry in entries
                ],
            }
        if steps[0] in ("api", "apis") and "/".join(steps[1:]) in RESOURCES:
            group = "/".join(steps[1:])
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": group,
                "resources": [
                    {
                        "name": plural,
                        "kind": kind,
                        "singularName": singular,
                        "shortNames": [short],
                        "namespaced": namespaced,
                        "verbs": ["get", "list"],
                    }
                    for plural, kind, singular, short, namespaced in RESOURCES[group]
                ],
            }
        return None

    def _objects(self, steps: list[str], query: dict[str, str]) -> Object:
        version = steps[1] if steps[0] == "api" else "/".join(steps[1:3])
        rest = steps[2:] if steps[0] == "api" else steps[3:]
        namespace = rest[1] if rest and rest[0] == "namespaces" and len(rest) > 2 else None
        rest = rest[2:] if namespace else rest
        kinds = {plural: kind for plural, kind, *_ in RESOURCES.get(version, [])}
        if not rest or rest[0] not in kinds:
            return _status(404, "the server could not find the requested resource")
        kind = kinds[rest[0]]
        found = [
            item
            for item in self.objects
            if item["kind"] == kind and namespace in (None, item["metadata"].get("namespace"))
        ]
        if len(rest) > 1:
            named = [item for item in found if item["metadata"]["name"] == rest[1]]
            return named[0] if named else _status(404, f'{rest[0]} "{rest[1]}" not found')
        labels = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)
        found = [item for item in found if labels.items() <= item["metadata"].get("labels", {}).items()]
        for pair in filter(None, query.get("fieldSelector", "").split(",")):
            field, _, value = pair.partition("!=")
            assert field == "status.phase", pair
            found = [item for item in found if item["status"]["phase"] != value]
        return {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": found}


def prometheus(url: str, samples: dict[str, int]) -> Answer:
    """Return what Prometheus answers to `count(METRIC{...})` where it has so many samples of each metric."""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)).get("query", "")
    count = samples.get(query.removeprefix("count(").partition("{")[0], 0)
    result = [{"metric": {}, "value": [1, str(count)]}] if count else []
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return 200, "application/json", json.dumps(body, separators=(",", ":"))


def _status(code: int, message: str) -> Object:
    reason = {404: "NotFound"}[code]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def relay(near: socket.socket, port: int) -> None:
    """Carry bytes between a connection and a local port, until one of them ends or both are silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as far:
        while True:
            waiting = isinstance(near, ssl.SSLSocket) and near.pending()
            ready = [near] if waiting else select.select([near, far], [], [], 10)[0]
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                (far if one is near else near).sendall(data)
            if not ready:
                return


@contextmanager
def serve(
    answer: Callable[[str], Answer], certificate: Path | None = None, *, clients: Path | None = None, through: int = 0
) -> Iterator[int]:
    """Answer GET requests on a free local port, with TLS if a certificate is given; yield the port.

    Who asks needs a certificate of `clients` where that is given. It also is the far end of every tunnel that it is
    asked for (CONNECT), whoever is meant; a tunnel to the local port `through` does lead there.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            if through and self.path.rpartition(":")[2] == str(through):
                self.close_connection = True
                with suppress(OSError):
                    relay(self.connection, through)

        def do_GET(self) -> None:
            status, kind, body = answer(self.path)
            data = body.encode()
            self.send_response(status)
            self.send_header("Location" if 300 <= status < 400 else "Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(file: Path, host: str) -> Path:
    """Write a private key and a self-signed certificate for a host into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
