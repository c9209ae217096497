"""The shares of a fleet in object stores that nobody here wrote, left by what the Job's pods run, and joined there."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from aurora.fleet import listed
from aurora.fleet.job import Job, manifest
from aurora.fleet.mirrors import Mirrors
from cli_support import Scratch
from collection import ROOT
from fleet_world import Desk
from object_stores import CHILD, PLACES, azure_container, objects, serving
from tool_environment import npm_environment

pytestmark = pytest.mark.system

# Azurite's own account, which its documentation publishes
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def s3(url: str) -> dict[str, str]:
    """What a Secret for a store that speaks S3 holds."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "S3RVER",
        "AWS_SECRET_ACCESS_KEY": "S3RVER",
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with serving(lambda port: [str(objects() / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]) as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"), timeout=20).close()
        yield url


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    program = npm_environment(ROOT / "tests/peers/azure") / "node_modules/azurite/dist/src/blob/main.js"
    words = ["--blobHost", "127.0.0.1", "--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]
    with serving(lambda port: ["node", str(program), *words, "--blobPort", str(port)]) as url:
        azure_container(url, ACCOUNT, KEY, "bucket")
        yield url


class Cluster:
    """What a cluster does with the Job of a fleet, on this machine: each pod's command with its environment."""

    def __init__(self, desk: Desk, place: str, secret: Mapping[str, str]) -> None:
        self.desk, self.place, self.secret = desk, place, secret
        self.site = next((objects() / "lib").glob("python*/site-packages"))
        assert desk.options
        Mirrors(desk.cache).sync(desk.fleet, deadline=20)

    def pod(self, command: str, index: int, run: str) -> "subprocess.CompletedProcess[str]":
        """Run what the pod of an index runs, with the paths of this machine in place of its volumes."""
        job = Job("aurora-fleet", "fleet", "image", 2, "claim", command=command, results=self.place)
        served = self.desk.fleet._replace(
            services=tuple(one._replace(url=f"https://h.example/{one.name}") for one in self.desk.fleet.services),
            template="",
        )
        found = {one["kind"]: one for one in yaml.safe_load_all(manifest(served, job))}
        (container,) = found["Job"]["spec"]["template"]["spec"]["containers"]
        here = {
            "/list/fleet.toml": str(self.desk.base / "fleet.toml"),
            "/cache": str(self.desk.cache),
            "/results/memory": str(self.desk.memory),
        }
        variables = {"RUN": run, "JOB_COMPLETION_INDEX": str(index)}
        words = [re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], word) for word in container["args"]]
        return self.aurora("fleet", command, *(here.get(word, word) for word in words))

    def aurora(self, *words: str) -> "subprocess.CompletedProcess[str]":
        env = os.environ | {"PYTHONPATH": os.pathsep.join(PLACES), "HOME": str(self.desk.base)} | self.secret
        command = [sys.executable, "-c", CHILD, str(self.site), *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def merged(self, run: str, *words: str) -> dict[str, Any]:
        done = self.aurora("fleet", "merge", f"{self.place}/{run}", "--exit-zero", "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def forked(desk: Desk, service: Scratch) -> None:
    """Publish a sound service, and one whose log has forked since the fleet saw it."""
    for number in (0, 1):
        one = service.copy()
        words = ["--component", "payments", "--to", "0.1.0", "--environment", f"e{number}", "--reason", "x"]
        one.ok("record", "rollback", *words)
        one.commit("rolled back")
        desk.publish("forked", one)
        desk.publish("orders", one, trust="")
        if not number:
            cluster = Cluster(desk, "memory://", {})
            assert cluster.aurora("fleet", "audit", *desk.options, "--memory", str(desk.memory)).returncode == 3
        one.remove()


def joined_is_one_run(cluster: Cluster) -> None:
    """Each pod leaves its share, the shares are joined, and one run gives the same."""
    desk = cluster.desk
    for command in ("status", "audit"):
        for index in (0, 1):
            done = cluster.pod(command, index, f"{command}-1")
            assert done.returncode == 0, done.stderr
        said = cluster.merged(f"{command}-1", "--fleet", str(desk.base / "fleet.toml"))
        done = cluster.aurora("fleet", command, *desk.options, "--memory", str(desk.memory), "--format", "json")
        whole = json.loads(done.stdout)
        assert [one["shard"] for one in said.pop("shares")] == ["0/2", "1/2"]
        assert {**said, "at": whole["at"], "shares": []} == whole
        again = cluster.pod(command, 0, f"{command}-1")
        assert (again.returncode, "has this share already" in again.stderr) == (0, True), again.stderr
    row = next(one for one in said["services"] if one["name"] == "forked")
    assert (row["code"], len(row["evidence"])) == ("log.split-view", 1)
    cluster.merged("audit-1", "--results", str(desk.base / "joined"))
    (kept,) = (desk.base / "joined/evidence").iterdir()
    assert kept.name == f"{row['evidence'][0]}.json"


def test_in_s3(desk: Desk, service: Scratch, moto: str) -> None:
    forked(desk, service)
    cluster = Cluster(desk, "s3://bucket/fleet", s3(moto))
    joined_is_one_run(cluster)
    # a second pod of one index that saw something else does not win, and neither does a share that is not there
    desk.publish("orders", service)
    listed.write(desk.base / "fleet.toml", desk.fleet)
    results = [cluster.pod("audit", index, "audit-1") for index in (0, 1)]
    assert [one.returncode for one in results].count(2) == 2
    assert all("[fleet.share-differs]" in one.stderr for one in results)
    nothing = cluster.aurora("fleet", "merge", f"{cluster.place}/another")
    assert (nothing.returncode, "[fleet.shard-missing]" in nothing.stderr) == (2, True)
    nobody = cluster.aurora("fleet", "merge", "s3://nobody/x")
    assert (nobody.returncode, "[fleet.shard-missing]" in nobody.stderr) == (2, True)


def test_in_azure_blob_storage(desk: Desk, service: Scratch, azurite: str) -> None:
    forked(desk, service)
    secret = {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_ENDPOINT": f"{azurite}/{ACCOUNT}",
        "AZURE_ALLOW_HTTP": "true",
    }
    joined_is_one_run(Cluster(desk, "az://bucket/fleet", secret))


def test_a_store_that_writes_over_what_is_there_is_refused(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service)
    program = npm_environment(ROOT / "tests/peers/s3rver") / "node_modules/s3rver/bin/s3rver.js"
    words = ["--directory", str(desk.base / "s3"), "--address", "127.0.0.1", "--configure-bucket", "bucket", "--silent"]
    with serving(lambda port: ["node", str(program), *words, "--port", str(port)]) as url:
        cluster = Cluster(desk, "s3://bucket/fleet", s3(url))
        done = cluster.pod("status", 0, "one")
        assert (done.returncode, "[mirror.conditions]" in done.stderr) == (4, True), done.stderr
