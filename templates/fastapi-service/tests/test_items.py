import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app.items import ID_PATTERN, ItemStore, NewItem, StoreFullError
from app.main import create_app
from app.settings import Settings


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


def test_an_item_has_one_piece_unless_said_otherwise(client: TestClient) -> None:
    assert create(client, name="Lamp")["quantity"] == 1


def test_a_whole_number_may_be_written_with_a_fraction(client: TestClient) -> None:
    assert create(client, name="Lamp", quantity=3.0)["quantity"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"name": ""},
        {"name": "x" * 101},
        {"name": 1},
        {"name": "x", "quantity": -1},
        {"name": "x", "quantity": 1_000_001},
        {"name": "x", "quantity": 1.5},
        {"name": "x", "quantity": "1"},
        {"name": "x", "quantity": True},
        {"name": "x", "id": "mine"},
    ],
)
def test_what_is_not_an_item_is_refused(client: TestClient, body: object) -> None:
    assert client.post("/items", json=body).status_code == 422
    assert client.get("/items").json()["items"] == []


def test_paging_shows_every_item_once_in_order(client: TestClient) -> None:
    ids = [create(client, name=str(number))["id"] for number in range(7)]
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


def test_a_full_last_page_has_no_next(client: TestClient) -> None:
    for number in range(3):
        create(client, name=str(number))
    assert client.get("/items", params={"limit": 3}).json()["next_cursor"] is None


def test_a_cursor_need_not_be_an_item(client: TestClient) -> None:
    create(client, name="a")
    for cursor, count in (("00000000-0000-7000-8000-000000000000", 1), ("ffffffff-ffff-7fff-bfff-ffffffffffff", 0)):
        assert len(client.get("/items", params={"cursor": cursor}).json()["items"]) == count


def test_a_full_store_says_so() -> None:
    with TestClient(create_app(Settings(items_capacity=1))) as client:
        create(client, name="a")
        response = client.post("/items", json={"name": "b"})
    assert (response.status_code, response.json()["detail"]) == (507, "There is no room for another item.")


def test_ids_are_sorted_and_never_repeat() -> None:
    store = ItemStore(capacity=5000)
    ids = [store.add(NewItem(name="x")).id for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(ID_PATTERN, item_id) for item_id in ids)
    with pytest.raises(StoreFullError):
        store.add(NewItem(name="x"))
