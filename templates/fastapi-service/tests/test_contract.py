import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.running import running_service


def test_the_openapi_document_is_accurate(tmp_path: Path) -> None:
    """Schemathesis asks the running service everything that its OpenAPI document promises, with every check it has."""
    with running_service("app", DRAIN_SECONDS="0") as service:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{service.port}/openapi.json"]
        options = ["--checks=all", "--phases=examples,coverage,fuzzing,stateful", "--max-examples=10", "--seed=1"]
        # the lines that count are the service's, not schemathesis's own
        unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
        done = subprocess.run(
            [*command, *options, "--no-color"],
            cwd=tmp_path,
            env=unmeasured,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0 or "No issues found" not in done.stdout:
            pytest.fail(f"schemathesis found this:\n{done.stdout}{done.stderr}", pytrace=False)
        service.signal()
        assert service.exit_code() == 0
    assert not [line for line in service.lines if line["level"] == "error"]
