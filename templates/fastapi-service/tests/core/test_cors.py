import pytest
from fastapi.testclient import TestClient

from app.core.settings import CoreSettings, SettingsError
from tests.core.service import create_app

ORIGIN = "https://app.example.com"
ASKED = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_no_page_of_another_origin_may_call_by_default() -> None:
    client = TestClient(create_app(CoreSettings()))
    for response in (client.options("/notes", headers=ASKED), client.get("/notes", headers={"Origin": ORIGIN})):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_a_page_that_is_named_may_call_and_reads_errors_and_their_trace() -> None:
    client = TestClient(create_app(CoreSettings(cors_origins=[ORIGIN])))
    preflight = client.options("/notes", headers=ASKED)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in preflight.headers
    refused = client.get("/notes/2", headers={"Origin": ORIGIN})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (404, ORIGIN)
    assert "X-Trace-Id" in refused.headers["access-control-expose-headers"]
    for other in ("https://app.example.com.evil.net", "http://app.example.com", "null"):
        assert client.options("/notes", headers=ASKED | {"Origin": other}).status_code == 400
        assert "access-control-allow-origin" not in client.get("/notes", headers={"Origin": other}).headers


@pytest.mark.parametrize("value", ["https://a.example/", "a.example", "https://*.example", "ftp://a", "https://u@a"])
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f'["{value}"]')
    with pytest.raises(SettingsError, match=r"^CORS_ORIGINS"):
        CoreSettings.load()
