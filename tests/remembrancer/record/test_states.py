"""What the receipts of a release say: every field that DESIGN names, from where it comes."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cli_support import ARTIFACT, Scratch, new_scratch

IMAGE = f"sha256:{'1' * 64}"
OURS = ("--component", "my-svc", "--version", "0.1.0")


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    scratch = new_scratch()
    yield scratch
    scratch.remove()


def said(scratch: Scratch, *arguments: str, **more: str) -> dict[str, Any]:
    path = scratch.json("record", *arguments, **more).report["data"]["receipt"]
    predicate: dict[str, Any] = json.loads((scratch.root / path).read_bytes())["predicate"]
    assert predicate.pop("recordedAt").startswith("20")
    return predicate


def test_where_a_version_came_from_and_where_it_went(scratch: Scratch) -> None:
    scratch.write("dist/sbom.json", "{}")
    digest = hashlib.sha256((scratch.root / ARTIFACT).read_bytes()).hexdigest()
    placed = {
        "recordedBy": "alice",
        "component": "my-svc",
        "version": "0.1.0",
        "artifact": {"name": "my-svc-0.1.0.tar.gz", "sha256": digest},
    }
    brought = {"commit": scratch.git("rev-parse", "HEAD"), "imageDigest": IMAGE}
    given = ("deploy", *OURS, "--image-digest", IMAGE, "--sbom", "dist/sbom.json")
    assert said(scratch, *given, "--environment", "staging", GITHUB_ACTOR="alice") == {
        **placed,
        **brought,
        "environment": "staging",
        "evidence": {"name": ARTIFACT, "sha256": digest},
        "sbom": {"name": "dist/sbom.json", "sha256": hashlib.sha256(b"{}").hexdigest()},
        "rollback": "no version of my-svc was recorded lately: deploy the one that ran before, or take this one away",
    }
    assert said(scratch, *given, "--environment", "production", GITHUB_ACTOR="alice") == {
        **placed,
        **brought,
        "environment": "production",
    }
    back = ("rollback", "--component", "my-svc", "--version", "0.2.0", "--to", "0.1.0", "--reason", "slow")
    assert said(scratch, *back, "--environment", "production", GITHUB_ACTOR="alice") == {
        **placed,
        "environment": "production",
        "reason": "slow",
        "fromVersion": "0.2.0",
    }


WHO = [
    ({"GITHUB_ACTOR": "alice", "GITLAB_USER_LOGIN": "bob"}, "alice"),
    ({"GITLAB_USER_LOGIN": "bob"}, "bob"),
    ({}, "dave"),
]


@pytest.mark.parametrize(("environment", "who"), WHO)
def test_who_recorded_it(scratch: Scratch, environment: dict[str, str], who: str) -> None:
    assert said(scratch, "deploy", *OURS, **environment, LOGNAME="dave")["recordedBy"] == who
    scratch.git("config", "user.email", "eve@example.invalid")
    mail = said(scratch, "deploy", *OURS, "--environment", "x", **environment, LOGNAME="dave")["recordedBy"]
    assert mail == (who if who != "dave" else "eve@example.invalid")


def test_the_way_back_is_the_version_before_or_what_is_given(scratch: Scratch) -> None:
    said(scratch, "deploy", *OURS)
    for version, given, plan in (
        ("0.2.0", (), "deploy my-svc 0.1.0 again and run remembrancer record rollback"),
        ("0.3.0", ("--rollback", "call Zoë"), "call Zoë"),
    ):
        scratch.write(f"dist/my-svc-{version}.tar.gz", version)
        found = said(scratch, "deploy", "--component", "my-svc", "--version", version, *given)
        assert found["rollback"] == plan


@pytest.mark.parametrize(
    ("variables", "by"),
    [
        (
            {"GITHUB_WORKFLOW_REF": "team/my-svc/.github/workflows/ci.yml@refs/heads/main", "GITHUB_ACTOR": "alice"},
            "team/my-svc/.github/workflows/ci.yml@refs/heads/main",
        ),
        (
            {"CI_PROJECT_PATH": "team/my-svc", "CI_COMMIT_REF_NAME": "release/0.1", "GITLAB_USER_LOGIN": "alice"},
            "team/my-svc//.gitlab-ci.yml@refs/heads/release/0.1",
        ),
    ],
)
def test_a_pipeline_records_under_its_own_name(scratch: Scratch, variables: dict[str, str], by: str) -> None:
    assert said(scratch, "deploy", *OURS, **variables)["recordedBy"] == by


def test_the_login_name_of_a_jobs_container_records_nothing(scratch: Scratch) -> None:
    scratch.git("config", "user.email", "")
    assert said(scratch, "deploy", *OURS, CI="true")["recordedBy"] == "pipeline"
