"""ops/aws/verify-aurora-week1.sh with the real kubectl and curl on a healthy cluster and on broken ones."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from k8s_render import Object, layer, pick, run, tool
from week_one import CHECKS, World, healthy, node, pod, said, verify


@pytest.mark.system
def test_a_healthy_cluster_passes_every_check(collection: Path, tmp_path: Path) -> None:
    done = verify(collection, tmp_path, World(healthy(collection)))
    assert said(done, "ok") == set(CHECKS), done.stdout + done.stderr
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"{len(CHECKS)} passed, 0 failed"
    assert not done.stderr


def item(world: World, kind: str, name: str | None = None) -> Object:
    return pick(world.objects, kind, name)


def drop(world: World, kind: str, name: str | None = None) -> None:
    world.objects.remove(item(world, kind, name))


BROKEN: dict[str, tuple[Callable[[World], object], set[str]]] = {
    "too few nodes": (lambda w: drop(w, "Node", "cpu-0"), {"nodes"}),
    "node not ready": (
        lambda w: item(w, "Node", "cpu-0")["status"]["conditions"][0].update(status="Unknown"),
        {"nodes"},
    ),
    "no deployment": (lambda w: drop(w, "Deployment"), {"pods", "image"}),
    "one pod": (lambda w: item(w, "Deployment")["status"].update(availableReplicas=1), {"pods"}),
    "no pod": (lambda w: item(w, "Deployment")["status"].pop("availableReplicas"), {"pods"}),
    "old pods": (lambda w: item(w, "Deployment")["status"].update(updatedReplicas=1), {"pods"}),
    "not observed": (lambda w: item(w, "Deployment")["metadata"].update(generation=4), {"pods"}),
    "crash loop": (lambda w: w.objects.append(pod("c", waiting="CrashLoopBackOff")), {"pods"}),
    "image without version": (
        lambda w: item(w, "Deployment")["spec"]["template"]["spec"]["containers"][0].update(image="a/b:latest"),
        {"image"},
    ),
    "no autoscaler": (lambda w: drop(w, "HorizontalPodAutoscaler"), {"hpa"}),
    "autoscaler elsewhere": (
        lambda w: item(w, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="other"),
        {"hpa"},
    ),
    "autoscaler blind": (
        lambda w: item(w, "HorizontalPodAutoscaler")["status"]["conditions"][1].update(status="False"),
        {"hpa"},
    ),
    "autoscaler below minimum": (
        lambda w: item(w, "HorizontalPodAutoscaler")["status"].update(currentReplicas=1),
        {"hpa"},
    ),
    "no default deny": (lambda w: drop(w, "NetworkPolicy", "my-svc-default-deny"), {"network"}),
    "policies not enforced": (
        lambda w: item(w, "DaemonSet")["spec"]["template"]["spec"]["containers"][1].update(args=[]),
        {"network"},
    ),
    "no network agent": (lambda w: drop(w, "DaemonSet"), {"network"}),
    "no ingress": (lambda w: drop(w, "Ingress"), {"ingress"}),
    "no load balancer": (lambda w: item(w, "Ingress").pop("status"), {"ingress"}),
    "name unknown": (lambda w: setattr(w, "resolves", False), {"dns", "tls", "health", "private-paths"}),
    "certificate not trusted": (lambda w: setattr(w, "trusted", False), {"tls", "health", "private-paths"}),
    "no redirect": (lambda w: setattr(w, "redirect", False), {"redirect"}),
    "not ready": (lambda w: w.public.update({"/ready": 503}), {"health"}),
    "not alive": (lambda w: w.public.update({"/health": 502}), {"health"}),
    "metrics public": (lambda w: w.public.update({"/metrics": 200}), {"private-paths"}),
    "docs public": (lambda w: w.public.update({"/docs": 200}), {"private-paths"}),
    "schema public": (lambda w: w.public.update({"/openapi.json": 200}), {"private-paths"}),
    "metric missing": (lambda w: w.samples.pop("active_connections"), {"metrics"}),
    "nothing scraped": (lambda w: w.samples.clear(), {"metrics"}),
    "idle GPU node": (lambda w: w.objects.append(node("gpu-0", "gpu")), {"gpu-idle"}),
    "ledger edited": (lambda w: setattr(w, "ledger", 1), {"ledger"}),
    "no ledger": (lambda w: setattr(w, "ledger", None), {"ledger"}),
}


@pytest.mark.system
@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=list(BROKEN))
def test_each_fault_fails_its_own_check(
    collection: Path, tmp_path: Path, change: Callable[[World], object], expected: set[str]
) -> None:
    world = World(healthy(collection))
    change(world)
    done = verify(collection, tmp_path, world)
    assert said(done, "FAIL") == expected, done.stdout + done.stderr
    assert said(done, "ok") == set(CHECKS) - expected
    assert done.returncode == 1
    assert done.stdout.count("remedy:") == len(expected)


@pytest.mark.system
def test_a_gpu_in_use_is_no_fault(collection: Path, tmp_path: Path) -> None:
    world = World([*healthy(collection), node("gpu-0", "gpu"), pod("c", gpu="1")])
    done = verify(collection, tmp_path, world)
    assert done.returncode == 0, done.stdout
    assert "in use by 1 pods" in done.stdout


@pytest.mark.system
def test_the_wrong_cluster_is_refused(collection: Path, tmp_path: Path) -> None:
    done = verify(collection, tmp_path, World(healthy(collection), cluster="arn:aws:eks:x:1:cluster/another"))
    assert done.returncode == 4
    assert "not to aurora-staging" in done.stderr
    assert "ok " not in done.stdout


@pytest.mark.system
def test_an_unhealthy_control_plane_is_refused(collection: Path, tmp_path: Path) -> None:
    done = verify(collection, tmp_path, World(healthy(collection), ready=False))
    assert done.returncode == 4
    assert "no cluster answers" in done.stderr


@pytest.mark.system
def test_a_check_can_be_left_out_and_says_so(collection: Path, tmp_path: Path) -> None:
    world = World(healthy(collection), ledger=None)
    done = verify(collection, tmp_path, world, "--without", "ledger", "--context", "here")
    assert done.returncode == 0, done.stdout
    assert said(done, "skip") == {"ledger"}


def bare(collection: Path, folder: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script without a cluster; the programs it finds are those of `path`."""
    script = layer(collection) / "ops/aws/verify-aurora-week1.sh"
    return run("/bin/bash", script, *arguments, cwd=folder, HOME=str(folder), KUBECONFIG="/dev/null", PATH=path)


