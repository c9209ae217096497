"""Every combination of layer, CI provider, GPU and overlays renders into something whole.

`make test` takes a set in which every pair of answers occurs; `make test-matrix` takes them all.
"""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_copie.plugin import Copie

import service_locks
from collection import files, render
from optional_parts import chosen_parts

OVERLAYS = ("development", "staging", "staging-eks", "production")
SETS = [list(chosen) for size in range(1, 5) for chosen in itertools.combinations(OVERLAYS, size)]
ADVANCED: list[dict[str, Any]] = [
    {},
    {"port": 9000, "domain": "example.org", "namespace": "orders", "production_namespace": "orders-live"},
]
CI = ("github", "gitlab", "both")
ASSISTANTS: list[list[str]] = [[], ["amazonq", "claude", "cursor", "vscode"]]
CATALOGS = ("none", "backstage")
SEEN_IN_OVERLAYS = ("database", "telemetry")


def service_answers() -> Iterator[dict[str, Any]]:
    """Every combination of what meets in a file: all parts in the code, those of the cluster in the overlays."""
    whole = {"layer": "fastapi-service", "overlays": SETS[-1]}
    around = itertools.product(CI, (False, True), chosen_parts(service_locks.PARTS), ASSISTANTS, CATALOGS)
    for ci, gpu, parts, clients, catalog in around:
        more = {"assistants": clients, "witness": "git" if clients else "none", "catalog": catalog}
        yield whole | {"ci": ci, "gpu": gpu} | more | parts
    inside = dict.fromkeys(set(service_locks.PARTS) - set(SEEN_IN_OVERLAYS), "none")
    every = itertools.product(CI, (False, True), chosen_parts(SEEN_IN_OVERLAYS), SETS, ADVANCED)
    for ci, gpu, parts, overlays, more in every:
        yield {"layer": "fastapi-service", "ci": ci, "gpu": gpu, "overlays": overlays} | inside | parts | more


def layer_answers() -> Iterator[dict[str, Any]]:
    every = itertools.product((False, True), chosen_parts(SEEN_IN_OVERLAYS), SETS, ADVANCED)
    for gpu, parts, overlays, more in every:
        yield {"layer": "k8s", "gpu": gpu, "overlays": overlays} | parts | more
    for ci in ("github", "gitlab", "both"):
        yield {"layer": "ci", "ci": ci}
        yield {"layer": "ci", "ci": ci, "working_directory": "services/orders", "test_command": "tox -q"}
        yield {"layer": "ci", "ci": ci, "witness": "git"}


EVERY = [*service_answers(), *layer_answers()]


def pairs(answers: dict[str, Any]) -> set[tuple[str, str]]:
    """Return every two facts of a set of answers; each overlay counts as a question of its own."""
    facts = [f"{name}={json.dumps(value)}" for name, value in answers.items() if name != "overlays"]
    facts += [f"{name}={name in answers['overlays']}" for name in OVERLAYS if "overlays" in answers]
    return set(itertools.combinations(sorted(facts), 2))


def pairwise() -> list[dict[str, Any]]:
    """A small set in which every pair of answers that occurs in the full one occurs at least once (greedy)."""
    facts = [pairs(answers) for answers in EVERY]
    open_pairs = set().union(*facts)
    chosen: list[dict[str, Any]] = []
    while open_pairs:
        best = max(range(len(EVERY)), key=lambda number: len(facts[number] & open_pairs))
        open_pairs -= facts[best]
        chosen.append(EVERY[best])
    return chosen


def name_of(answers: dict[str, Any]) -> str:
    overlays = "+".join("".join(word[0] for word in name.split("-")) for name in answers.get("overlays", []))
    parts = [answers["layer"], answers.get("ci", ""), "gpu" if answers.get("gpu") else "", overlays]
    parts += ["witness"] if answers.get("witness", "none") != "none" else []
    parts += ["assistants"] if answers.get("assistants") else []
    parts += [answers["catalog"]] if answers.get("catalog", "none") != "none" else []
    parts += [answers[name] for name in service_locks.PARTS if answers.get(name, "none") != "none"]
    return "-".join(part for part in parts if part) + ("-x" if "port" in answers or "test_command" in answers else "")


