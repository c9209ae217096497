"""A generated service that really runs: its contract, its orderly end under load, nothing lost in a replacement."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import service_load
from collection import files
from service_load import answered, soak
from service_support import environment, started

QUICK = ["--checks=all", "--include-path-regex=/(quotes|products)", "--phases=coverage", "--max-examples=5", "--seed=1"]


def contract(service: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start the service and let schemathesis hold two of its resources to its OpenAPI document."""
    with started(service, folder / "log", DRAIN_SECONDS="0") as running:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{running.port}/openapi.json"]
        return subprocess.run([*command, *QUICK, "--no-color"], cwd=folder, capture_output=True, text=True, check=False)


def test_schemathesis_catches_a_broken_service(service: Path, tmp_path: Path) -> None:
    """Two faults in different resources, each found as what it is; that it finds none, the service's own tests say."""
    broken = shutil.copytree(service, tmp_path / "broken")
    text = (broken / "app/quotes.py").read_text()
    for right, wrong in (
        ("return Quote(", "return None and Quote("),
        ("raise HTTPException(404,", "raise HTTPException(410,"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    (broken / "app/quotes.py").write_text(text)
    done = contract(broken, tmp_path)
    assert done.returncode == 1
    for found in ("Server error", "Undocumented status code"):
        assert found in done.stdout, done.stdout


def test_the_service_s_own_tests_pass(service: Path, tmp_path: Path) -> None:
    """All but those of the tracing SDK, which the service's lock does not bring; test_from_nothing runs them too.

    With its contract: schemathesis, with every check and every phase, finds nothing. With its end: readiness first,
    then the requests in flight, then exit 0, with twenty of them and under steady load.
    """
    # a copy, where its modules are compiled once and not at each of its twenty starts
    copy = shutil.copytree(service, tmp_path / "copy", symlinks=True)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-p",
            "no:cacheprovider",
            "--ignore",
            "tests/core/test_tracing.py",
        ],
        cwd=copy,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/test_contract.py::test_the_openapi_document_is_accurate PASSED" in done.stdout
    passed = set(re.findall(r"(?m)^tests/core/test_process\.py::(\w+) PASSED", done.stdout))
    assert sum("drains" in name or "steady" in name for name in passed) == 2
    assert {path for path in files(copy) if "/__pycache__/" not in f"/{path}"} == files(service)


def test_a_rolling_restart_under_load_loses_nothing(service: Path, tmp_path: Path) -> None:
    load, processes = soak(service, tmp_path, rate=60, rest=0.5, drain=1)
    assert load.failures == []
    assert load.statuses == {200: load.sent}
    assert load.sent > 60
    assert answered(processes) == load.sent
    assert len(processes) == 4
    assert all(one.wait_for("draining") for one in processes)
    assert all(one.lines()[-1]["event"].startswith("Finished server process") for one in processes)


def test_the_soak_sees_what_is_lost_without_a_drain(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balancer that looks once a second keeps asking a process that left at once."""
    monkeypatch.setattr(service_load, "PROBE_SECONDS", 1.0)
    load, _ = soak(service, tmp_path, rate=60, rest=0.2, drain=0)
    assert load.lost == len(load.failures) > 0
    assert load.statuses.keys() == {200}
