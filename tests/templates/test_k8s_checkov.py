"""Checkov, a scanner that nobody here wrote, over the manifests and the endpoint stack.

It has an environment of its own beside the project's: its pins would hold back what the project itself uses.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_render import ODD, OVERLAYS, Object, layer, overlay, pick, run
from tool_environment import private_environment

pytestmark = pytest.mark.system

LOCK = Path(__file__).with_name("checkov.lock")
# Every exception with its reason. An exception that is no longer needed fails the test.
EXCEPTIONS = {
    "CKV_K8S_15": "Always pulling makes a start depend on the registry; the tag or digest already says which image.",
    "CKV_K8S_35": "The standard wants secrets as environment variables from Kubernetes Secrets (secretRef).",
    "CKV_K8S_40": "The standard fixes user 1000; a user namespace or the node's isolation is not traded for a number.",
    "CKV_K8S_43": "A fresh copy has no image yet; releasing puts its digest into the overlay.",
}


@pytest.fixture(scope="module")
def checkov() -> Path:
    """Checkov in a private environment beside pytest's cache, made once per lock file and Python."""
    return private_environment("checkov", LOCK) / "bin/checkov"


def scan(checkov: Path, file: Path, framework: str) -> dict[str, Any]:
    """Return Checkov's report on a file, which has to have parsed."""
    arguments = ("--framework", framework, "--output", "json", "--quiet", "--compact", "--skip-download")
    done = run(checkov, "-f", file, *arguments, LOG_LEVEL="ERROR", HOME=str(file.parent))
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    return report


def failed(report: dict[str, Any]) -> set[str]:
    return {one["check_id"] for one in report["results"]["failed_checks"]}


def manifest(folder: Path, objects: list[Object]) -> Path:
    file = folder / "all.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return file


@pytest.mark.parametrize(("name", "answers"), [*((name, {"gpu": True}) for name in OVERLAYS), ("production", ODD)])
def test_overlay(checkov: Path, collection: Path, tmp_path: Path, name: str, answers: dict[str, Any]) -> None:
    report = scan(checkov, manifest(tmp_path, overlay(collection, name, **answers)), "kubernetes")
    assert failed(report) == set(EXCEPTIONS)


def test_a_digest_needs_two_exceptions_less(checkov: Path, collection: Path, tmp_path: Path) -> None:
    objects = overlay(collection, "production")
    container = pick(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "ghcr.io/vaultmesh/my-svc@sha256:" + "0" * 64
    assert failed(scan(checkov, manifest(tmp_path, objects), "kubernetes")) == {"CKV_K8S_35", "CKV_K8S_40"}


def test_endpoints(checkov: Path, collection: Path) -> None:
    report = scan(checkov, layer(collection) / "ops/aws/vpc-endpoints.yaml", "cloudformation")
    assert failed(report) == set()


def test_it_catches_what_is_broken(checkov: Path, collection: Path, tmp_path: Path) -> None:
    objects = overlay(collection, "production")
    pod = pick(objects, "Deployment")["spec"]["template"]["spec"]
    pod["containers"][0]["securityContext"] = {"privileged": True}
    pod["containers"][0].pop("resources")
    pod["hostNetwork"] = True
    found = failed(scan(checkov, manifest(tmp_path, objects), "kubernetes"))
    assert found >= {"CKV_K8S_16", "CKV_K8S_11", "CKV_K8S_19", "CKV_K8S_22"}