def test_without_a_tool_it_names_the_tool(collection: Path, tmp_path: Path) -> None:
    done = bare(collection, tmp_path, path=str(tmp_path))
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        "STOP  kubectl is missing",
        "      remedy: install kubectl and run this again",
    ]


def test_without_a_cluster_it_fails(collection: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(tool("kubectl"), programs / "kubectl")
    (programs / "curl").write_text("#!/bin/sh\nexit 7\n")
    (programs / "curl").chmod(0o755)
    done = bare(collection, tmp_path, path=f"{programs}:/usr/bin:/bin")
    assert done.returncode == 4
    assert "no cluster answers" in done.stderr
    assert "aws eks update-kubeconfig --name aurora-staging --region eu-west-1" in done.stderr


@pytest.mark.parametrize("arguments", [["--unknown", "x"], ["--host"], ["--without", "everything"], ["extra"]])
def test_wrong_usage(collection: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = bare(collection, tmp_path, *arguments, path="/usr/bin:/bin")
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_help(collection: Path, tmp_path: Path) -> None:
    done = bare(collection, tmp_path, "--help", path="/usr/bin:/bin")
    assert done.returncode == 0
    assert f"checks: {' '.join(CHECKS)}" in done.stdout


@pytest.mark.parametrize("overlays", [["staging-eks"], ["production"]])
def test_shellcheck_and_its_place(collection: Path, tmp_path: Path, overlays: list[str]) -> None:
    script = layer(collection, overlays=overlays) / "ops/aws/verify-aurora-week1.sh"
    assert script.stat().st_mode & 0o111 == 0o111
    done = run(tool("shellcheck"), script)
    assert done.returncode == 0, done.stdout
    text = script.read_text()
    assert f"overlay={overlays[0]}" in text
    broken = tmp_path / "broken.sh"
    broken.write_text(text.replace('"$component-deploy"', "$component-deploy $undefined"))
    assert run(tool("shellcheck"), broken).returncode != 0
