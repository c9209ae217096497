import re
from urllib.request import urlopen

from fastapi import APIRouter
from fastapi.testclient import TestClient

from app.core.application import build
from app.core.settings import CoreSettings
from tests.core.conftest import Lines
from tests.core.running import PATIENCE, serving
from tests.core.service import create_app


def test_the_documentation_comes_from_here_alone() -> None:
    client = TestClient(create_app(CoreSettings(environment="development")))
    front = client.get("/", follow_redirects=False)
    assert (front.status_code, front.headers["location"]) == (307, "/docs")
    page = client.get("/docs").text
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(addresses) == 3
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address).status_code == 200
    assert "https://" not in page


def test_in_production_there_is_none() -> None:
    client = TestClient(create_app(CoreSettings()))
    assert [client.get(path).status_code for path in ("/", "/docs", "/docs/files/swagger-ui.css")] == [404, 404, 404]


def test_a_front_page_of_the_team_s_own_comes_first() -> None:
    router = APIRouter()

    @router.get("/")
    async def read_front() -> str:
        return "ours"

    client = TestClient(build(CoreSettings(environment="development"), routers=[router]))
    assert client.get("/").json() == "ours"


def test_the_front_page_has_its_route_in_metrics() -> None:
    client = TestClient(create_app(CoreSettings(environment="development")))
    client.get("/", follow_redirects=False)
    assert 'route="/",status="307"' in client.get("/metrics").text


def test_the_start_says_where_it_is(lines: Lines) -> None:
    with serving(create_app(CoreSettings(environment="development", log_format="json", host="::", port=0))) as port:
        (address,) = [line["docs"] for line in lines() if line["event"] == "listening"]
        assert address == f"http://127.0.0.1:{port}/docs"
        with urlopen(address, timeout=PATIENCE) as page:
            assert page.status == 200
