"""A fleet as entities of Backstage's catalog, which Backstage itself judges."""

import doctest
import re
from dataclasses import replace

import pytest
import yaml

from aurora.fleet import catalog
from aurora.fleet.catalog import documents, entities, entity_name
from aurora.fleet.row import Row, Status
from backstage import catalog_model
from fleet_rows import HOSTILE, at, fleet_of, hostile


def test_the_examples_hold() -> None:
    assert doctest.testmod(catalog).failed == 0


def test_each_service_is_there_once() -> None:
    status = fleet_of(50)
    found = [*yaml.safe_load_all(documents(status))]
    assert found == entities(status)
    assert [one["kind"] for one in found] == ["Component"] * 50
    names = [one["metadata"]["name"] for one in found]
    assert len(set(names)) == 50
    first = status.rows[0]
    assert found[0]["metadata"]["annotations"] == {
        "backstage.io/source-location": f"url:{first.url.removesuffix('.git')}/",
        "vaultmesh.cloud/at": status.at,
        "vaultmesh.cloud/behind": str(first.behind),
        "vaultmesh.cloud/release": first.release.version if first.release else "",
        "vaultmesh.cloud/state": first.state,
        "vaultmesh.cloud/verdict": first.verdict,
        "vaultmesh.cloud/versions": f"fastapi-service={first.layers[0].version}",
    }


def test_who_has_an_entry_of_its_own_is_only_located() -> None:
    rows = (
        Row("a", "https://github.com/org/a.git", "main", catalog=True),
        Row("b", "https://gitlab.example.com/org/b", catalog=True),
        Row("c", "ssh://git@example.com/c", catalog=True),
    )
    component, location = entities(Status("shop", at(0), rows))
    assert (component["kind"], component["metadata"]["name"]) == ("Component", "c")
    assert location["spec"]["targets"] == [
        "https://github.com/org/a/blob/main/catalog-info.yaml",
        "https://gitlab.example.com/org/b/-/blob/HEAD/catalog-info.yaml",
    ]


def test_names_are_those_that_backstage_allows_and_stay_apart() -> None:
    names = ["a/b", "a-b", "a.b", "a_b", "A-b", "x" * 63, "x" * 64, "x" * 65, "-", *HOSTILE]
    made = [entity_name(name) for name in names]
    assert len({one.lower() for one in made}) == len(names)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", one) and len(one) <= 63 for one in made)


def test_hostile_text_stays_text() -> None:
    found = [*yaml.safe_load_all(documents(hostile()))]
    assert len(found) == len(HOSTILE)
    assert {one["metadata"]["title"].removesuffix(": failed") for one in found} == {
        one.replace("\u202e", " ") for one in HOSTILE
    }


@pytest.mark.system
def test_backstage_takes_every_entity() -> None:
    shop = fleet_of(200)
    owned = replace(shop, rows=tuple(replace(row, catalog=number % 2 > 0) for number, row in enumerate(shop.rows)))
    every = [*entities(shop), *entities(hostile()), *entities(owned)]
    assert {one["kind"] for one in every} == {"Component", "Location"}
    assert catalog_model()(every) == [""] * len(every)
