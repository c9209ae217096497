"""Every overlay, over the answers: it builds, its objects are valid and fit each other, and nothing in it is idle."""

import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate.utils  # type: ignore[import-untyped]
import pytest
import yaml

from collection import files
from k8s_check import flows, problems
from k8s_idle import idle, parts
from k8s_render import OVERLAYS, Object, build, label, layer, matrix, overlay, pick, pod_selectors, sample
from older_labels import label_by_overlay
from operator_schemas import faults

# The oldest and the newest Kubernetes that the manifests promise to run on.
VERSIONS = ("1.31.0", "1.37.0")


@pytest.fixture(scope="module", autouse=True)
def schemas_once() -> Iterator[None]:
    """Let each schema be read once; the library reads a megabyte of definitions for each object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


def validate(item: Object, version: str) -> None:
    """Check an object against the strict schema: Kubernetes' own, or the operator's. A kind without one is an error."""
    _validate(json.dumps(item), version)


@cache
def _validate(text: str, version: str) -> None:
    item = json.loads(text)
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        found = faults(item)
        assert not found, f"{item['kind']} in Kubernetes {version}: {found}"


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
    listed = re.findall(r"(?m)^\| `([a-z-]+)` \|", (folder / "ops/k8s/README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in (folder / "ops/k8s/components").iterdir())
    if "production" in missing:
        home = answers.get("production_namespace", "aurora-production")
        for path in files(folder / "ops"):
            assert home not in (folder / "ops" / path).read_text(encoding="utf-8"), path
    eks = {"staging-eks", "production"} & set(answers.get("overlays", OVERLAYS))
    assert (folder / "ops/aws").exists() == bool(eks)
    if not eks:
        for path in files(folder / "ops"):
            text = (folder / "ops" / path).read_text(encoding="utf-8")
            assert "vaultmesh.cloud" not in text, path
            assert "eu-west-1" not in text, path


@pytest.mark.parametrize("gpu", [False, pytest.param(True, marks=pytest.mark.system)], ids=["plain", "gpu"])
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_entry_of_an_overlay_changes_the_output(collection: Path, tmp_path: Path, name: str, gpu: bool) -> None:
    shutil.copytree(layer(collection, gpu=gpu) / "ops", tmp_path / "ops")
    folder = tmp_path / "ops/k8s/overlays" / name
    assert len(parts(folder)) >= 6
    assert idle(folder, folder) == []


@pytest.mark.parametrize("name", ["autoscaling", "gpu", "ingress-alb", "monitoring", "network-policy", "secrets-aws"])
def test_every_entry_of_a_component_changes_the_output(collection: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(layer(collection, gpu=True) / "ops", tmp_path / "ops")
    folder = tmp_path / "ops/k8s/components" / name
    assert parts(folder)
    # production has its own bounds for the autoscaler, staging takes those of the component
    overlay = "staging-eks" if name == "gpu" else "production"
    assert idle(folder, tmp_path / "ops/k8s/overlays" / overlay) == []


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


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_database_adds_its_flow_and_its_migration_and_nothing_else(collection: Path, name: str) -> None:
    without, chosen = overlay(collection, name), overlay(collection, name, database="postgresql")
    assert problems(chosen) == []
    peers = {"network-role=database/*", "192.168.0.0/16"}
    assert flows(chosen) - flows(without) == {("egress", peer, "TCP/5432") for peer in peers}
    names = {(item["kind"], item["metadata"]["name"]) for item in chosen}
    added = {("Job", "my-svc-migrate"), ("NetworkPolicy", "my-svc-allow-database")}
    # production reads secrets from AWS with or without a database
    added |= {("SecretStore", "my-svc-aws"), ("ExternalSecret", "my-svc-secrets")} if name == "staging-eks" else set()
    assert names - {(item["kind"], item["metadata"]["name"]) for item in without} == added
    for item in chosen:
        for version in VERSIONS:
            validate(item, version)


def settings_of(objects: list[Object]) -> dict[str, str]:
    """The settings of the container; another ConfigMap holds the dashboard."""
    (data,) = [item["data"] for item in objects if item["metadata"]["name"].startswith("my-svc-config-")]
    return dict(data)


@pytest.mark.parametrize("name", OVERLAYS)
def test_telemetry_adds_its_flow_and_who_the_pod_is_and_nothing_else(collection: Path, name: str) -> None:
    without, chosen = both = overlay(collection, name), overlay(collection, name, telemetry="otlp")
    assert problems(chosen) == []
    if name == "development":
        assert chosen == without
        return
    assert flows(chosen) - flows(without) == {("egress", "metadata.name=monitoring/*", "TCP/4318")}
    address = "http://otel-collector.monitoring:4318"
    assert settings_of(chosen) == settings_of(without) | {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
    pod = pick(chosen, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert pod.pop("env")[-1]["value"] == "k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE)"
    policies = [{item["metadata"]["name"] for item in objects if item["kind"] == "NetworkPolicy"} for objects in both]
    assert policies[1] - policies[0] == {"my-svc-allow-collector"}
    assert len(chosen) == len(without) + 1
    for item in chosen:
        for version in VERSIONS:
            validate(item, version)


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_migration_runs_the_image_of_the_server_and_is_not_one_of_its_pods(collection: Path, name: str) -> None:
    """The autoscaler would count a finished pod of the Deployment's selector as one that uses nothing."""
    objects = overlay(collection, name, database="postgresql")
    job, server = pick(objects, "Job"), pick(objects, "Deployment")
    pod = job["spec"]["template"]
    assert pod["spec"]["containers"][0]["image"] == server["spec"]["template"]["spec"]["containers"][0]["image"]
    selectors = pod_selectors(objects)
    assert {who.partition(" ")[0] for who in selectors} == {
        *("Deployment", "spread", "Service", "PodDisruptionBudget", "NetworkPolicy")
    }
    chooses = lambda labels: {who for who, wanted in selectors.items() if wanted.items() <= labels.items()}  # noqa: E731
    assert chooses(server["spec"]["template"]["metadata"]["labels"]) == selectors.keys()
    flow = "NetworkPolicy my-svc-"
    assert chooses(pod["metadata"]["labels"]) == {f"{flow}default-deny", f"{flow}allow-dns", f"{flow}allow-database"}
    assert selectors["Deployment my-svc-deploy"] == {"app": "my-svc"}, "Kubernetes never lets it change"
    wanted = [source["secretRef"] for source in pod["spec"]["containers"][0]["envFrom"]]
    assert wanted == [{"name": "my-svc-secrets"}], "a migration never starts without its address"


def test_an_overlay_that_a_team_copied_before_sends_no_request_to_a_migration(collection: Path, tmp_path: Path) -> None:
    """No update reaches it; it gives the label by which the Deployment chooses its pods to all of them."""
    root = shutil.copytree(layer(collection, database="postgresql") / "ops/k8s", tmp_path / "k8s")
    label_by_overlay(root / "overlays/staging/kustomization.yaml")
    objects = build(root / "overlays/staging")
    labels = pick(objects, "Job")["spec"]["template"]["metadata"]["labels"]
    assert labels["app"] == "my-svc"
    chosen = {who for who, wanted in pod_selectors(objects).items() if wanted.items() <= labels.items()}
    assert not chosen & {"Service my-svc-svc", "PodDisruptionBudget my-svc-pdb"}


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
