"""compose.yaml and the dev container: valid by their specification, and with the chosen parts alone."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ci_render import by_schema
from collection import render

PARTS: dict[str, dict[str, str]] = {
    "database": {"database": "postgresql"},
    "telemetry": {"telemetry": "otlp"},
    "both": {"database": "postgresql", "telemetry": "otlp", "component": "null"},
}
# What devcontainers/spec says of these properties: schemas/devContainer.base.schema.json at c95ffeed.
WORD = {"type": "string"}
WORDS = {"type": "array", "items": WORD}
WORKPLACE = {
    "type": "object",
    "required": ["dockerComposeFile", "service", "workspaceFolder"],
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("name", "service", "workspaceFolder", "remoteUser", "postCreateCommand"), WORD),
        "dockerComposeFile": WORDS,
        "runServices": WORDS,
        "forwardPorts": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 65535}},
        "customizations": {"type": "object"},
    },
}
LOCAL = re.compile(r"127\.0\.0\.1:\d+:\d+")
TAGGED = re.compile(r"[a-z0-9./-]+:(?!latest)[A-Za-z0-9.-]+")


@pytest.fixture(scope="module", params=PARTS)
def chosen(request: pytest.FixtureRequest, collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with something to run beside it."""
    folder = tmp_path_factory.mktemp(request.param) / "my-svc"
    return render(collection, folder, **({"component": "my-svc"} | PARTS[request.param]))


def composed(folder: Path, name: str = "compose.yaml") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    return content


def workplace(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    return content


def test_the_files_are_what_the_specification_allows(chosen: Path, tmp_path: Path) -> None:
    for name in ("compose.yaml", ".devcontainer/compose.yaml"):
        done = by_schema("vendor.compose-spec", chosen / name)
        assert done.exit_code == 0, done.output
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {a: {image: x, port: [1]}}\n")
    assert by_schema("vendor.compose-spec", wrong).exit_code == 1


def test_what_runs_is_what_was_chosen(chosen: Path, request: pytest.FixtureRequest) -> None:
    services = composed(chosen)["services"]
    text = (chosen / "app/settings.py").read_text(encoding="utf-8")
    database, telemetry = "DatabaseSettings" in text, "TelemetrySettings" in text
    expected = {"service", "prometheus"} | ({"postgres", "migrate"} if database else set())
    assert set(services) == expected | ({"jaeger"} if telemetry else set())
    named = {name for name, here in (("DATABASE_URL", database), ("OTEL_EXPORTER_OTLP_ENDPOINT", telemetry)) if here}
    assert set(services["service"]["environment"]) - {"ENVIRONMENT", "OTEL_METRICS_EXPORTER"} == named
    workspace = composed(chosen, ".devcontainer/compose.yaml")["services"]["workspace"]
    own = {name: value for name, value in services["service"]["environment"].items() if name != "ENVIRONMENT"}
    assert workspace["environment"] == own
    assert set(workplace(chosen)["runServices"]) == {"workspace"} | set(services) & {"postgres", "jaeger"}


def test_images_are_named_ports_stay_here_and_nothing_dangles(chosen: Path) -> None:
    whole, more = composed(chosen), composed(chosen, ".devcontainer/compose.yaml")
    services = whole["services"] | more["services"]
    for name, service in services.items():
        assert TAGGED.fullmatch(service["image"]), name
        assert all(LOCAL.fullmatch(port) for port in service.get("ports", ())), name
        assert set(service.get("depends_on", ())) <= set(services), name
        assert {one["source"] for one in service.get("configs", ())} <= set(whole["configs"]), name
        volumes = {volume.split(":")[0] for volume in service.get("volumes", ())}
        assert volumes <= {".", *whole.get("volumes", ())}, name
        for value in service.get("environment", {}).values():
            for host in re.findall(r"(?:@|//)([a-z]+):", value):
                assert host in services, name
    scraped = yaml.safe_load(whole["configs"]["prometheus"]["content"])["scrape_configs"][0]
    (target,) = scraped["static_configs"][0]["targets"]
    assert whole["services"]["service"]["ports"] == [f"127.0.0.1:{target.split(':')[1]}:{target.split(':')[1]}"]
    assert target.split(":")[0] in services
    assert (chosen / "Dockerfile").is_file()


def test_the_dev_container_has_the_properties_of_its_specification(chosen: Path) -> None:
    place = workplace(chosen)
    jsonschema.validate(place, WORKPLACE)
    for wrong in ({"runservices": []}, {"forwardPorts": ["8000"]}, {"postCreateCommand": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(place | wrong, WORKPLACE)


def test_the_dev_container_opens_what_compose_names(chosen: Path) -> None:
    place = workplace(chosen)
    files = [chosen / ".devcontainer" / name for name in place["dockerComposeFile"]]
    assert all(path.is_file() for path in files)
    services = {name for path in files for name in yaml.safe_load(path.read_text(encoding="utf-8"))["services"]}
    assert {place["service"], *place["runServices"]} <= services
    (volume,) = composed(chosen, ".devcontainer/compose.yaml")["services"][place["service"]]["volumes"]
    assert volume == f".:{place['workspaceFolder']}"


def test_nothing_to_run_beside_it_needs_no_compose(service: Path) -> None:
    assert not (service / "compose.yaml").exists()
    assert not (service / ".devcontainer").exists()
