"""`cloud: none`: a service for any conforming cluster, without a file, setting or sentence of one vendor."""

import re
from pathlib import Path

import pytest
import yaml

from collection import files, render
from k8s_render import overlay, pick

# gates.py knows vendors by name, because it asks whether the base is free of them
EXEMPT = ("ops/lib/gates.py", "requirements")
WORDS = re.compile(
    r"\b(aws|amazon|eks|eksctl|alb|route ?53|acm|arn:aws|eu-west-1|ecr|cloudfront|irsa)\b", re.IGNORECASE
)


@pytest.mark.parametrize("layer", ["fastapi-service", "k8s"])
def test_nothing_of_aws_is_left(collection: Path, tmp_path: Path, layer: str) -> None:
    made = render(collection, tmp_path / "my-svc", layer=layer, component="my-svc", cloud="none")
    found = files(made)
    assert not [path for path in found if WORDS.search(path.replace("-", " "))]
    assert {"ops/k8s/overlays/production/ingress.yaml", "ops/k8s/overlays/production/allow-ingress.yaml"} <= found
    named = {
        f"{path}: {match[0]}"
        for path in sorted(found)
        if not path.startswith(EXEMPT)
        for match in WORDS.finditer((made / path).read_text("utf-8").replace("Amazon Q", ""))
    }
    assert named == set()
    answers = next(made.glob(".copier-answers*.yml")).read_text("utf-8")
    given = yaml.safe_load(answers)
    assert given["overlays"] == ["development", "staging", "production"]
    assert not {"route53_zone", "aws_region", "certificate_arn", "alb_subnet_cidrs"} & given.keys()


def test_the_default_stays_what_the_standard_says(collection: Path, tmp_path: Path) -> None:
    made = render(collection, tmp_path / "my-svc", component="my-svc")
    given = yaml.safe_load((made / ".copier-answers.yml").read_text("utf-8"))
    assert (given["cloud"], given["overlays"]) == ("eks", ["development", "staging", "staging-eks", "production"])
    assert not {path for path in files(made) if path.startswith("ops/k8s/overlays/production/") and "ingress" in path}


@pytest.mark.parametrize("gpu", [False, True])
def test_production_builds_on_any_cluster(collection: Path, *, gpu: bool) -> None:
    objects = overlay(collection, "production", cloud="none", gpu=gpu, domain="example.org")
    assert pick(objects, "Ingress")["spec"]["rules"][0]["host"] == "my-svc.example.org"
    assert pick(objects, "Ingress")["metadata"].get("annotations", {}) == {}
    assert not {"ExternalSecret", "SecretStore"} & {one["kind"] for one in objects}
    assert "my-svc-allow-ingress" in {one["metadata"]["name"] for one in objects if one["kind"] == "NetworkPolicy"}


def test_what_only_a_cloud_has_does_not_follow_to_another(collection: Path, tmp_path: Path) -> None:
    made = render(
        collection,
        tmp_path / "my-svc",
        layer="k8s",
        component="my-svc",
        cloud="none",
        overlays=["staging", "staging-eks"],
    )
    assert not (made / "ops/k8s/overlays/staging-eks").exists()
    assert "staging-eks" not in (made / "ops/k8s/README.md").read_text("utf-8")
    with pytest.raises(ValueError, match="Choose at least one overlay"):
        render(collection, tmp_path / "other", layer="k8s", component="my-svc", cloud="none", overlays=["staging-eks"])
