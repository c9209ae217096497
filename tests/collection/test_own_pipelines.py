"""The workflows and the Renovate configuration of this repository: valid, pinned, with few rights, and they follow."""

import json
import re
import subprocess
from typing import Any

import pytest

import peers
from ci_render import lint, load
from collection import ROOT, git
from k8s_render import tool

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
USES = re.compile(r"(?m)^\s*- uses: ([^@\s]+)@(\S+) # (\S+)$")
PINS = json.loads((ROOT / "tests/templates/action_pins.json").read_text("utf-8"))["actions"]
# Beside those of the templates, each read in two public places of different owners.
OWN = json.loads((ROOT / "tests/collection/action_pins.json").read_text("utf-8"))["actions"]
RENOVATE: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text("utf-8"))


def test_every_action_is_pinned_to_a_commit_that_two_sources_name() -> None:
    used = [one for path in WORKFLOWS for one in USES.findall(path.read_text("utf-8"))]
    assert len(used) == sum(path.read_text("utf-8").count("uses:") for path in WORKFLOWS)
    known = PINS | OWN
    for name, commit, version in used:
        assert (commit, version) == (known[name]["sha"], known[name]["version"])
    assert {name for name, _, _ in used} >= OWN.keys()
    for pin in OWN.values():
        assert len({one["repository"].split("/")[0] for one in pin["sources"]}) > 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_others_find_nothing(path: Any) -> None:
    for command in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
        ["zizmor", "--offline", "--no-progress", "--persona", "pedantic", path],
    ):
        done = lint(command)
        assert done.returncode == 0, done.stdout


@pytest.mark.system
def test_actionlint_finds_nothing() -> None:
    tools = ["-shellcheck", tool("shellcheck"), "-pyflakes", ""]
    command = [peers.program("actionlint"), "-no-color", *tools, *WORKFLOWS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_job_that_publishes_has_an_identity_and_it_runs_nothing_of_this_repository() -> None:
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            rights = {right for right, level in job["permissions"].items() if level == "write"}
            assert rights == ({"id-token", "attestations"} if name == "publish" else set()), name
            if rights:
                assert not any("checkout" in step.get("uses", "") for step in job["steps"])
    assert "secrets." not in "".join(path.read_text("utf-8") for path in WORKFLOWS)


def test_what_runs_is_a_command_that_is_here() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    for name in re.findall(r"\b((?:ops/bin|tests/support)/[a-z-]+)", text):
        assert (ROOT / name).is_file(), name
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"make ([a-z][a-z-]+)", text):
        assert f"\n{target}:" in makefile, target


def test_renovate_has_its_form() -> None:
    done = lint(["check-jsonschema", "--builtin-schema", "vendor.renovate", ROOT / "renovate.json"])
    assert done.returncode == 0, done.stdout


def test_renovate_follows_every_lock_that_it_can_move() -> None:
    """Those of the plugin and of services are one resolution each, which make lock makes."""
    (pattern,) = RENOVATE["pip-compile"]["managerFilePatterns"]
    followed = {name for name in git(ROOT, "ls-files", "*.lock").splitlines() if re.search(pattern.strip("/"), name)}
    made = {"templates/ci/ops/remembrancer.lock", "tests/aurora/mirror/objects.lock"}
    made |= {"templates/fastapi-service/ops/assistants.lock", "tests/aurora/witness/aics.lock"}
    own = {name for name in git(ROOT, "ls-files", "*.lock").splitlines() if not (ROOT / name).is_symlink()}
    assert own - made == followed


def followed_by(source: str) -> tuple[str, str]:
    """Return the files and the text that the custom manager of a data source looks for, as Python writes them."""
    (manager,) = [one for one in RENOVATE["customManagers"] if one["datasourceTemplate"] == source]
    return manager["managerFilePatterns"][0].strip("/"), manager["matchStrings"][0].replace("(?<", "(?P<")


def test_renovate_follows_the_kubernetes_that_services_get() -> None:
    where, what = followed_by("endoflife-date")
    (name,) = [name for name in git(ROOT, "ls-files", "templates/k8s").splitlines() if re.search(where, name)]
    (found,) = re.finditer(what, (ROOT / name).read_text("utf-8"))
    assert f'\n  version: "{found["currentValue"]}"\n' in (ROOT / name).read_text("utf-8")


def test_renovate_follows_every_image_of_the_pipelines() -> None:
    where, what = followed_by("docker")
    for name in git(ROOT, "ls-files", "templates/ci").splitlines():
        path = ROOT / name
        if path.is_file() and not name.endswith((".lock", ".json")):
            digests = re.findall(r"@(sha256:[0-9a-f]{64})", path.read_text("utf-8"))
            found = {match["currentDigest"] for match in re.finditer(what, path.read_text("utf-8"))}
            assert not digests or (re.search(where, name) and found >= set(digests)), name
