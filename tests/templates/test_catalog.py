"""The service's entry in Backstage's catalog: there when asked for, made of data alone, taken by Backstage itself."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

from backstage import Entity, catalog_model
from collection import ROOT, files, render
from odd_answers import HOSTILE, ODD, PLAIN

FILE = "catalog-info.yaml"
OWNERS = {
    "platform-team": "platform-team",
    "@org/team_a": "team-a",
    "team@example.com": "team-example-com",
    "Ada Lovelace": "Ada-Lovelace",
    "@0123/null.no +x_y@e-mail/1e3": "1e3",
    "x" * 100: "x" * 63,
}


def entity(**answers: Any) -> Entity:
    """The entry with these answers, whatever they are: the questions' own validators do not run."""
    plugins = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
    environment = Environment(undefined=StrictUndefined, extensions=plugins, autoescape=False)
    text = (ROOT / f"templates/fastapi-service/{FILE}.jinja").read_text(encoding="utf-8")
    plain = PLAIN["fastapi-service"] | {"repository_url": ""}
    found: Entity = yaml.safe_load(environment.from_string(text).render(plain | answers))
    return found


def test_nobody_has_it_who_did_not_ask(service: Path) -> None:
    assert FILE not in files(service)
    assert "Backstage" not in (service / "README.md").read_text(encoding="utf-8")


def test_what_the_entry_says(collection: Path, tmp_path: Path) -> None:
    target = render(collection, tmp_path / "svc", **PLAIN["fastapi-service"])
    assert yaml.safe_load((target / FILE).read_text(encoding="utf-8")) == {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "orders",
            "description": "A service",
            "annotations": {
                "backstage.io/source-location": "url:https://github.com/org/orders/",
                "backstage.io/kubernetes-label-selector": "app=orders",
            },
            "tags": ["fastapi", "python"],
        },
        "spec": {"type": "service", "lifecycle": "experimental", "owner": "team"},
    }
    assert f"]({FILE})" in (target / "README.md").read_text(encoding="utf-8")


def test_where_the_source_is_is_left_to_the_catalog() -> None:
    assert "backstage.io/source-location" not in entity()["metadata"]["annotations"]


@pytest.mark.parametrize(("owner", "name"), OWNERS.items(), ids=lambda value: value[:20])
def test_the_owner_becomes_the_name_of_an_entity(owner: str, name: str) -> None:
    assert entity(owner=owner)["spec"]["owner"] == name


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_stay_text(text: str) -> None:
    plain, odd = entity(), entity(description=text, owner=text)
    assert odd["metadata"].pop("description").split() == text.split()
    assert re.fullmatch(r"[A-Za-z0-9-]{1,63}", odd["spec"].pop("owner"))
    del plain["metadata"]["description"], plain["spec"]["owner"]
    assert odd == plain


@pytest.mark.system
def test_backstage_takes_every_entry() -> None:
    entities = [entity(**answers["fastapi-service"]) for answers in (PLAIN, ODD)]
    entities += [entity(owner=owner) for owner in OWNERS] + [entity(description=text, owner=text) for text in HOSTILE]
    broken = [{**entity(), "kind": "Service"}, entity(component="a b"), {**entity(), "spec": {"type": "service"}}]
    said = catalog_model()([*entities, *broken])
    assert said[: len(entities)] == [""] * len(entities)
    assert "" not in said[len(entities) :]
