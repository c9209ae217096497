import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app.items import ID_PATTERN


def create(client: TestClient, **item: object) -> dict[str, object]:
    response = client.post("/items", json=item)
    assert response.status_code == 201
    created: dict[str, object] = response.json()
    return created


def test_create_and_read(client: TestClient) -> None:
    response = client.post("/items", json={"name": "Lamp", "quantity": 3})
    item = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/items/{item['id']}"
    assert (item["name"], item["quantity"]) == ("Lamp", 3)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(item["created_at"])).total_seconds()) < 3600
    assert client.get(response.headers["location"]).json() == item


def test_what_was_not_sent_has_its_default(client: TestClient) -> None:
    assert create(client, name="Lamp")["quantity"] == 1
    assert create(client, name="Lamp", quantity=3.0)["quantity"] == 3


@pytest.mark.parametrize("name", ["'; DROP TABLE items; --", "\u202e\U0001f600", "\\", "%s %(x)s :x", "x" * 100])
def test_a_name_is_only_text(client: TestClient, name: str) -> None:
    item = create(client, name=name)
    assert client.get(f"/items/{item['id']}").json()["name"] == name


def test_what_is_not_an_item_is_refused(client: TestClient) -> None:
    bodies: list[object] = [{}, [], None, {"name": ""}, {"name": "x" * 101}, {"name": 1}, {"name": "nul\0"}]
    bodies += [{"name": "x", "quantity": wrong} for wrong in (-1, 1_000_001, 1.5, "1", True)]
    for body in [*bodies, {"name": "x", "id": "mine"}]:
        assert client.post("/items", json=body).status_code == 422
    assert client.get("/items").json() == {"items": [], "next_cursor": None}


def test_paging_shows_every_item_once_in_order(client: TestClient) -> None:
    ids = [str(create(client, name=str(number))["id"]) for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        page = client.get("/items", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (seen, sizes) == (ids, [3, 3, 1])
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(ID_PATTERN, item_id) for item_id in ids)


def test_a_cursor_need_not_be_an_item(client: TestClient) -> None:
    create(client, name="a")
    for cursor, count in (("00000000-0000-7000-8000-000000000000", 1), ("ffffffff-ffff-7fff-bfff-ffffffffffff", 0)):
        assert len(client.get("/items", params={"cursor": cursor}).json()["items"]) == count


def test_an_item_that_is_not_there(client: TestClient) -> None:
    response = client.get("/items/00000000-0000-7000-8000-000000000000")
    assert (response.status_code, response.json()["detail"]) == (404, "There is no item with this id.")


def test_two_replicas_agree(client: TestClient) -> None:
    from app.main import create_app  # noqa: PLC0415 - it reads DATABASE_URL

    with TestClient(create_app(), headers=dict(client.headers)) as other:
        item = create(client, name="Lamp")
        assert other.get(f"/items/{item['id']}").json() == item


def test_items_that_come_at_once_are_all_kept(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = {item["id"] for item in pool.map(lambda number: create(client, name=str(number)), range(40))}
    assert {item["id"] for item in client.get("/items", params={"limit": 100}).json()["items"]} == ids
