"""Mirrors in stores of other kinds: Azurite and s3rver, which nobody here wrote, and a stand-in for Google's."""

from pathlib import Path

import pytest

from collection import ROOT
from gcs_stand_in import Kind, gcs
from object_stores import Mirrored, azure_container, serving
from tool_environment import npm_environment

pytestmark = pytest.mark.system

# Azurite's own account, which its documentation publishes
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def test_a_mirror_in_azure_blob_storage(tmp_path: Path) -> None:
    program = npm_environment(ROOT / "tests/peers/azure") / "node_modules/azurite/dist/src/blob/main.js"
    words = ["--blobHost", "127.0.0.1", "--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]
    with serving(lambda port: ["node", str(program), *words, "--blobPort", str(port)]) as url:
        azure_container(url, ACCOUNT, KEY, "logs")
        options = [f"endpoint={url}/{ACCOUNT}", f"account_name={ACCOUNT}", f"account_key={KEY}", "allow_http=true"]
        Mirrored(tmp_path, "az://logs/mirror", options).grows_and_never_shrinks()


def test_a_store_that_ignores_conditions_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    program = npm_environment(ROOT / "tests/peers/s3rver") / "node_modules/s3rver/bin/s3rver.js"
    data = tmp_path / "data"
    words = ["--directory", str(data), "--address", "127.0.0.1", "--configure-bucket", "logs", "--silent"]
    with serving(lambda port: ["node", str(program), *words, "--port", str(port)]) as url:
        options = [f"endpoint={url}", "region=us-east-1", "access_key_id=S3RVER", "secret_access_key=S3RVER"]
        mirrored = Mirrored(tmp_path, "s3://logs/mirror", [*options, "allow_http=true"])
        mirrored.team.grow(3)
        status, said = mirrored.mirror()
        assert (status, said["error"]["code"]) == (4, "mirror.conditions"), said  # type: ignore[index]
        left = [path for path in data.rglob("*") if path.is_file() and "checkpoint" in path.name]
        assert left == []


def test_a_mirror_in_google_cloud_storage(tmp_path: Path) -> None:
    with gcs("honest") as (options, held):
        Mirrored(tmp_path, "gs://logs/mirror", options).grows_and_never_shrinks()
        assert not [path for path in held if "probe" in path]


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("careless", "mirror.conditions", "gs://logs/mirror writes over a file although the condition does not hold"),
        ("no etag", "env.io", "ETag Header missing from response"),
        ("refusing", "env.io", "invalid uploadType"),
    ],
)
def test_what_does_not_speak_as_google_cloud_storage_does_is_refused(
    tmp_path: Path, kind: Kind, code: str, said: str
) -> None:
    with gcs(kind) as (options, held):
        mirrored = Mirrored(tmp_path, "gs://logs/mirror", options)
        mirrored.team.grow(3)
        status, report = mirrored.mirror()
    error = report["error"]
    assert isinstance(error, dict)
    assert (status, error["code"]) == (4, code), error
    assert said in error["message"]
    assert held == {}, "nothing is copied, and the probe is gone"
    if code == "env.io":
        assert error["remedy"].startswith("Check the bucket, the credentials and each --option;")
