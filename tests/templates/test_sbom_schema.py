"""The SBOM against the schema that CycloneDX publishes, as its own library carries it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from ci_render import call, environment, repository
from collection import render

pytestmark = pytest.mark.system

PIN = "cyclonedx-python-lib==7.6.2 --hash=sha256:c42fab352cc0f7418d1b30def6751d9067ebcf0e8e4be210fc14d6e742a9edcc\n"
SCHEMAS = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Draft7Validator:
    """The schema of CycloneDX 1.6 with the two that it refers to, from the pinned wheel."""
    tmp = tmp_path_factory.mktemp("cyclonedx")
    (tmp / "lock").write_text(PIN, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "-r", "lock"]
    done = subprocess.run(command, cwd=tmp, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(next(tmp.glob("*.whl"))) as wheel:
        schemas = [json.loads(wheel.read(f"cyclonedx/schema/_res/{file}")) for file in SCHEMAS]
    # They refer to each other by file name, next to the address of the first.
    folder = schemas[0]["$id"].rsplit("/", 1)[0]
    named = zip(SCHEMAS, schemas, strict=True)
    registry = Registry().with_resources([(f"{folder}/{file}", Resource.from_contents(one)) for file, one in named])
    return Draft7Validator(schemas[0], registry=registry, format_checker=Draft7Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def bom(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The SBOM of a service with default answers."""
    tmp = tmp_path_factory.mktemp("bom")
    repo = repository(render(collection, tmp / "my-svc", component="my-svc"))
    done = call(["ops/bin/sbom"], repo, environment(tmp))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((repo / done.stdout.strip()).read_text(encoding="utf-8"))
    return found


def test_the_sbom_follows_the_published_schema(validator: Draft7Validator, bom: dict[str, Any]) -> None:
    assert [error.message[:200] for error in validator.iter_errors(bom)] == []
    assert len(bom["components"]) > 10


@pytest.mark.parametrize(
    "broken",
    [
        {"specVersion": 1.6},
        {"serialNumber": "urn:uuid:1"},
        {"components": [{"type": "wheel", "name": "x"}]},
        {"components": [{"type": "library", "name": "x", "hashes": [{"alg": "SHA-256", "content": "no"}]}]},
        {"components": [{"type": "library", "name": "x", "licenses": [{"license": {"id": "Nobody-1.0"}}]}]},
        {"unknown": True},
    ],
    ids=["version", "serial", "type", "hash", "licence", "field"],
)
def test_the_schema_refuses_what_is_wrong(
    validator: Draft7Validator, bom: dict[str, Any], broken: dict[str, Any]
) -> None:
    assert not validator.is_valid(bom | broken)
