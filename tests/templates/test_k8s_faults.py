"""Each check of k8s_check finds its fault, no check is without one, and an idle patch is noticed."""

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collection import ROOT
from k8s_check import problems
from k8s_faults import BROKEN
from k8s_idle import idle
from k8s_render import Object, layer, overlay

CHECKS = ROOT / "tests/support/k8s_check.py"


@pytest.mark.parametrize(("change", "sentence"), BROKEN.values(), ids=list(BROKEN))
def test_a_fault_is_found(collection: Path, change: Callable[[list[Object]], object], sentence: str) -> None:
    objects = overlay(collection, "production")
    change(objects)
    found = problems(objects)
    assert any(sentence in fault for fault in found), found


def sentences() -> Iterator[str]:
    """Every sentence that a check can yield, as a pattern."""

    def pattern(node: ast.expr) -> str:
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        return "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".+" for one in parts)

    for node in ast.walk(ast.parse(CHECKS.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Yield) and node.value is not None:
            yield pattern(node.value)
        elif isinstance(node, ast.YieldFrom) and isinstance(node.value, ast.GeneratorExp):
            yield pattern(node.value.elt)


def test_no_check_is_without_a_fault(collection: Path) -> None:
    said = []
    for change, _ in BROKEN.values():
        objects = overlay(collection, "production")
        change(objects)
        said += problems(objects)
    patterns = list(sentences())
    assert len(patterns) > 40
    assert [one for one in patterns if not any(re.search(one, fault) for fault in said)] == []


IDLE = {
    "misspelt target": ("      name: my-svc-hpa\n", "      name: my-svc-hpaa\n", "patches"),
    "other image": ("  - name: ghcr.io/vaultmesh/my-svc\n", "  - name: ghcr.io/vaultmesh/mysvc\n", "images"),
    "other kind": ("      kind: Ingress\n", "      kind: Gateway\n", "patches"),
}


@pytest.mark.parametrize(("old", "new", "key"), IDLE.values(), ids=list(IDLE))
def test_what_matches_nothing_is_noticed(collection: Path, tmp_path: Path, old: str, new: str, key: str) -> None:
    shutil.copytree(layer(collection) / "ops", tmp_path / "ops")
    file = tmp_path / "ops/k8s/overlays/production/kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    found = idle(file.parent, file.parent, only=key)
    assert len(found) == 1, found
    assert found[0].startswith(key)
