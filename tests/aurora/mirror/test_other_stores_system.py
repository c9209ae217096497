"""Mirrors in stores of other kinds, each a program that nobody here wrote: Azurite, s3rver and fake-gcs-server."""

from pathlib import Path

import pytest

from collection import ROOT
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
