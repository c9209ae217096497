import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.main import create_app
from app.service import SERVICE, load
from app.settings import Settings, SettingsError
from tests.running import ROOT


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.port, settings.level, settings.development) == (SERVICE.port, "INFO", False)


def test_the_environment_overrides() -> None:
    settings = Settings.from_environment({"PORT": "9000", "LOG_LEVEL": "debug", "ENVIRONMENT": "development", "X": "y"})
    assert (settings.port, settings.level, settings.development) == (9000, "DEBUG", True)


def test_an_empty_variable_is_unset() -> None:
    assert Settings.from_environment({"PORT": "", "LOG_LEVEL": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("LOG_LEVEL", "LOUD"),
        ("ENVIRONMENT", "no spaces"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("BODY_SECONDS", "0.0"),
        ("MAX_BODY_BYTES", "1.5"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert value not in str(caught.value)


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().__setattr__("port", 1)


def test_the_process_says_in_one_line_what_is_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env=os.environ | {"PORT": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("app: the environment is wrong: PORT: ")
    assert done.stderr.count("\n") == 1


def test_without_settings_the_application_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "development")
    assert create_app().docs_url == "/docs"
    monkeypatch.delenv("ENVIRONMENT")
    assert create_app().docs_url is None


def test_the_name_is_data(tmp_path: Path) -> None:
    hostile = '"); import os; os.abort() #\\n{{7*7}}</title>'
    path = tmp_path / "service.json"
    text = f'{{"name": "{hostile}", "version": "1", "description": "", "owner": "", "port": 1}}'
    path.write_text(text.replace('""); ', '"\\"); ').replace("\\n", " "), encoding="utf-8")
    assert load(path).name.startswith('"); import os')
