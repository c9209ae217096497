"""The requirement lines of the standard (areas D, E and P), read off the objects that a cluster would get."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from collection import files
from k8s_render import ODD, OVERLAYS, Object, build, layer, overlay, pick


@pytest.fixture(scope="module")
def base(collection: Path) -> list[Object]:
    return build(layer(collection) / "ops/k8s/base")


@pytest.fixture(scope="module")
def staging(collection: Path) -> list[Object]:
    return overlay(collection, "staging-eks")


def container(objects: list[Object]) -> Object:
    found: Object = pick(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return found


def test_deployment_and_service(base: list[Object]) -> None:
    deployment = pick(base, "Deployment")
    assert deployment["apiVersion"] == "apps/v1"
    assert deployment["metadata"]["name"] == "my-svc-deploy"
    assert deployment["metadata"]["namespace"] == "aurora-staging"
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "my-svc"}
    assert deployment["spec"]["template"]["metadata"]["labels"]["app"] == "my-svc"
    service = pick(base, "Service")
    assert service["metadata"]["name"] == "my-svc-svc"
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["selector"] == {"app": "my-svc"}
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(8080, 8080)]


def test_container(staging: list[Object]) -> None:
    one = container(staging)
    assert one["name"] == "my-svc"
    assert one["image"] == "ghcr.io/vaultmesh/my-svc:0.1.0"
    assert one["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert one["resources"]["requests"] | {"ephemeral-storage": ""} == {
        "cpu": "500m",
        "memory": "1Gi",
        "ephemeral-storage": "",
    }
    assert one["resources"]["limits"] | {"ephemeral-storage": ""} == {
        "cpu": "2",
        "memory": "4Gi",
        "ephemeral-storage": "",
    }
    probes = {name: one[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {
        "startupProbe": {"path": "/health", "port": 8080},
        "livenessProbe": {"path": "/health", "port": 8080},
        "readinessProbe": {"path": "/ready", "port": 8080},
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_hardening(collection: Path, name: str) -> None:
    objects = overlay(collection, name)
    pod = pick(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(objects)["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert list(pod["volumes"][0]) == ["emptyDir", "name"]
    account = pick(objects, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"] == "my-svc"


@pytest.mark.parametrize("name", OVERLAYS)
def test_rolling_without_loss(collection: Path, name: str) -> None:
    objects = overlay(collection, name)
    spec = pick(objects, "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["minReadySeconds"] > 0
    assert 0 < spec["revisionHistoryLimit"] <= 10
    assert pick(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    keys = [one["topologyKey"] for one in spec["template"]["spec"]["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    settings = pick([item for item in objects if "config" in item["metadata"]["name"]], "ConfigMap")["data"]
    # The service's own defaults: five seconds of draining, then up to twenty for requests in flight.
    drain = int(settings.get("DRAIN_SECONDS", 5)) + int(settings.get("SHUTDOWN_SECONDS", 20))
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + 10


def test_autoscaler(staging: list[Object]) -> None:
    scaler = pick(staging, "HorizontalPodAutoscaler")
    assert scaler["apiVersion"] == "autoscaling/v2"
    spec = scaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    assert spec["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    ]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-svc-deploy"}
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300
    assert spec["behavior"]["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def scale(objects: list[Object]) -> Any:
    scalers = [item["spec"] for item in objects if item["kind"] == "HorizontalPodAutoscaler"]
    if scalers:
        return scalers[0]["minReplicas"], scalers[0]["maxReplicas"]
    return pick(objects, "Deployment")["spec"]["replicas"]


def hosts(objects: list[Object]) -> list[str]:
    return [rule["host"] for item in objects if item["kind"] == "Ingress" for rule in item["spec"]["rules"]]


def test_overlays_differ_in_what_matters(collection: Path) -> None:
    seen = {name: overlay(collection, name) for name in OVERLAYS}
    assert [scale(seen[name]) for name in OVERLAYS] == [1, (2, 4), (2, 10), (3, 6)]
    assert [hosts(seen[name]) for name in OVERLAYS] == [
        [],
        ["my-svc.staging.internal"],
        ["my-svc.api.vaultmesh.cloud"],
        ["my-svc.vaultmesh.cloud"],
    ]
    resources = [container(seen[name])["resources"]["requests"]["cpu"] for name in OVERLAYS]
    assert resources == ["100m", "250m", "500m", "500m"]
    spread = [
        pick(seen[name], "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["whenUnsatisfiable"]
        for name in OVERLAYS
    ]
    assert spread == ["ScheduleAnyway", "ScheduleAnyway", "ScheduleAnyway", "DoNotSchedule"]
    levels = [
        next(item["data"] for item in seen[name] if item["kind"] == "ConfigMap" and "LOG_LEVEL" in item["data"])
        for name in OVERLAYS
    ]
    assert [one["LOG_LEVEL"] for one in levels] == ["DEBUG", "INFO", "INFO", "INFO"]
    assert [one["ENVIRONMENT"] for one in levels] == list(OVERLAYS)


def test_gpu(collection: Path) -> None:
    for name in OVERLAYS:
        plain = str(overlay(collection, name))
        assert "nvidia" not in plain
        objects = overlay(collection, name, gpu=True)
        pod = pick(objects, "Deployment")["spec"]["template"]["spec"]
        if name == "development":
            assert "nvidia" not in str(objects)
            continue
        assert container(objects)["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
        # The pool has four nodes; a rolling update surges by one.
        assert pick(objects, "HorizontalPodAutoscaler")["spec"]["maxReplicas"] + 1 <= 4
    assert "KEDA" in (layer(collection, gpu=True) / "ops/k8s/README.md").read_text()


def test_labels(staging: list[Object]) -> None:
    for item in [*staging, pick(staging, "Deployment")["spec"]["template"]]:
        labels = item["metadata"]["labels"]
        assert labels["app"] == labels["app.kubernetes.io/name"] == "my-svc"
        assert labels["app.kubernetes.io/instance"] == "my-svc-staging-eks"
        assert labels["app.kubernetes.io/version"] == "0.1.0"


def test_answers_reach_every_manifest(collection: Path) -> None:
    folder = layer(collection, **ODD)
    for name in OVERLAYS:
        objects = overlay(collection, name, **ODD)
        one = container(objects)
        assert one["name"] == "null"
        assert one["image"] == "registry.example.org:5000/team/a_b/null:1.2.0-rc.1"
        assert one["ports"][0]["containerPort"] == 9000
        assert one["readinessProbe"]["httpGet"] == {"path": "/", "port": 9000}
        assert one["livenessProbe"]["httpGet"] == {"path": "/-/health~z", "port": 9000}
    for path in files(folder / "ops"):
        text = (folder / "ops" / path).read_text()
        for default in ("8080", "aurora-production", "vaultmesh.cloud", "ghcr.io", "eu-west-1"):
            assert default not in text, path
        if path.startswith("k8s/"):
            # the cluster has that name too, and one comment says so
            assert "aurora-staging" not in text.replace("EKS cluster aurora-staging", ""), path


@pytest.mark.parametrize("kind", ["base", "components/autoscaling", "components/network-policy"])
def test_raw_manifests_carry_the_namespace(collection: Path, kind: str) -> None:
    for path in sorted((layer(collection) / "ops/k8s" / kind).glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        if content["kind"] not in ("Kustomization", "Component"):
            assert content["metadata"]["namespace"] == "aurora-staging"


def test_secrets_come_from_outside(collection: Path) -> None:
    reference = {"secretRef": {"name": "my-svc-secrets", "optional": True}}
    for name in OVERLAYS[:3]:
        assert reference in container(overlay(collection, name))["envFrom"]
    production = overlay(collection, "production")
    assert {"secretRef": {"name": "my-svc-secrets", "optional": False}} in container(production)["envFrom"]
    external = pick(production, "ExternalSecret")["spec"]
    assert external["target"]["name"] == "my-svc-secrets"
    assert external["dataFrom"] == [{"extract": {"key": "aurora-production/my-svc"}}]
    guide = (layer(collection) / "ops/k8s/README.md").read_text()
    made = "aws secretsmanager create-secret --region eu-west-1 --name aurora-production/my-svc "
    assert guide.count(made) == 1, "nobody says how the secret gets there"
    assert pick(production, "SecretStore")["spec"]["provider"]["aws"]["region"] == "eu-west-1"


def test_load_balancer(collection: Path) -> None:
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    for name in ("staging-eks", "production"):
        ingress = pick(overlay(collection, name, certificate_arn=arn), "Ingress")
        notes = {
            key.removeprefix("alb.ingress.kubernetes.io/"): text
            for key, text in ingress["metadata"]["annotations"].items()
        }
        assert notes["certificate-arn"] == arn
        assert yaml.safe_load(notes["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
        assert notes["ssl-redirect"] == "443"
        assert notes["target-type"] == "ip"
        closed = {
            path["path"]
            for path in ingress["spec"]["rules"][0]["http"]["paths"]
            if path["backend"]["service"]["name"] == "not-found"
        }
        assert closed == {"/metrics", "/docs", "/redoc", "/openapi.json"}
        assert '"statusCode": "404"' in notes["actions.not-found"]
        discovered = pick(overlay(collection, name), "Ingress")["metadata"]["annotations"]
        assert "alb.ingress.kubernetes.io/certificate-arn" not in discovered
        # Longer than the load balancer may take to notice; shorter than the pod lives.
        assert notes["target-group-attributes"] == "deregistration_delay.timeout_seconds=30"


def test_namespaces_are_restricted_and_chosen(collection: Path) -> None:
    for overlays, names in (
        (list(OVERLAYS), ["aurora-staging", "aurora-production"]),
        (["production"], ["aurora-production"]),
        (["development"], ["aurora-staging"]),
    ):
        text = (layer(collection, overlays=overlays) / "ops/k8s/namespaces.yaml").read_text()
        found = list(yaml.safe_load_all(text))
        assert [item["metadata"]["name"] for item in found] == names
        assert all(item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted" for item in found)
    same = (layer(collection, namespace="one", production_namespace="one") / "ops/k8s/namespaces.yaml").read_text()
    assert same.count("kind: Namespace") == 1


def test_the_layer_brings_nothing_else(collection: Path) -> None:
    tops = {path.split("/")[0] for path in files(layer(collection))}
    assert tops == {"ops", ".copier-answers.k8s.yml"}
    assert {path.split("/")[1] for path in files(layer(collection)) if path.startswith("ops/")} == {"k8s", "aws"}
    assert "_src_path" in yaml.safe_load((layer(collection) / ".copier-answers.k8s.yml").read_text())


def test_another_component_takes_its_name_everywhere(collection: Path) -> None:
    objects = overlay(collection, "staging-eks", component="aurora-bridge", overlays=["staging-eks"])
    assert pick(objects, "Deployment")["metadata"]["name"] == "aurora-bridge-deploy"
    assert pick(objects, "Service")["metadata"]["name"] == "aurora-bridge-svc"
    assert {item["metadata"]["namespace"] for item in objects} == {"aurora-staging"}
    assert "my-svc" not in str(objects)
