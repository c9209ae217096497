import pytest
from fastapi.testclient import TestClient

from app.quotes import PRICES


def test_a_quote_is_the_sum_of_its_lines(client: TestClient) -> None:
    lines = [{"product": "lamp", "quantity": 3}, {"product": "desk"}]
    response = client.post("/quotes", json={"lines": lines})
    assert (response.status_code, response.json()) == (200, {"total": 3 * 4_200 + 19_900})


def test_a_whole_number_may_be_written_with_a_fraction(client: TestClient) -> None:
    assert client.post("/quotes", json={"lines": [{"product": "lamp", "quantity": 3.0}]}).json() == {"total": 12_600}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"lines": []},
        {"lines": [{}]},
        {"lines": [{"product": "boat"}]},
        {"lines": [{"product": "lamp", "quantity": 0}]},
        {"lines": [{"product": "lamp", "quantity": 1.5}]},
        {"lines": [{"product": "lamp", "quantity": "1"}]},
        {"lines": [{"product": "lamp", "quantity": True}]},
        {"lines": [{"product": "lamp", "price": 1}]},
        {"lines": [{"product": "lamp"}] * 101},
    ],
)
def test_what_is_not_an_order_is_refused(client: TestClient, body: object) -> None:
    assert client.post("/quotes", json=body).status_code == 422


def test_every_product_is_listed_and_read(client: TestClient) -> None:
    listed = client.get("/products").json()
    assert {one["name"]: one["price"] for one in listed} == PRICES
    assert [client.get(f"/products/{one['name']}").json() for one in listed] == listed


def test_a_product_that_is_not_there(client: TestClient) -> None:
    response = client.get("/products/boat")
    assert (response.status_code, response.json()["detail"]) == (404, "There is no product with this name.")
