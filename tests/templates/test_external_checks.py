"""Checks that nobody here wrote, over answers that change their input, each with something that it has to catch.

Others of the kind: test_k8s_overlays (kubernetes-validate), test_k8s_checkov, test_k8s_monitoring (promtool),
test_ci_pipelines (check-jsonschema, zizmor, shellcheck), test_ci_trivy.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ci_render import CI, GITHUB, GITLAB, lint
from collection import render

# Every exception of bandit with its reason. One that is no longer needed fails the test.
BANDIT = {
    "B104": "A container serves every address; :: falls back to 0.0.0.0 where there is no IPv6.",
    "B311": "Ids of traces and spans only have to differ; nobody must be unable to guess them.",
    "B404": "The tools under ops/ run git, docker and each other; that is their work.",
    "B603": "Every command is a list of words without a shell.",
    "B607": "Programs are found on PATH on purpose.",
}
VARIANTS: dict[str, dict[str, Any]] = {
    "mirror": {"base_image_prefix": "mirror.example.com:5000/library/", "port": 9443, "gpu": True},
    "odd": {"component": "null", "version": "1.2.0-rc.1", "description": "It's 100 years old", "overlays": ["staging"]},
}


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest, collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One complete service per set of answers."""
    answers = {"component": "my-svc", "ci": "both"} | VARIANTS[request.param]
    return render(collection, tmp_path_factory.mktemp(request.param) / "my-svc", **answers)


def bandit(*paths: Path) -> dict[str, set[str]]:
    """Return what bandit reports, by file name; a file that it cannot read is an error."""
    done = lint(["bandit", "--quiet", "--recursive", "--format", "json", *paths])
    report = json.loads(done.stdout)
    assert report["errors"] == []
    assert report["metrics"]["_totals"]["loc"] > 0
    found: dict[str, set[str]] = {}
    for one in report["results"]:
        found.setdefault(Path(one["filename"]).name, set()).add(one["test_id"])
    return found


def test_bandit(variant: Path) -> None:
    assert set().union(*bandit(variant / "app", variant / "ops/lib").values()) == set(BANDIT)


INSECURE = {
    "B602": "import subprocess\n\nsubprocess.run(f'ls {input()}', shell=True)\n",
    "B301": "import pickle\n\npickle.loads(b'')\n",
    "B324": "import hashlib\n\nhashlib.md5(b'')\n",
    "B105": "TOKEN = PASSWORD = 'hunter2hunter2'\n",
    "B506": "import yaml\n\nyaml.load('a: 1')\n",
}


def test_bandit_catches(tmp_path: Path) -> None:
    for rule, code in INSECURE.items():
        (tmp_path / f"{rule}.py").write_text(code)
    found = bandit(tmp_path)
    for rule in INSECURE:
        assert rule in found[f"{rule}.py"] - set(BANDIT), rule


def test_hadolint(variant: Path) -> None:
    done = lint(["hadolint", variant / "Dockerfile"])
    assert (done.returncode, done.stdout) == (0, "")


BAD_IMAGES = {
    "DL3006": ("FROM ${BASE_IMAGE_PREFIX}python:3.11-slim\n", "FROM python\n"),
    "DL3007": ("FROM ${BASE_IMAGE_PREFIX}python:3.11-slim\n", "FROM python:latest\n"),
    "DL3002": ("USER 1000:1000\n", "USER root\n"),
    "DL3000": ("WORKDIR /srv\n", "WORKDIR srv\n"),
    "DL3014": ("USER 1000:1000\n", "RUN apt-get update && apt-get install curl\n"),
    "DL3013": ("COPY app /srv/app\n", "COPY app /srv/app\nRUN pip install fastapi\n"),
    "DL3025": ('CMD ["python", "-m", "app"]\n', "CMD python -m app\n"),
}


def test_hadolint_catches(service: Path, tmp_path: Path) -> None:
    text = (service / "Dockerfile").read_text(encoding="utf-8")
    for rule, (old, new) in BAD_IMAGES.items():
        assert old in text, rule
        (tmp_path / rule).write_text(text.replace(old, new), encoding="utf-8")
    done = lint(["hadolint", "--format", "json", *sorted(tmp_path.iterdir())])
    assert done.returncode == 1
    found = {(Path(one["file"]).name, one["code"]) for one in json.loads(done.stdout)}
    assert {(rule, rule) for rule in BAD_IMAGES} <= found


def test_no_answer_changes_a_pipeline(variant: Path) -> None:
    # So one rendering of each file is what check-jsonschema, zizmor and shellcheck have to see.
    for path in (GITHUB, GITLAB):
        assert (variant / path).read_bytes() == (CI / path).read_bytes()
