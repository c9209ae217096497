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

from collection import files, render

OVERLAYS = ("development", "staging", "staging-eks", "production")
SETS = [list(chosen) for size in range(1, 5) for chosen in itertools.combinations(OVERLAYS, size)]
ADVANCED: list[dict[str, Any]] = [
    {},
    {"port": 9000, "domain": "example.org", "namespace": "orders", "production_namespace": "orders-live"},
]


DATABASES = ("none", "postgresql")
IDENTITIES = ("none", "oidc")


def service_answers() -> Iterator[dict[str, Any]]:
    every = itertools.product(("github", "gitlab", "both"), (False, True), DATABASES, IDENTITIES, SETS, ADVANCED)
    for ci, gpu, database, auth, overlays, more in every:
        parts = {"gpu": gpu, "database": database, "auth": auth}
        yield {"layer": "fastapi-service", "ci": ci, "overlays": overlays} | parts | more


def layer_answers() -> Iterator[dict[str, Any]]:
    for gpu, database, overlays, more in itertools.product((False, True), DATABASES, SETS, ADVANCED):
        yield {"layer": "k8s", "gpu": gpu, "database": database, "overlays": overlays} | more
    for ci in ("github", "gitlab", "both"):
        yield {"layer": "ci", "ci": ci}
        yield {"layer": "ci", "ci": ci, "working_directory": "services/orders", "test_command": "tox -q"}


EVERY = [*service_answers(), *layer_answers()]


def pairs(answers: dict[str, Any]) -> set[tuple[str, str]]:
    """Return every two facts of a set of answers; each overlay counts as a question of its own."""
    facts = [f"{name}={json.dumps(value)}" for name, value in answers.items() if name != "overlays"]
    facts += [f"{name}={name in answers['overlays']}" for name in OVERLAYS if "overlays" in answers]
    return set(itertools.combinations(sorted(facts), 2))


def pairwise() -> list[dict[str, Any]]:
    """A small set in which every pair of answers that occurs in the full one occurs at least once (greedy)."""
    open_pairs = set().union(*(pairs(answers) for answers in EVERY))
    chosen: list[dict[str, Any]] = []
    while open_pairs:
        best = max(EVERY, key=lambda answers: len(pairs(answers) & open_pairs))
        open_pairs -= pairs(best)
        chosen.append(best)
    return chosen


def name_of(answers: dict[str, Any]) -> str:
    overlays = "+".join("".join(word[0] for word in name.split("-")) for name in answers.get("overlays", []))
    parts = [answers["layer"], answers.get("ci", ""), "gpu" if answers.get("gpu") else "", overlays]
    parts += [answers[name] for name in ("database", "auth") if answers.get(name, "none") != "none"]
    return "-".join(part for part in parts if part) + ("-x" if "port" in answers or "test_command" in answers else "")


PLAIN_TEXT_WITH_BRACES = re.compile(r"\.github/|\.gitlab-ci|dashboard\.json$|prometheusrule\.yaml$|\.mk$|Makefile$")


LOOKS_FOR_THEM = {"ops/lib/gates.py"}


def check_whole(target: Path, answers: dict[str, Any]) -> None:
    """What every render has to be, whatever the answers: parseable, complete, without left-overs."""
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
