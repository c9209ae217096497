"""Checkov, a scanner that nobody here wrote, over the manifests and the endpoint stack.

It has an environment of its own beside the project's: its pins would hold back what the project itself uses.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_render import ODD, OVERLAYS, layer, overlay, pick, run
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


@dataclass
class Report:
    """What Checkov says of one file."""

    passed: set[str]
    failed: set[str]


def scan(checkov: Path, home: Path, framework: str, *files: Path) -> dict[str, Report]:
    """Return Checkov's report on each file by its name; all have to have parsed, and to pass some check."""
    arguments = ("--framework", framework, "--output", "json", "--compact", "--skip-download")
    chosen = [word for file in files for word in ("-f", file)]
    done = run(checkov, *chosen, *arguments, LOG_LEVEL="ERROR", HOME=str(home))
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    results = report["results"]

    def checks(kind: str, file: Path) -> set[str]:
        return {one["check_id"] for one in results[kind] if Path(one["file_path"]).name == file.name}

    found = {file.name: Report(checks("passed_checks", file), checks("failed_checks", file)) for file in files}
    assert all(one.passed for one in found.values())
    return found


OF_AN_OVERLAY = [*((name, {"gpu": True}) for name in OVERLAYS), ("production", ODD)]


@pytest.fixture(scope="module")
def reports(checkov: Path, collection: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Checkov's reports on every overlay, on one with a digest and on a broken one; it takes seconds to start."""
    folder = tmp_path_factory.mktemp("manifests")
    made = {str(place): overlay(collection, name, **answers) for place, (name, answers) in enumerate(OF_AN_OVERLAY)}
    made["digest"], made["broken"] = overlay(collection, "production"), overlay(collection, "production")
    container = pick(made["digest"], "Deployment")["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "ghcr.io/vaultmesh/my-svc@sha256:" + "0" * 64
    pod = pick(made["broken"], "Deployment")["spec"]["template"]["spec"]
    pod["containers"][0]["securityContext"] = {"privileged": True}
    pod["containers"][0].pop("resources")
    pod["hostNetwork"] = True
    for name, objects in made.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
    found = scan(checkov, folder, "kubernetes", *(folder / f"{name}.yaml" for name in made))
    return {name.removesuffix(".yaml"): one for name, one in found.items()}


@pytest.mark.parametrize("place", range(len(OF_AN_OVERLAY)), ids=[*OVERLAYS, "odd"])
def test_overlay(reports: dict[str, Report], place: int) -> None:
    assert reports[str(place)].failed == set(EXCEPTIONS)


def test_a_digest_needs_two_exceptions_less(reports: dict[str, Report]) -> None:
    assert reports["digest"].failed == {"CKV_K8S_35", "CKV_K8S_40"}


def test_endpoints(checkov: Path, collection: Path, tmp_path: Path) -> None:
    (report,) = scan(checkov, tmp_path, "cloudformation", layer(collection) / "ops/aws/vpc-endpoints.yaml").values()
    assert report.failed == set()


def test_it_catches_what_is_broken(reports: dict[str, Report]) -> None:
    assert reports["broken"].failed >= {"CKV_K8S_16", "CKV_K8S_11", "CKV_K8S_19", "CKV_K8S_22"}
