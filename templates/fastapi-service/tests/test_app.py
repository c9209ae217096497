"""The application as it is started: by the image, and by whatever looks for `app` in app/main.py."""

from fastapi import FastAPI

from app import main
from tests.core.running import running_service


def test_there_is_an_app_to_find() -> None:
    assert isinstance(main.app, FastAPI)


def test_the_service_starts_answers_its_probes_and_ends() -> None:
    with running_service("app", DRAIN_SECONDS="0") as service:
        assert service.get("/health") == (200, b'{"healthy":true}')
        assert service.get("/ready")[0] == 200
        assert service.get("/metrics")[0] == 200
        service.signal()
        assert service.exit_code() == 0
