"""What the standard says of the image, read off the rendered files; building and running it is another test's work."""

import re
from pathlib import Path

import pathspec
import pytest

from collection import files


@pytest.fixture(scope="module")
def stages(service: Path) -> list[str]:
    """The Dockerfile, one text per stage."""
    text = (service / "Dockerfile").read_text(encoding="utf-8")
    return re.split(r"(?m)^FROM ", text)[1:]


def test_two_stages_from_the_slim_image(service: Path, stages: list[str]) -> None:
    assert [stage.splitlines()[0] for stage in stages] == [
        "${BASE_IMAGE_PREFIX}python:3.11-slim AS builder",
        "${BASE_IMAGE_PREFIX}python:3.11-slim",
    ]
    # Empty unless someone says otherwise, so that a plain `docker build .` takes the image of that name.
    assert re.search(r"(?m)^ARG BASE_IMAGE_PREFIX=$", (service / "Dockerfile").read_text(encoding="utf-8"))


def test_the_last_stage_runs_as_a_number_and_installs_nothing(stages: list[str]) -> None:
    lines = stages[-1].splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1000:1000"]
    assert not [line for line in lines if re.match(r"RUN .*(apt-get|pip install|apk)", line)]
    assert not re.search(r"\b(gcc|build-essential|curl -|wget)\b", stages[-1])
    assert "COPY --from=builder /opt/venv /opt/venv\n" in stages[-1]
    for label in ("title", "version", "revision", "base.name"):
        assert f"org.opencontainers.image.{label}=" in stages[-1]


def test_it_asks_its_own_health_with_what_it_has(stages: list[str]) -> None:
    probe = stages[-1].partition("HEALTHCHECK ")[2].partition("\nCMD ")[0]
    assert "http://localhost:8080/health" in probe
    assert re.search(r'CMD \["python"', probe)
    assert "\nEXPOSE 8080\n" in stages[-1]


@pytest.mark.parametrize("name", [".git/config", ".venv/bin/python", "app/.env", "dist/x", "ops/trust/policy.toml"])
def test_what_is_no_part_of_the_application_stays_outside(service: Path, name: str) -> None:
    lines = (service / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept_out = pathspec.PathSpec.from_lines("gitignore", lines)
    assert kept_out.match_file(name)
    wanted = {path for path in files(service) if path.startswith("app/")} | {"requirements.lock"}
    assert [path for path in sorted(wanted) if kept_out.match_file(path)] == []


def absent(folder: Path) -> list[str]:
    """Return each Dockerfile that a compose file names and that is not there."""
    compose = [path for path in files(folder) if re.search(r"(^|/)(docker-)?compose[\w.-]*\.ya?ml$", path)]
    named = [name for path in compose for name in re.findall(r"(?m)^\s*dockerfile: (\S+)", (folder / path).read_text())]
    return [name for name in named if not (folder / name).is_file()]


def test_no_compose_file_names_a_dockerfile_that_is_not_there(service: Path, tmp_path: Path) -> None:
    assert absent(service) == []
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    build:\n      dockerfile: Dockerfile.elite\n")
    assert absent(tmp_path) == ["Dockerfile.elite"]
