"""docs/compared-with-podinfo.md: every row holds, on both sides.

The predicates about objects are the same for both projects: true here, false there. So none of them can be true of
everything.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from collection import ROOT
from k8s_render import Object, build

PAGE = (ROOT / "docs/compared-with-podinfo.md").read_text(encoding="utf-8")
ROWS = {row[0]: row for row in re.findall(r"(?m)^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$", PAGE) if row[0] != "point"}
PODINFO: dict[str, Any] = json.loads(Path(__file__).with_name("podinfo.json").read_text(encoding="utf-8"))
PATH = re.compile(r"`([\w./-]+/[\w./-]+|Dockerfile|renovate\.json)`")


@dataclass(frozen=True)
class Project:
    """A project's objects as a cluster would get them, and the text of its files."""

    objects: list[Object]
    read: Callable[[str], str]

    def of(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [item for item in self.objects if item["kind"] == kind]

    @property
    def deployment(self) -> Object:
        """Return what the Deployment specifies."""
        spec: Object = self.of("Deployment")[0]["spec"]
        return spec

    @property
    def pod(self) -> Object:
        """Return what each pod specifies."""
        spec: Object = self.deployment["template"]["spec"]
        return spec


@pytest.fixture(scope="module")
def ours(service: Path) -> Project:
    """Production of a service with default answers."""
    return Project(build(service / "ops/k8s/overlays/production"), lambda path: (service / path).read_text())


@pytest.fixture(scope="module")
def theirs() -> Project:
    """podinfo's kustomize folder."""
    texts = {path: "\n".join(lines) + "\n" for path, lines in PODINFO["files"].items()}
    names = yaml.safe_load(texts["kustomize/kustomization.yaml"])["resources"]
    return Project([yaml.safe_load(texts[f"kustomize/{name}"]) for name in names], texts.__getitem__)


def hardened(project: Project) -> bool:
    own = project.pod["containers"][0].get("securityContext", {})
    whole = project.pod.get("securityContext", {}) | own
    return (
        (whole.get("runAsNonRoot"), whole.get("runAsUser")) == (True, 1000)
        and own.get("capabilities") == {"drop": ["ALL"]}
        and own.get("allowPrivilegeEscalation") is False
        and own.get("readOnlyRootFilesystem") is True
        and whole.get("seccompProfile") == {"type": "RuntimeDefault"}
    )


def no_token(project: Project) -> bool:
    names = {item["metadata"]["name"] for item in project.of("ServiceAccount")}
    return project.pod.get("serviceAccountName") in names and project.pod.get("automountServiceAccountToken") is False


def slow_down(project: Project) -> bool:
    spec = project.of("HorizontalPodAutoscaler")[0]["spec"]
    down = spec.get("behavior", {}).get("scaleDown", {})
    return down.get("stabilizationWindowSeconds") == 300 and spec["metrics"][0]["resource"]["target"] == {
        "type": "Utilization",
        "averageUtilization": 70,
    }


def spread(project: Project) -> bool:
    found = {one["topologyKey"]: one["whenUnsatisfiable"] for one in project.pod.get("topologySpreadConstraints", [])}
    return found == {"topology.kubernetes.io/zone": "DoNotSchedule", "kubernetes.io/hostname": "ScheduleAnyway"}


BOTH: dict[str, Callable[[Project], bool]] = {
    "Container hardening": hardened,
    "API token": no_token,
    "Network policy": lambda one: any(
        set(item["spec"]["policyTypes"]) == {"Ingress", "Egress"} and not set(item["spec"]) & {"ingress", "egress"}
        for item in one.of("NetworkPolicy")
    ),
    "Spread": spread,
    "Disruption budget": lambda one: [item["spec"]["maxUnavailable"] for item in one.of("PodDisruptionBudget")] == [1],
    "Start-up probe": lambda one: (
        one.pod["containers"][0].get("startupProbe", {}).get("httpGet", {}).get("path") == "/health"
    ),
    "Scaling down": slow_down,
    "Grace period": lambda one: one.pod.get("terminationGracePeriodSeconds", 30) >= 60,
    "Alerts and dashboard": lambda one: (
        len(one.of("PrometheusRule")) == 1
        and any("-dashboard" in item["metadata"]["name"] for item in one.of("ConfigMap"))
    ),
    "Numeric user": lambda one: "\nUSER 1000:1000\n" in one.read("Dockerfile").rpartition("\nFROM ")[2],
    "Health in the image": lambda one: "\nHEALTHCHECK " in one.read("Dockerfile").rpartition("\nFROM ")[2],
}


def in_order(text: str, *words: str) -> bool:
    """Whether each of these stands in the text, one after the other."""
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)


def jobs(one: Project, path: str) -> list[dict[str, Any]]:
    found = yaml.safe_load(one.read(path))["jobs"]
    return list(found.values())


def writes(one: Project, path: str) -> list[int]:
    return [list(job.get("permissions", {}).values()).count("write") for job in jobs(one, path)]


