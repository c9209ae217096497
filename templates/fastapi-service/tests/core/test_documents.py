"""The service's own documents: what they say about each other is true."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.core.service import SERVICE
from app.core.settings import CoreSettings
from tests.core.running import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
HEADINGS = ["Quick Start", "Architecture", "Deployment", "Monitoring", "Troubleshooting", "Verification"]
PLAIN = {
    name.upper() for name, field in CoreSettings.model_fields.items() if field.default not in (None, "", False, [])
}


def locked(name: str) -> dict[str, str]:
    """Package and version of every line of a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ ;\\]+)", text))


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == SERVICE.version
    assert PROJECT["project"]["name"] == SERVICE.name
    assert f"\n**Version**: {SERVICE.version}\n" in README


def test_the_readme_has_the_house_s_form() -> None:
    title, _, *facts = README.splitlines()[:5]
    assert re.fullmatch(r"# \S.*", title)
    assert [re.sub(r": .+", "", fact) for fact in facts] == ["**Version**", "**Status**", "**Rating**"]
    assert re.fullmatch(r"\*\*Rating\*\*: (10\.0|\d\.\d)/10", facts[2])
    assert [found for found in re.findall(r"(?m)^## (.+)$", README) if found in HEADINGS] == HEADINGS


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_settings_in_the_readme_have_the_defaults_of_the_code() -> None:
    rows = dict(re.findall(r"(?m)^\| `([A-Z_]+)` \| (\S+)", README))
    defaults = CoreSettings()
    shown = {
        name: f"{getattr(defaults, name.lower()):{'g' if 'SECONDS' in name else ''}}" for name in rows.keys() & PLAIN
    }
    assert rows.get("LOG_LEVEL", "INFO") == defaults.level
    assert {name: rows[name] for name in shown} == shown


@pytest.mark.parametrize("wanted", WANTED)
def test_the_lock_has_what_pyproject_asks_for(wanted: str) -> None:
    requirement = Requirement(wanted)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    locks = [locked("requirements-dev.lock")]
    if wanted in PROJECT["project"]["dependencies"]:
        locks.append(locked("requirements.lock"))
    for lock in locks:
        assert requirement.specifier.contains(lock[canonicalize_name(requirement.name)], prereleases=True), "make lock"


def test_the_image_has_what_the_tests_have() -> None:
    development = locked("requirements-dev.lock")
    assert locked("requirements.lock").items() <= development.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.split("\n", 2)[2])
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_port_in_the_readme_is_the_service_s() -> None:
    assert f"http://127.0.0.1:{SERVICE.port}/health" in README


def test_nothing_here_is_larger_than_one_idea() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "app/core").glob("*.py")}
    assert {name: lines for name, lines in sizes.items() if lines > 250} == {}
