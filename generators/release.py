"""The second half of the main job: a first release that is recorded and proven.

Needs the Remembrancer plugin in this clone; without it a service still generates and its tests pass.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from source import Source, git
from steps import Beside, Progress, StepFailed, run

STEPS = 4


def available(clone: Path) -> bool:
    """Tell whether this clone has the plugin that records."""
    return (clone / "plugins" / "remembrancer" / "pyproject.toml").is_file()


def service_version(target: Path) -> str:
    """Return the version in the service's data file."""
    return str(json.loads((target / "app" / "service.json").read_text(encoding="utf-8"))["version"])


def prepared(env: Mapping[str, str], clone: Path, commit: str) -> dict[str, str]:
    """Return the environment in which `ops/bin/remembrancer` installs itself from this clone at `commit`."""
    return {**env, "REMEMBRANCER_SOURCE": clone.as_uri(), "REMEMBRANCER_COMMIT": commit}


@contextmanager
def remembrancer_beside(clone: Path, commit: str, version: str, env: Mapping[str, str]) -> Iterator[Beside]:
    """Install the Remembrancer into the user's cache while other steps run, as the service's entry point does it.

    It depends on this commit alone and on no answer, so it need not wait for the service.

    Raises:
        StepFailed: the entry point could not be read from the commit.
    """
    with tempfile.TemporaryDirectory(prefix="vaultmesh-remembrancer.") as folder:
        ops = Path(folder) / "templates" / "ci" / "ops"
        archive = Path(folder) / "ops.tar"
        git(clone, "archive", "--output", str(archive), commit, "templates/ci/ops")
        run(["tar", "-xf", archive, "-C", folder], "the Remembrancer's entry point could not be read from the commit")
        facts = {"source": clone.as_uri(), "commit": commit, "version": version}
        (ops / "remembrancer.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        command: list[str | Path] = [ops / "bin" / "remembrancer", "--version"]
        with Beside(command, "the Remembrancer could not be installed", cwd=ops, env=env) as started:
            yield started


def environments(target: Path, remembrancer: Beside, env: Mapping[str, str]) -> None:
    """Install the tools of the service's tests, and wait for the Remembrancer.

    Raises:
        StepFailed: one of them could not be installed.
    """
    tools: list[str | Path] = ["make", ".venv/requirements-dev.lock"]
    run(tools, "the service's tools could not be installed", cwd=target, env=env)
    remembrancer.done()


def gates(target: Path, env: Mapping[str, str]) -> None:
    """Run the thirteen quality gates and write the rating into README.md; the first of them runs `make test`.

    Raises:
        StepFailed: the service's own tests failed. Another gate that is not met only shows in the rating.
    """
    command: list[str | Path] = [target / "ops" / "bin" / "health-check", "--gates", "--write", "--format", "json"]
    said = run(command, "the quality gates could not be answered", cwd=target, env=env, accept=(0, 1))
    answers = {gate["gate"]: gate for gate in json.loads(said[said.index("{") :])["gates"]}
    if not answers["tests-pass"]["passed"]:
        run(["make", "test"], "the service's own tests failed", cwd=target, env=env)  # once more, to show what they say
        raise StepFailed("the service's own tests failed", answers["tests-pass"]["message"])


def first_decision(target: Path, source: Source, env: Mapping[str, str]) -> None:
    """Record why the service is as it is, so that whoever asks later finds an answer.

    Raises:
        StepFailed: the decision could not be recorded.
    """
    origin = f"{source.url} at {source.version}, commit {source.commit}"
    parts = {
        "context": "A new service needs tests, an image, manifests, pipelines, monitoring, a record of its releases, "
        "and care for years. Seals 0 and 2: what is claimed must be provable, and one standard serves many.",
        "decision": f"The service is generated from the VaultMesh standard: {origin}. The standard changes its files "
        "there, and they arrive by update; seeded files belong to the team.",
        "consequences": "Improvements arrive by `copier update`, each one on the record, and drift from the standard "
        "shows. Leaving it is one more decision: the service runs without the layers above.",
        "verification": "`ops/bin/remembrancer drift` compares with the standard; `ops/bin/health-check --gates` runs "
        "its thirteen quality gates.",
    }
    remembrancer = target / "ops" / "bin" / "remembrancer"
    words = [word for name, text in parts.items() for word in (f"--{name}", text)]
    create: list[str | Path] = [remembrancer, "adr", "create", "Generate from the VaultMesh standard", "--no-edit"]
    run([*create, *words], "the first decision could not be written", cwd=target, env=env)
    run([remembrancer, "adr", "accept", "1"], "the first decision could not be recorded", cwd=target, env=env)


def record(target: Path, source: Source, progress: Progress, env: Mapping[str, str]) -> str:
    """Begin a development ledger with the first decision, make the first release, and return its table of proofs.

    Raises:
        StepFailed: a step failed; the sentence says why.
    """
    remembrancer = target / "ops" / "bin" / "remembrancer"
    with progress.step("begin a development ledger"):
        run([remembrancer, "init", "--dev"], "the ledger could not be begun", cwd=target, env=env)
        first_decision(target, source, env)
    with progress.step("make release"):
        run(["make", "release"], "the first release failed", cwd=target, env=env)
        artifact = next((target / "dist").glob("*.tar.gz"))
        verdict: list[str | Path] = [remembrancer, "verify-full", artifact.relative_to(target)]
        return run(verdict, "the release does not verify", cwd=target, env=env).rstrip()
