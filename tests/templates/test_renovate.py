"""Renovate follows whatever is pinned in a service: packages, images, actions and the template."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

import manifest
from ci_render import GITHUB, load
from collection import ROOT, files, render

IMAGE = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9.-]+@sha256:[0-9a-f]{64}")
# What Renovate finds without help: (files, lines), from the default patterns of its managers.
BUILT_IN = {
    "gitlabci": (r"\.gitlab-ci\.yml$", r"^\s*(?:- )?(?:image|name): \S+$"),
    "github-actions": (r"^\.github/workflows/[^/]+\.ya?ml$", r"^\s*(?:- )?uses: \S+"),
    "dockerfile": (r"(^|/)Dockerfile$", r"^FROM \S+"),
}


@pytest.fixture(scope="module")
def both(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with both pipelines."""
    return render(collection, tmp_path_factory.mktemp("renovate") / "my-svc", component="my-svc", ci="both")


@pytest.fixture(scope="module")
def config(both: Path) -> dict[str, Any]:
    """Its Renovate configuration."""
    return load(both / "renovate.json")


def patterns(manager: dict[str, Any]) -> tuple[str, str]:
    """The files and the text that a custom manager looks for, as Python writes them."""
    return manager["managerFilePatterns"][0].strip("/"), re.sub(r"\(\?<", "(?P<", manager["matchStrings"][0])


def unfollowed(folder: Path, config: dict[str, Any]) -> list[str]:
    """Return each image pinned by digest that no manager finds, with its file."""
    managers = [patterns(one) for one in config["customManagers"]]
    found = []
    for name in sorted(files(folder)):
        if name.endswith((".lock", ".png")) or name.startswith("tests/"):
            continue
        text = (folder / name).read_text(encoding="utf-8")
        spans = [
            match.span() for where, what in managers if re.search(where, name) for match in re.finditer(what, text)
        ]
        spans += [
            match.span()
            for where, what in BUILT_IN.values()
            if re.search(where, name)
            for match in re.finditer(what, text, re.MULTILINE)
        ]
        for match in IMAGE.finditer(text):
            if not any(start <= match.start() and match.end() <= end for start, end in spans):
                found.append(f"{name}: {match[0].partition('@')[0]}")
    return found


def test_every_pinned_image_is_followed(both: Path, config: dict[str, Any]) -> None:
    assert unfollowed(both, config) == []


@pytest.mark.parametrize("name", ["ops/bin/image", "ops/bin/scan"])
def test_an_image_that_nobody_follows_is_noticed(both: Path, config: dict[str, Any], name: str) -> None:
    less = copy.deepcopy(config)
    less["customManagers"] = [one for one in config["customManagers"] if not re.search(patterns(one)[0], name)]
    assert name in [one.split(":")[0] for one in unfollowed(both, less)]


def test_what_the_standard_pins_waits_for_a_person(both: Path, config: dict[str, Any]) -> None:
    """A newer pin in a file of the standard is drift, so no request makes one before somebody asked for it."""
    managers = [*map(patterns, config["customManagers"]), *BUILT_IN.values()]
    seeded = manifest.seeded_patterns(ROOT / "hooks/ownership.toml")
    followed = {
        name
        for name in files(both)
        for where, what in managers
        if re.search(where, name) and re.search(what, (both / name).read_text(encoding="utf-8"), re.MULTILINE)
    }
    (waiting,) = [one for one in config["packageRules"] if "dependencyDashboardApproval" in one]
    assert waiting["dependencyDashboardApproval"] is True
    assert {name for name in followed if manifest.owner_of(name, seeded) == "standard"} == {*waiting["matchFileNames"]}
    # The image's minor version is a decision, and no digest is put behind its tag: nothing is left to propose.
    (tag,) = [one for one in config["packageRules"] if one.get("matchManagers") == ["dockerfile"]]
    assert tag["pinDigests"] is False
    (minor,) = [one for one in config["packageRules"] if one.get("matchDepNames") == ["python"]]
    assert (minor["matchUpdateTypes"], minor["enabled"]) == (["major", "minor"], False)


def test_every_manager_finds_something(both: Path, config: dict[str, Any]) -> None:
    for where, what in map(patterns, config["customManagers"]):
        texts = [(both / name).read_text(encoding="utf-8") for name in files(both) if re.search(where, name)]
        assert texts, f"nothing matches {where}"
        assert any(re.search(what, text) for text in texts), what


def test_packages_actions_and_the_template_are_followed(both: Path, config: dict[str, Any]) -> None:
    locks = config["pip_requirements"]["managerFilePatterns"][0].strip("/")
    assert {name for name in files(both) if re.search(locks, name)} == {"requirements.lock", "requirements-dev.lock"}
    assert (both / "pyproject.toml").is_file()
    assert re.search(BUILT_IN["github-actions"][0], GITHUB)
    # The copier manager reads where the template is and which version of it is here.
    answers = load(both / ".copier-answers.yml")
    assert {"_src_path", "_commit"} <= set(answers)
    rules = {name: rule for rule in config["packageRules"] for name in rule.get("matchManagers", [])}
    assert {"pep621", "pip_requirements", "copier"} <= set(rules)
    assert rules["copier"].get("enabled", True)
    assert "enabledManagers" not in config
    assert {"docker:pinDigests", "helpers:pinGitHubActionDigests"} <= set(config["extends"])


def test_no_newer_tag_is_deployed_by_itself(config: dict[str, Any]) -> None:
    (rule,) = [one for one in config["packageRules"] if "kustomize" in one.get("matchManagers", [])]
    assert rule["enabled"] is False


def test_it_commits_in_the_house_format(config: dict[str, Any]) -> None:
    prefixes = [config["commitMessagePrefix"]]
    prefixes += [rule["commitMessagePrefix"] for rule in config["packageRules"] if "commitMessagePrefix" in rule]
    assert len(prefixes) > 1
    for prefix in prefixes:
        assert re.fullmatch(r"\[[a-z]+\] (build|chore):", prefix)
