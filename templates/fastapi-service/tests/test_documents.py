"""The service's own documents: what they say about each other is true."""

import re
import tomllib
from pathlib import Path

import pytest

from app.service import SERVICE
from app.settings import Settings
from tests.running import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLOORS = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
HEADINGS = ["Quick Start", "Architecture", "Deployment", "Monitoring", "Troubleshooting", "Verification"]


def locked(name: str) -> dict[str, str]:
    """Package and version of every line of a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ ;\\]+)", text))


def release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == SERVICE.version
    assert PROJECT["project"]["name"] == SERVICE.name
    assert f"\n**Version**: {SERVICE.version}\n" in README


def test_the_readme_has_the_house_s_form() -> None:
    title, _, *facts = README.splitlines()[:5]
    assert re.fullmatch(r"# \S.*", title)
    assert [re.sub(r": .+", "", fact) for fact in facts] == ["**Version**", "**Status**", "**Rating**"]
    assert re.fullmatch(r"\*\*Rating\*\*: (10\.0|\d\.\d)/10", facts[2])
    assert re.findall(r"(?m)^## (.+)$", README) == HEADINGS


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_settings_in_the_readme_have_the_defaults_of_the_code() -> None:
    rows = dict(re.findall(r"(?m)^\| `([A-Z_]+)` \| (\S+)", README))
    defaults = Settings()
    assert rows.pop("LOG_LEVEL") == defaults.level
    assert rows == {name: f"{getattr(defaults, name.lower()):{'g' if 'SECONDS' in name else ''}}" for name in rows}


@pytest.mark.parametrize("floor", FLOORS)
def test_the_lock_satisfies_the_floors(floor: str) -> None:
    name, least = re.fullmatch(r"([a-z-]+)(?:\[\w+\])?>=([\d.]+)", floor).groups()  # type: ignore[union-attr]
    locks = [locked("requirements-dev.lock")]
    if floor in PROJECT["project"]["dependencies"]:
        locks.append(locked("requirements.lock"))
    for lock in locks:
        assert release(lock[name]) >= release(least)


def test_the_image_has_what_the_tests_have() -> None:
    development = locked("requirements-dev.lock")
    assert locked("requirements.lock").items() <= development.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.split("\n", 2)[2])
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_port_is_the_same_everywhere() -> None:
    assert re.findall(r"(?m)^EXPOSE (\d+)$", DOCKERFILE) == [str(SERVICE.port)]
    assert f"http://localhost:{SERVICE.port}/health" in DOCKERFILE
    assert f"http://127.0.0.1:{SERVICE.port}/health" in README


def test_the_image_runs_without_rights_or_tools() -> None:
    # A digest after the tag says the same more exactly.
    stages = re.findall(r"(?m)^FROM ([^@\s]+)(?:@sha256:[0-9a-f]{64})?(?: AS (\w+))?$", DOCKERFILE)
    assert stages == [("${BASE_IMAGE_PREFIX}python:3.11-slim", "builder"), ("${BASE_IMAGE_PREFIX}python:3.11-slim", "")]
    final = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert "\nUSER 1000:1000\n" in final
    assert not re.search(r"(?m)^(RUN|ADD) ", final)


@pytest.mark.parametrize("path", [".git", ".venv", ".env"])
def test_the_image_never_gets_private_files(path: str) -> None:
    assert path in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_nothing_here_is_larger_than_one_idea() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in Path(ROOT / "app").glob("*.py")}
    assert {name: lines for name, lines in sizes.items() if lines > 250} == {}
