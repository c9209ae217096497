"""Backstage's own catalog model, which says whether its catalog would take an entity."""

from collections.abc import Callable
from typing import Any

from collection import ROOT
from tool_environment import npm_judge

Entity = dict[str, Any]


def catalog_model() -> Callable[[list[Entity]], list[str]]:
    """The model from its lock file: takes entities and returns what is wrong with each, or ""."""
    return npm_judge(ROOT / "tests/peers/backstage")