PLAIN_TEXT_WITH_BRACES = re.compile(r"\.github/|\.gitlab-ci|dashboard\.json$|prometheusrule\.yaml$|\.mk$|Makefile$")


LOOKS_FOR_THEM = {"ops/lib/gates.py"}
OF_A_PART = {
    "database": re.compile(r"alembic|sqlalchemy|psycopg|postgres|database_url|core[./]database", re.IGNORECASE),
    "auth": re.compile(r"oidc_|pyjwt|joserfc|core[./]identity", re.IGNORECASE),
    "telemetry": re.compile(r"otlp|otel_exporter|otel-collector|-exporter|TELEMETRY_|core[./]telemetry|\b4318\b"),
    "http_client": re.compile(r"httpx[-_]retries|OUTGOING_|core[./]outgoing"),
    "witness": re.compile(r"ops/bin/aurora|ops/ci/witness|witness\.(?:yml|txt)|AURORA_"),
    "assistants": re.compile(r"mcpServers|mcp\.json|assistants\.lock"),
    "catalog": re.compile(r"catalog-info|backstage", re.IGNORECASE),
}
ASKS_WHETHER_IT_IS_THERE = {("database", "ops/lib/probe.py"), ("assistants", "ops/bin/remembrancer")}
NOT_OF_THE_SERVICE = {"ops/assistants.lock"}  # the Remembrancer's own packages


def check_lean(target: Path, answers: dict[str, Any]) -> None:
    """No file, dependency, setting or sentence speaks of a part that was not chosen."""
    left = {name: word for name, word in OF_A_PART.items() if answers.get(name, "none") in ("none", [])}
    for path in sorted(set(files(target)) - NOT_OF_THE_SERVICE):
        text = (target / path).read_text(encoding="utf-8")
        for name, word in left.items():
            if (name, path) not in ASKS_WHETHER_IT_IS_THERE:
                found = word.search(text)
                assert found is None, f"{path} speaks of {found and found[0]!r}, but {name} is none"


def check_whole(target: Path, answers: dict[str, Any]) -> None:
    """What every render has to be, whatever the answers: parseable, complete, without left-overs."""
    check_lean(target, answers)
    found = files(target)
    assert found
    for path in sorted(found):
        text = (target / path).read_text(encoding="utf-8")
        assert text.endswith("\n") or not text, f"{path} has no final newline"
        if not PLAIN_TEXT_WITH_BRACES.search(path):
            assert "{%" not in text, path
            assert not re.search(r"\{\{ ?_?[a-z]+", text), path
        if path not in LOOKS_FOR_THEM:
            assert not re.search(r"\b(TODO|FIXME|XXX)\b", text), path
        if path.endswith((".yaml", ".yml")):
            list(yaml.compose_all(text))
        elif path.endswith(".json"):
            json.loads(text)
        elif path.endswith(".toml"):
            tomllib.loads(text)
    wanted = set(answers.get("overlays", OVERLAYS)) if answers["layer"] != "ci" else set()
    there = {path.split("/")[3] for path in found if path.startswith("ops/k8s/overlays/")}
    assert there == wanted
    for path in (path for path in found if path.endswith(".md")):
        for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", (target / path).read_text(encoding="utf-8")):
            assert ((target / path).parent / link).exists(), f"{path} links to {link}"


@pytest.mark.parametrize("answers", pairwise(), ids=name_of)
def test_every_pair_of_answers(collection: Path, tmp_path: Path, answers: dict[str, Any]) -> None:
    check_whole(render(collection, tmp_path / "my-svc", **answers), answers)


@pytest.mark.matrix
@pytest.mark.parametrize("answers", EVERY, ids=name_of)
def test_every_combination(collection: Path, tmp_path: Path, answers: dict[str, Any]) -> None:
    check_whole(render(collection, tmp_path / "my-svc", **answers), answers)


def test_a_whole_copy_with_its_tasks(copie: Copie, collection: Path) -> None:
    result = copie.copy(template_dir=collection, extra_answers={"component": "orders", "gpu": True})
    assert result.exception is None
    assert result.project_dir is not None
    assert result.answers["component"] == "orders"
    assert len(list((result.project_dir / "ops/receipts/spawn").rglob("*.receipt"))) == 1
