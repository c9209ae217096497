import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field, field_validator

from app.core.service import SERVICE, load
from app.core.settings import CoreSettings, SettingsError
from tests.core.running import PATIENCE, ROOT
from tests.core.service import create_app


def test_defaults_need_no_environment() -> None:
    settings = CoreSettings.load()
    assert (settings.port, settings.level, settings.development) == (SERVICE.port, "INFO", False)


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> CoreSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return CoreSettings.load()


def test_the_environment_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_all(monkeypatch, PORT="9000", LOG_LEVEL="debug", ENVIRONMENT="development", X="y")
    assert (settings.port, settings.level, settings.development) == (9000, "DEBUG", True)


def test_what_fastapi_dev_sets_is_development(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set_all(monkeypatch, FASTAPI_ENV="development").development
    assert not set_all(monkeypatch, ENVIRONMENT="staging").development


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = CoreSettings.load()
    assert set_all(monkeypatch, PORT="", LOG_LEVEL="", APP_PORT="") == defaults


def test_the_name_that_nobody_else_uses_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_all(monkeypatch, HOST="x86_64-conda-linux-gnu", APP_HOST="127.0.0.2", APP_PORT="9000", PORT="9001")
    assert (settings.host, settings.port) == ("127.0.0.2", 9000)


def test_conda_s_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^HOST: .*conda.*APP_HOST"):
        set_all(monkeypatch, HOST="x86_64-conda-linux-gnu")


def test_a_wrong_value_is_refused_under_the_name_that_it_came_by(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^APP_PORT: "):
        set_all(monkeypatch, APP_PORT="x", PORT="9000")


def test_a_setting_of_the_team_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(CoreSettings):
        greetings: list[str] = Field(default=["hello"])

    assert Settings.load().greetings == ["hello"]
    monkeypatch.setenv("GREETINGS", '["hi"]')
    assert Settings.load().greetings == ["hi"]
    monkeypatch.setenv("GREETINGS", "hi")
    with pytest.raises(SettingsError, match="greetings"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("ENVIRONMENT", "development"),
        ("FASTAPI_ENV", "development"),
        ("ENVIRONMENT", "production"),
        ("ENVIRONMENT", ""),
    ],
)
def test_a_file_is_read_in_development_alone_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, where: str
) -> None:
    (tmp_path / ".env").write_text("PORT=9002\nMAX_BODY_BYTES=7\nOF_SOMEBODY_ELSE=x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CoreSettings, "env_file", ".env")
    settings = set_all(monkeypatch, **{name: where}, PORT="9001")
    assert (settings.port, settings.max_body_bytes == 7) == (9001, where == "development")


def test_a_rule_of_the_team_s_own_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(CoreSettings):
        greeting: str = "hello"

        @field_validator("greeting")
        @classmethod
        def _kind(cls, value: str) -> str:
            raise ValueError("needs to be kind")

    monkeypatch.setenv("GREETING", "grr")
    with pytest.raises(SettingsError, match=r"^GREETING: needs to be kind$"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("HOST", "example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "ingress"),
        ("ENVIRONMENT", "no spaces"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("BODY_SECONDS", "0.0"),
        ("MAX_BODY_BYTES", "1.5"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        set_all(monkeypatch, **{name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert value not in str(caught.value)


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        CoreSettings().__setattr__("port", 1)


def test_the_process_says_in_one_line_what_is_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.service"],
        cwd=ROOT,
        env=os.environ | {"PORT": "x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("app: the environment is wrong: PORT: ")
    assert done.stderr.count("\n") == 1


def test_without_settings_the_application_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "development")
    assert create_app().state.settings.development
    monkeypatch.delenv("ENVIRONMENT")
    assert not create_app().state.settings.development


def test_the_name_is_data(tmp_path: Path) -> None:
    hostile = '"); import os; os.abort() #\\n{{7*7}}</title>'
    path = tmp_path / "service.json"
    text = f'{{"name": "{hostile}", "version": "1", "description": "", "owner": "", "port": 1}}'
    path.write_text(text.replace('""); ', '"\\"); ').replace("\\n", " "), encoding="utf-8")
    assert load(path).name.startswith('"); import os')
