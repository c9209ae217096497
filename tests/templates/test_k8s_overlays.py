"""Every overlay, over the answers: it builds, its objects are valid and fit each other, and nothing in it is idle."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from collection import files
from templates.k8s_check import flows, problems
from templates.k8s_render import OVERLAYS, Object, build, kustomize, label, layer, matrix, overlay, pick, sample

# The oldest and the newest Kubernetes that the manifests promise to run on.
VERSIONS = ("1.31.0", "1.37.0")
# Kinds of operators, which no Kubernetes schema knows. Any other unknown kind is an error.
CUSTOM = {"ServiceMonitor", "PrometheusRule", "ExternalSecret", "SecretStore", "PeerAuthentication"}


def validate(item: Object, version: str) -> None:
    """Check an object against the strict schema; a kind without schema is an error unless listed."""
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        assert item["kind"] in CUSTOM, f"no schema for {item['kind']} in Kubernetes {version}"


def check(folder: Path, answers: dict[str, Any]) -> None:
    chosen = answers.get("overlays", list(OVERLAYS))
    there = sorted(path.name for path in (folder / "ops/k8s/overlays").iterdir())
    assert there == sorted(chosen)
    for name in chosen:
        objects = build(folder / "ops/k8s/overlays" / name)
        assert problems(objects) == [], name
        home = "production_namespace" if name == "production" else "namespace"
        default = "aurora-production" if name == "production" else "aurora-staging"
        assert {item["metadata"]["namespace"] for item in objects} == {answers.get(home, default)}
        for item in objects:
            for version in VERSIONS:
                validate(item, version)


@pytest.mark.parametrize("answers", sample(), ids=label)
def test_overlays_are_valid_and_fit(collection: Path, answers: dict[str, Any]) -> None:
    check(layer(collection, **answers), answers)


@pytest.mark.matrix
@pytest.mark.parametrize("answers", list(matrix()), ids=label)
def test_overlays_over_every_answer(collection: Path, answers: dict[str, Any]) -> None:
    check(layer(collection, **answers), answers)


@pytest.mark.parametrize("answers", sample(), ids=label)
def test_nothing_names_an_overlay_that_was_not_chosen(collection: Path, answers: dict[str, Any]) -> None:
    folder = layer(collection, **answers)
    missing = [name for name in OVERLAYS if name not in answers.get("overlays", OVERLAYS)]
    for path in files(folder) - {".copier-answers.k8s.yml"}:
        text = (folder / path).read_text(encoding="utf-8")
        for name in missing:
            assert f"overlays/{name}/" not in text.replace("\n", "/").replace("`", "/").replace(" ", "/"), path
    eks = {"staging-eks", "production"} & set(answers.get("overlays", OVERLAYS))
    assert (folder / "ops/aws").exists() == bool(eks)
    if not eks:
        for path in files(folder / "ops"):
            text = (folder / "ops" / path).read_text(encoding="utf-8")
            assert "vaultmesh.cloud" not in text, path
            assert "eu-west-1" not in text, path


def parts(folder: Path) -> list[tuple[str, int]]:
    """Every list entry of a kustomization that is there to change something."""
    lists = ("resources", "components", "patches", "images", "replicas", "labels", "configMapGenerator")
    content = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return [(key, place) for key in lists for place in range(len(content.get(key, [])))]


@pytest.mark.parametrize("gpu", [False, True], ids=["plain", "gpu"])
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_entry_of_an_overlay_changes_the_output(collection: Path, tmp_path: Path, name: str, gpu: bool) -> None:
    # A patch whose target is misspelt, or an image name that matches nothing, is skipped by kustomize without a word.
    shutil.copytree(layer(collection, gpu=gpu) / "ops", tmp_path / "ops")
    folder = tmp_path / "ops/k8s/overlays" / name
    file = folder / "kustomization.yaml"
    whole, original = kustomize(folder).stdout, file.read_text()
    assert len(parts(folder)) >= 6
    for key, place in parts(folder):
        content = yaml.safe_load(original)
        removed = content[key].pop(place)
        file.write_text(yaml.safe_dump(content))
        assert kustomize(folder).stdout != whole, f"{key} {removed} changes nothing"
        file.write_text(original)


@pytest.mark.parametrize("name", ["autoscaling", "gpu", "ingress-alb", "monitoring", "network-policy", "secrets-aws"])
def test_every_entry_of_a_component_changes_the_output(collection: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(layer(collection, gpu=True) / "ops", tmp_path / "ops")
    file = tmp_path / "ops/k8s/components" / name / "kustomization.yaml"
    production = tmp_path / "ops/k8s/overlays/production"
    whole, original = kustomize(production).stdout, file.read_text()
    for key, place in parts(file.parent):
        content = yaml.safe_load(original)
        removed = content[key].pop(place)
        file.write_text(yaml.safe_dump(content))
        assert kustomize(production).stdout != whole, f"{key} {removed} changes nothing"
        file.write_text(original)


@pytest.mark.parametrize(("name", "kind"), [("mtls", "PeerAuthentication"), ("image-pull-secret", None)])
def test_optional_components_fit_every_overlay(collection: Path, tmp_path: Path, name: str, kind: str | None) -> None:
    shutil.copytree(layer(collection) / "ops", tmp_path / "ops")
    for place in OVERLAYS:
        folder = tmp_path / "ops/k8s/overlays" / place
        before = build(folder)
        assert not any(item["kind"] == "PeerAuthentication" for item in before)
        content = yaml.safe_load((folder / "kustomization.yaml").read_text())
        assert f"../../components/{name}" not in content["components"]
        content["components"].append(f"../../components/{name}")
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
        after = build(folder)
        assert problems(after) == []
        assert after != before
        if kind:
            assert pick(after, kind)["spec"]["mtls"]["mode"] == "STRICT"
        else:
            assert pick(after, "ServiceAccount")["imagePullSecrets"] == [{"name": "my-svc-pull"}]


DNS = {
    ("egress", "metadata.name=kube-system/k8s-app=kube-dns", "UDP/53"),
    ("egress", "metadata.name=kube-system/k8s-app=kube-dns", "TCP/53"),
}
PROMETHEUS = ("ingress", "metadata.name=monitoring/name=prometheus", "TCP/8080")
ALB = {("ingress", f"192.168.{block}.0/19", "TCP/8080") for block in (0, 32, 64)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("development", DNS),
        ("staging", DNS | {PROMETHEUS, ("ingress", "network-role=ingress/*", "TCP/8080")}),
        ("staging-eks", DNS | {PROMETHEUS} | ALB),
        ("production", DNS | {PROMETHEUS} | ALB),
    ],
)
def test_exactly_the_flows_that_are_needed(collection: Path, name: str, expected: set[tuple[str, str, str]]) -> None:
    assert flows(overlay(collection, name)) == expected


def breaks(change: Callable[[list[Object]], object]) -> Callable[[list[Object]], list[Object]]:
    def apply(objects: list[Object]) -> list[Object]:
        change(objects)
        return objects

    return apply


def pod(objects: list[Object]) -> Object:
    spec: Object = pick(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def policy(objects: list[Object], name: str) -> Object:
    spec: Object = pick(objects, "NetworkPolicy", f"my-svc-{name}")["spec"]
    return spec


BROKEN: dict[str, tuple[Callable[[list[Object]], object], str]] = {
    "another namespace": (lambda o: pick(o, "Service")["metadata"].update(namespace="x"), "several namespaces"),
    "lost label": (lambda o: pick(o, "Ingress")["metadata"]["labels"].pop("app"), "lacks the labels"),
    "twice": (lambda o: o.append(copy.deepcopy(pick(o, "Service"))), "occurs twice"),
    "selector": (lambda o: pick(o, "Deployment")["spec"]["selector"].update(matchLabels={"app": "x"}), "its own pods"),
    "latest": (lambda o: pod(o)["containers"][0].update(image="ghcr.io/a/b:latest"), "has no version"),
    "no tag": (lambda o: pod(o)["containers"][0].update(image="localhost:5000/b"), "has no version"),
    "probe": (lambda o: pod(o)["containers"][0]["livenessProbe"]["httpGet"].update(port=81), "livenessProbe asks"),
    "account": (lambda o: pod(o).update(serviceAccountName="default"), "ServiceAccount that is not here"),
    "spread": (
        lambda o: pod(o)["topologySpreadConstraints"][0]["labelSelector"].update(matchLabels={"app": "x"}),
        "counts other pods",
    ),
    "service": (lambda o: pick(o, "Service")["spec"].update(selector={"app": "x"}), "selects no pod"),
    "target port": (lambda o: pick(o, "Service")["spec"]["ports"][0].update(targetPort=81), "which no pod has"),
    "backend": (
        lambda o: pick(o, "Ingress")["spec"]["rules"][0]["http"]["paths"][-1]["backend"]["service"].update(name="x"),
        "no such Service port",
    ),
    "action": (lambda o: pick(o, "Ingress")["metadata"].update(annotations={}), "no annotation defines"),
    "host": (lambda o: pick(o, "Ingress")["spec"]["rules"][0].pop("host"), "has no host"),
    "hpa target": (
        lambda o: pick(o, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="x"),
        "which is not here",
    ),
    "replicas": (lambda o: pick(o, "Deployment")["spec"].update(replicas=2), "never both or none"),
    "bounds": (lambda o: pick(o, "HorizontalPodAutoscaler")["spec"].update(maxReplicas=1), "bounds cross"),
    "pdb": (lambda o: pick(o, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update(app="x"), "no pod"),
    "stuck drain": (lambda o: pick(o, "PodDisruptionBudget")["spec"].update(maxUnavailable=0), "forbids every drain"),
    "monitor": (
        lambda o: pick(o, "ServiceMonitor")["spec"]["selector"].update(matchLabels={"app": "x"}),
        "selects no Service",
    ),
    "scrape port": (lambda o: pick(o, "ServiceMonitor")["spec"]["endpoints"][0].update(port="x"), "scrapes a port"),
    "open policy": (lambda o: policy(o, "allow-dns").update(egress=[{}]), "allows everything"),
    "open peers": (lambda o: policy(o, "allow-alb")["ingress"][0].pop("from"), "allows everything"),
    "whole world": (
        lambda o: policy(o, "allow-alb")["ingress"][0].update({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        "allows every address",
    ),
    "every pod": (
        lambda o: policy(o, "allow-dns")["egress"][0].update(to=[{"namespaceSelector": {}}]),
        "allows every pod",
    ),
    "policy port": (lambda o: policy(o, "allow-alb")["ingress"][0]["ports"][0].update(port=81), "which no pod has"),
    "other pods": (lambda o: policy(o, "allow-dns").update(podSelector={}), "selects no pod"),
    "no deny": (lambda o: o.remove(pick(o, "NetworkPolicy", "my-svc-default-deny")), "closes both directions"),
    "no scrape flow": (lambda o: o.remove(pick(o, "NetworkPolicy", "my-svc-allow-prometheus")), "lets Prometheus in"),
    "no ingress flow": (lambda o: o.remove(pick(o, "NetworkPolicy", "my-svc-allow-alb")), "lets its controller in"),
    "config": (lambda o: pod(o)["containers"][0]["envFrom"][0]["configMapRef"].update(name="x"), "is not here"),
    "secret": (lambda o: o.remove(pick(o, "ExternalSecret")), "nothing makes it"),
    "store": (lambda o: o.remove(pick(o, "SecretStore")), "SecretStore that is not here"),
    "literal secret": (
        lambda o: o.append({"kind": "Secret", "metadata": {"name": "x"}, "data": {}}),
        "Secret with literal data",
    ),
    "root": (lambda o: pod(o)["securityContext"].update(runAsNonRoot=False), "may run as root"),
    "seccomp": (lambda o: pod(o)["securityContext"].pop("seccompProfile"), "seccomp"),
    "capability": (
        lambda o: pod(o)["containers"][0]["securityContext"]["capabilities"].update(add=["NET_RAW"]),
        "keeps capabilities",
    ),
    "writable": (
        lambda o: pod(o)["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False),
        "root file system",
    ),
    "token": (lambda o: pod(o).update(automountServiceAccountToken=True), "token for the cluster"),
    "host network": (lambda o: pod(o).update(hostNetwork=True), "namespace of its node"),
    "host path": (lambda o: pod(o)["volumes"][0].update(hostPath={"path": "/"}), "another kind"),
}


@pytest.mark.parametrize(("change", "sentence"), BROKEN.values(), ids=list(BROKEN))
def test_a_fault_is_found(collection: Path, change: Callable[[list[Object]], object], sentence: str) -> None:
    found = problems(breaks(change)(overlay(collection, "production")))
    assert any(sentence in fault for fault in found), found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_refuses_what_kubernetes_would(collection: Path, version: str) -> None:
    unknown_field = pick(overlay(collection, "production"), "Deployment")
    unknown_field["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(unknown_field, version)
    wrong_type = pick(overlay(collection, "production"), "Service")
    wrong_type["spec"]["ports"] = "8080"
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(wrong_type, version)
    unknown_kind = {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "x"}}
    with pytest.raises(AssertionError, match="no schema"):
        validate(unknown_kind, version)
