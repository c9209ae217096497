"""The second half of the main job: a first release that is recorded and proven.

Needs the Remembrancer plugin in this clone; without it a service still generates and its tests pass.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from steps import Progress, run

STEPS = 3


def available(clone: Path) -> bool:
    """Tell whether this clone has the plugin that records."""
    return (clone / "plugins" / "remembrancer" / "pyproject.toml").is_file()


def service_version(target: Path) -> str:
    """Return the version in the service's data file."""
    return str(json.loads((target / "app" / "service.json").read_text(encoding="utf-8"))["version"])


def record(target: Path, clone: Path, commit: str, progress: Progress, env: Mapping[str, str]) -> str:
    """Prepare the plugin, begin a development ledger and make the first release; return its table of proofs.

    Args:
        target: the service.
        clone: this collection; the plugin is installed from its `commit`.
        progress: prints the steps.
        env: environment of the programs.

    Raises:
        StepFailed: a step failed; the sentence says why.
    """
    remembrancer = target / "ops" / "bin" / "remembrancer"
    prepared = {**env, "REMEMBRANCER_SOURCE": f"file://{clone}", "REMEMBRANCER_COMMIT": commit}
    with progress.step("prepare the Remembrancer"):
        run([remembrancer, "--version"], "the Remembrancer could not be installed", cwd=target, env=prepared)
    with progress.step("begin a development ledger"):
        run([remembrancer, "init", "--dev"], "the ledger could not be begun", cwd=target, env=prepared)
    with progress.step("make release"):
        run(["make", "release"], "the first release failed", cwd=target, env=prepared)
        artifact = next((target / "dist").glob("*.tar.gz"))
        verdict: list[str | Path] = [remembrancer, "verify-full", artifact.relative_to(target)]
        return run(verdict, "the release does not verify", cwd=target, env=prepared).rstrip()
