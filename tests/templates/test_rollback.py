"""make rollback: the real kubectl asks an API server what runs and is kept; nothing changes before that is known."""

import json
import subprocess
from pathlib import Path

import pytest

from ci_render import call, environment, program, repository, tool
from collection import VERSION, git, render
from k8s_render import Object
from stub_api import Cluster, serve

# Reading is done by the real one; what would change the cluster is noted.
KUBECTL = """#!/bin/sh
case "$*" in
  *" get "*) exec {real} "$@" ;;
esac
echo "kubectl $*" >>"$NOTES"
case "$*" in *"${BROKEN:-nothing}"*) exit 7 ;; esac
"""
NOTER = f"""#!/bin/sh
[ "$1" != --version ] || {{ echo remembrancer {VERSION}; exit; }}
echo "remembrancer $*" >>"$NOTES"
case "$*" in *"${{BROKEN:-nothing}}"*) exit 7 ;; esac
"""
HERE = "kubectl -n aurora-production rollout"
RECORD = "remembrancer record rollback --component my-svc --version 0.2.0 --to 0.1.0 --environment production --reason"


def workload(kind: str, name: str, version: str, **metadata: object) -> Object:
    """Return a Deployment or ReplicaSet whose pods carry a version."""
    labels = {"app": "my-svc"} | ({"app.kubernetes.io/version": version} if version else {})
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "aurora-production", "labels": labels} | metadata,
        "spec": {
            "selector": {"matchLabels": {"app": "my-svc"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "my-svc", "image": f"r/my-svc:{version or 'none'}"}]},
            },
        },
    }


def kept(number: int, version: str, owner: str = "my-svc-deploy") -> Object:
    """Return the ReplicaSet of a revision."""
    return workload(
        "ReplicaSet",
        f"{owner}-{number}",
        version,
        annotations={"deployment.kubernetes.io/revision": str(number)},
        ownerReferences=[
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner, "uid": "1", "controller": True}
        ],
    )


def cluster(running: str, *revisions: Object) -> Cluster:
    """Return a cluster in which a version runs and revisions are kept."""
    return Cluster([workload("Deployment", "my-svc-deploy", running), *revisions], {})


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with two recorded versions."""
    target = render(collection, tmp_path_factory.mktemp("rollback") / "my-svc", component="my-svc")
    for name in ("receipts/deploy/my-svc-0.1.0.receipt", "receipts/deploy/my-svc-0.2.0.receipt", "trust/policy.toml"):
        (target / "ops" / name).parent.mkdir(parents=True, exist_ok=True)
        (target / "ops" / name).write_text("{}\n")
    return repository(target)


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A clone with the stand-ins on PATH."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    program(tmp_path / "path", "kubectl", KUBECTL.replace("{real}", tool("kubectl")))
    program(tmp_path / "path", "remembrancer", NOTER)
    return tmp_path / "my-svc"


def rollback(repo: Path, where: Cluster, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make rollback for production against a cluster."""
    with serve(where.answer) as port:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "me", "user": {}}],
        }
        (repo.parent / "kubeconfig").write_text(json.dumps(config))
        env = environment(
            repo.parent,
            repo.parent / "path",
            NOTES=str(repo.parent / "notes"),
            KUBECONFIG=str(repo.parent / "kubeconfig"),
            NO_PROXY="*",
            **variables,
        )
        return call(["make", "rollback", "OVERLAY=production", *words], repo, env)


def notes(repo: Path) -> list[str]:
    """Return what would have changed the cluster or the record."""
    path = repo.parent / "notes"
    return path.read_text().splitlines() if path.exists() else []


def test_rollback_goes_to_the_revision_of_that_version_and_notes_both(repo: Path) -> None:
    others = [kept(9, "0.1.0", owner="other-deploy"), kept(10, "0.2.0")]
    where = cluster("0.2.0", kept(1, "0.1.0"), kept(8, "0.1.0"), kept(7, "0.0.9"), *others)
    done = rollback(repo, where, "TO=0.1.0", 'REASON=it\'s $(slow); `x` "y"')
    assert done.returncode == 0, done.stderr
    assert notes(repo) == [
        f"{HERE} undo deployment/my-svc-deploy --to-revision=8",
        f"{HERE} status deployment/my-svc-deploy --timeout=5m",
        f'{RECORD} it\'s ; `x` "y"',
    ]


@pytest.mark.parametrize(
    ("running", "revisions", "to", "said"),
    [
        ("0.2.0", ["0.1.0"], "0.0.9", "my-svc 0.0.9 is not recorded, so nothing can go back to it"),
        ("0.2.0", ["0.1.0"], "../x", "TO is a version such as 0.1.0"),
        ("0.1.0", ["0.1.0"], "0.1.0", "production runs 0.1.0 already, so nothing was changed or noted"),
        ("0.3.0", ["0.3.0", "0.2.0"], "0.1.0", "keeps no revision of 0.1.0; it has 0.3.0 0.2.0"),
        ("", [], "0.1.0", "carries no app.kubernetes.io/version"),
    ],
)
def test_what_cannot_be_rolled_back_changes_nothing(
    repo: Path, running: str, revisions: list[str], to: str, said: str
) -> None:
    where = cluster(running, *(kept(number, version) for number, version in enumerate(revisions, 1)))
    done = rollback(repo, where, f"TO={to}", "REASON=slow")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("ops/bin/deploy: ")
    assert said in done.stderr.splitlines()[0]
    assert notes(repo) == []


def test_without_a_policy_or_a_deployment_nothing_changes(repo: Path) -> None:
    done = rollback(repo, Cluster([], {}), "TO=0.1.0", "REASON=slow")
    assert done.returncode != 0
    assert "NotFound" in done.stderr
    (repo / "ops/trust/policy.toml").unlink()
    done = rollback(repo, cluster("0.2.0", kept(1, "0.1.0")), "TO=0.1.0", "REASON=slow")
    assert "run 'ops/bin/remembrancer init --dev'" in done.stderr
    assert notes(repo) == []


@pytest.mark.parametrize("given", [["TO=0.1.0"], ["REASON=slow"], []])
def test_a_rollback_without_reason_or_target_touches_nothing(repo: Path, given: list[str]) -> None:
    done = rollback(repo, cluster("0.2.0", kept(1, "0.1.0")), *given)
    assert done.returncode != 0
    assert "make rollback OVERLAY=" in done.stderr
    assert notes(repo) == []


@pytest.mark.parametrize("broken", ["rollout status", "record rollback"])
def test_a_rollback_that_ended_half_way_is_not_undone_by_the_retry(repo: Path, broken: str) -> None:
    done = rollback(repo, cluster("0.2.0", kept(1, "0.1.0"), kept(2, "0.2.0")), "TO=0.1.0", "REASON=x", BROKEN=broken)
    assert done.returncode != 0
    before = notes(repo)
    again = rollback(repo, cluster("0.1.0", kept(2, "0.2.0"), kept(3, "0.1.0")), "TO=0.1.0", "REASON=x")
    assert again.returncode != 0
    assert notes(repo) == before
    for said in (done.stderr, again.stderr):
        assert "ops/bin/remembrancer record rollback --component my-svc" in said
        assert "--to 0.1.0 --environment production" in said
