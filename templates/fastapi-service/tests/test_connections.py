"""What all replicas together ask of the database server; set the limit to that of yours."""

import re
from pathlib import Path

import pytest

from app.core.database import DatabaseSettings

MAX_CONNECTIONS = 100
"""`SHOW max_connections`, which is 100 unless somebody changes it; 3 of them are reserved."""
OVERLAYS = Path(__file__).resolve().parents[1] / "ops/k8s/overlays"


def number(pattern: str, *texts: str) -> int | None:
    """The number that a pattern finds in the first text that has one."""
    found = [re.search(pattern, text) for text in texts]
    return next((int(one[1]) for one in found if one), None)


@pytest.mark.parametrize("overlay", sorted(path.name for path in OVERLAYS.iterdir()))
def test_the_pools_of_all_replicas_fit_into_the_server(overlay: str) -> None:
    text = (OVERLAYS / overlay / "kustomization.yaml").read_text(encoding="utf-8")
    scaled = "components/autoscaling" in text
    bounds = OVERLAYS.parent / "components/autoscaling/horizontalpodautoscaler.yaml"
    most = (
        number(r"path: /spec/maxReplicas\n +value: (\d+)", text)
        or (number(r"maxReplicas: (\d+)", bounds.read_text(encoding="utf-8")) if scaled else None)
        or number(r"(?m)^replicas:\n +- name: .*\n +count: (\d+)", text)
    )
    pool = number(r"DATABASE_POOL_SIZE=(\d+)", text) or DatabaseSettings.model_fields["database_pool_size"].default
    assert most is not None, f"{overlay}: it says neither how many replicas there are nor how many there may be"
    assert (pool + 1) * (most + 1) <= MAX_CONNECTIONS - 3, (
        f"{overlay}: fewer connections or replicas, or a larger server"
    )