def bare(one: Project) -> bool:
    """Whether three overlays are the same but for a namespace."""
    found = [yaml.safe_load(one.read(f"deploy/overlays/{name}/kustomization.yaml")) for name in OVERLAYS]
    return len({json.dumps(item | {"namespace": ""}, sort_keys=True) for item in found}) == 1


OVERLAYS = ("dev", "staging", "production")
CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yml"
SHUTDOWN = "pkg/signals/shutdown.go"
PARTS = {"patches", "components", "images", "configMapGenerator"}
# What is true here, and what is true there.
EACH: dict[str, tuple[Callable[[Project], bool], Callable[[Project], bool]]] = {
    "Drain order": (
        lambda one: (
            "_readiness.drain()" in one.read("app/core/server.py")
            and "readiness"
            not in one.read("app/core/health.py").partition("async def read_health")[2].partition("@router")[0]
            and "def test_sigterm_drains_and_loses_no_request_in_flight" in one.read("tests/core/test_process.py")
        ),
        lambda one: in_order(
            one.read(SHUTDOWN),
            "(healthy, 0)",
            "(ready, 0)",
            "pool.Close()",
            "loggerProvider.Shutdown",
            "httpServer.Shutdown",
        ),
    ),
    "Overlays": (
        lambda one: set(yaml.safe_load(one.read("ops/k8s/overlays/production/kustomization.yaml"))) >= PARTS,
        bare,
    ),
    "Image by digest": (
        lambda one: "@$digest" in one.read("ops/bin/deploy") and "digest: " in one.read("ops/bin/deploy"),
        lambda one: bool(re.search(r":[\d.]+$", one.pod["containers"][0]["image"])),
    ),
    "What is signed": (
        lambda one: '--image-digest "$digest"' in one.read("ops/bin/record"),
        lambda one: (
            not re.search(r"(?:cosign|notation) sign [^\n]*@sha256", one.read(RELEASE))
            and bool(re.search(r"(?:cosign|notation) sign [^\n]*:latest", one.read(RELEASE)))
        ),
    ),
    "Time of a release": (
        lambda one: "$(SELF) timestamp" in one.read("ops/release.mk") and "$(SELF) seal" in one.read("ops/release.mk"),
        lambda one: not re.search(r"(?i)rfc ?3161|timestamp", one.read(RELEASE)),
    ),
    "Image scan": (
        lambda one: (
            {"fs", "image"} <= {step.get("with", {}).get("scan-type") for job in jobs(one, CI) for step in job["steps"]}
        ),
        lambda one: (
            [step["uses"].split("@")[0] for step in jobs(one, ".github/workflows/cve-scan.yml")[0]["steps"]][2:]
            == ["golang/govulncheck-action"]
        ),
    ),
    "Runs that end": (
        lambda one: "\nconcurrency:\n" in one.read(CI) and all("timeout-minutes" in job for job in jobs(one, CI)),
        lambda one: "concurrency" not in one.read(RELEASE) and "timeout-minutes" not in one.read(RELEASE),
    ),
    "Rights of a release": (lambda one: max(writes(one, CI)) == 1, lambda one: writes(one, RELEASE) == [4]),
    "Reproducible image": (
        lambda one: "SOURCE_DATE_EPOCH" in one.read("ops/bin/image") and "--require-hashes" in one.read("Dockerfile"),
        lambda one: "SOURCE_DATE_EPOCH" not in one.read(RELEASE) + one.read("Dockerfile"),
    ),
    "Access log": (
        lambda one: all(f"{word}=" in one.read("app/core/logs.py") for word in ("route", "status", "duration")),
        lambda one: (
            in_order(one.read("pkg/api/http/logging.go"), "logger.Debug", '"request started"', "next.ServeHTTP")
            and not re.search(r"status|duration", one.read("pkg/api/http/logging.go"))
        ),
    ),
    "Updates": (
        lambda one: '"copier"' in one.read("renovate.json") and "pip_requirements" in one.read("renovate.json"),
        lambda one: (
            re.findall(r'package-ecosystem: "([\w-]+)"', one.read(".github/dependabot.yaml")) == ["github-actions"]
        ),
    ),
}


@pytest.mark.parametrize("point", BOTH)
def test_it_holds_here_and_not_there(point: str, ours: Project, theirs: Project) -> None:
    assert BOTH[point](ours)
    assert not BOTH[point](theirs)


@pytest.mark.parametrize("point", EACH)
def test_each_side_is_as_the_row_says(point: str, ours: Project, theirs: Project) -> None:
    here, there = EACH[point]
    assert here(ours)
    assert there(theirs)


def test_every_row_has_a_check_and_names_a_file_on_both_sides(service: Path) -> None:
    assert len(ROWS) >= 20
    assert set(ROWS) == set(BOTH) | set(EACH)
    assert PODINFO["commit"] in PAGE
    for point, left, right in ROWS.values():
        assert PATH.findall(left), point
        assert set(PATH.findall(left)) <= set(PODINFO["files"]), point
        assert PATH.findall(right), point
        assert [path for path in PATH.findall(right) if not (service / path).is_file()] == [], point
