"""Renders of the Kubernetes layer and what kustomize makes of them, each made once per session."""

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from collection import render

Object = dict[str, Any]
OVERLAYS = ("development", "staging", "staging-eks", "production")
SETS = [list(chosen) for size in range(1, 5) for chosen in itertools.combinations(OVERLAYS, size)]
# Answers that are valid and still break a template that does not quote: YAML words, numbers, other paths and ports.
ODD: dict[str, Any] = {
    "component": "null",
    "version": "1.2.0-rc.1",
    "namespace": "123",
    "production_namespace": "1e3",
    "monitoring_namespace": "0x10",
    "port": 9000,
    "health_path": "/-/health~z",
    "ready_path": "/",
    "registry": "registry.example.org:5000/team/a_b",
    "domain": "example.org",
    "aws_region": "us-gov-west-1",
    "route53_zone": "Z0000000000000000000",
    "certificate_arn": "arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
    "alb_subnet_cidrs": ["10.0.0.0/24"],
}


def tool(name: str) -> str:
    """Return the program that the development environment brings, never another one that PATH may have."""
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{name} is missing beside {sys.executable}; run make test, which installs it"
    return str(path)


@cache
def _layer(collection: Path, answers: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="k8s.", dir=collection.parent)) / "my-svc"
    return render(collection, folder, layer="k8s", **({"component": "my-svc"} | json.loads(answers)))


def layer(collection: Path, **answers: Any) -> Path:
    """Return the Kubernetes layer rendered with these answers. Tests do not write into it."""
    return _layer(collection, json.dumps(answers, sort_keys=True))


def run(*command: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it said; extra variables come on top of an almost empty environment."""
    environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"} | variables
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `kubectl kustomize` on a folder."""
    # a process of a moment has no use for a collection of garbage, which is a quarter of its time
    return run(tool("kubectl"), "kustomize", folder, GOGC="off", GOMAXPROCS="1")


def build(folder: Path) -> list[Object]:
    """Return the objects that `kubectl kustomize` makes of a folder; it has to succeed without a warning."""
    done = kustomize(folder)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))  # the same language, read ten times as fast


@cache
def _overlay(folder: Path) -> str:
    return json.dumps(build(folder))


def overlay(collection: Path, name: str, **answers: Any) -> list[Object]:
    """Return the objects of one overlay, a copy of its own for every caller."""
    objects: list[Object] = json.loads(_overlay(layer(collection, **answers) / "ops/k8s/overlays" / name))
    return objects


def pick(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """Return the one object of a kind (and name)."""
    found = [item for item in objects if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects of kind {kind} {name or ''}"
    return found[0]


def pod_selectors(objects: list[Object]) -> dict[str, dict[str, str]]:
    """The labels by which each object chooses pods, by kind and name."""
    found = {}
    for item in objects:
        spec = item.get("spec", {})
        chosen = spec.get("podSelector") or spec.get("selector")
        if chosen and item["kind"] != "ServiceMonitor":  # that one chooses Services
            found[f"{item['kind']} {item['metadata']['name']}"] = chosen.get("matchLabels", chosen)
        if item["kind"] == "Deployment":
            for constraint in spec["template"]["spec"]["topologySpreadConstraints"]:
                found[f"spread over {constraint['topologyKey']}"] = constraint["labelSelector"]["matchLabels"]
    return found


def matrix() -> Iterator[dict[str, Any]]:
    """Every combination of GPU, overlays, and plain or odd answers."""
    for gpu, chosen, more in itertools.product((False, True), SETS, ({}, ODD)):
        yield {"gpu": gpu, "overlays": chosen} | more


def sample() -> list[dict[str, Any]]:
    """A few of the matrix in which every overlay occurs alone and with the others, with and without a GPU."""
    alone = [{"gpu": bool(place % 2), "overlays": [name]} for place, name in enumerate(OVERLAYS)]
    return [{}, dict(ODD), ODD | {"gpu": True}, {"overlays": ["development", "staging"]}, *alone]


def label(answers: dict[str, Any]) -> str:
    """A short test id for answers."""
    chosen = "+".join(answers.get("overlays", ["all"]))
    return "-".join([chosen, *(["gpu"] if answers.get("gpu") else []), *(["odd"] if "port" in answers else [])])
