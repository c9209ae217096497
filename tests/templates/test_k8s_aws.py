"""ops/aws: the cluster and its surroundings as the standard names them (area M)."""

import itertools
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_render import ODD, Object, layer, overlay, pick


def cluster(collection: Path, **answers: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((layer(collection, **answers) / "ops/aws/cluster.yaml").read_text())
    return content


def pools(collection: Path) -> dict[str, dict[str, Any]]:
    return {pool["name"]: pool for pool in cluster(collection)["managedNodeGroups"]}


def test_cluster(collection: Path) -> None:
    content = cluster(collection)
    assert content["apiVersion"] == "eksctl.io/v1alpha5"
    assert content["metadata"]["name"] == "aurora-staging"
    assert content["metadata"]["region"] == "eu-west-1"
    assert content["iam"]["withOIDC"] is True
    policies = next(addon for addon in content["addons"] if addon["name"] == "vpc-cni")
    assert yaml.safe_load(policies["configurationValues"]) == {"enableNetworkPolicy": "true"}
    assert "metrics-server" in {addon["name"] for addon in content["addons"]}


def test_pools(collection: Path) -> None:
    size = {
        name: (pool.get("instanceType"), pool["minSize"], pool["maxSize"], pool["desiredCapacity"])
        for name, pool in pools(collection).items()
    }
    assert size["cpu"] == ("m6i.large", 3, 6, 3)
    assert size["gpu"] == ("g5.2xlarge", 0, 4, 0)
    assert size["cpu-spot"] == (None, 0, 6, 0)
    assert pools(collection)["cpu-spot"]["spot"] is True
    assert all(pool["disableIMDSv1"] and pool["volumeEncrypted"] for pool in pools(collection).values())


def test_gpu_pods_fit_the_gpu_pool(collection: Path) -> None:
    pool = pools(collection)["gpu"]
    pod = pick(overlay(collection, "staging-eks", gpu=True), "Deployment")["spec"]["template"]["spec"]
    assert pod["nodeSelector"].items() <= pool["labels"].items()
    assert {(taint["key"], taint["effect"]) for taint in pool["taints"]} == {
        (one["key"], one["effect"]) for one in pod["tolerations"]
    }
    # An empty pool is only scaled up if its group's tags say what a node would have.
    assert pool["propagateASGTags"] is True


def role(collection: Path, **answers: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((layer(collection, **answers) / "ops/aws/service-role.yaml").read_text())
    return content


def test_one_cluster_for_many_services(collection: Path) -> None:
    """Its file says nothing about the service that it was rendered for; each brings its own role to it."""
    one, other = layer(collection), layer(collection, component="orders")
    assert (one / "ops/aws/cluster.yaml").read_bytes() == (other / "ops/aws/cluster.yaml").read_bytes()
    own, theirs = role(collection), role(collection, component="orders")
    for found in (own, theirs):
        assert found["metadata"].items() <= cluster(collection)["metadata"].items()
    names = [found["iam"]["serviceAccounts"][0]["metadata"]["name"] for found in (own, theirs)]
    assert names == ["my-svc-secrets-reader", "orders-secrets-reader"]
    assert not (layer(collection, overlays=["staging-eks"]) / "ops/aws/service-role.yaml").exists()


@pytest.mark.parametrize("overlays", [["staging-eks"], ["staging-eks", "production"], ["production"]])
def test_each_environment_reads_its_own_address_of_the_database(collection: Path, overlays: list[str]) -> None:
    """The secret is there before the migration that reads it, and its role may read this one alone."""
    answers = {"overlays": overlays, "database": "postgresql"}
    homes = {"staging-eks": "aurora-staging", "production": "aurora-production"}
    may: dict[str, list[str]] = {}
    for account in role(collection, **answers)["iam"]["serviceAccounts"]:
        may[account["metadata"]["namespace"]] = account["attachPolicy"]["Statement"][0]["Resource"]
    for name in overlays:
        objects = overlay(collection, name, **answers)
        secret, store = pick(objects, "ExternalSecret"), pick(objects, "SecretStore")
        key = f"{homes[name]}/my-svc"
        assert [one["extract"]["key"] for one in secret["spec"]["dataFrom"]] == [key]
        assert may[homes[name]] == [f"arn:aws:secretsmanager:eu-west-1:*:secret:{key}-??????"]
        job = pick(objects, "Job")
        waves = [int(one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for one in (secret, store, job)]
        assert max(waves[:2]) < waves[2] < 0
        assert {one["metadata"]["namespace"] for one in (secret, store, job)} == {homes[name]}
        assert secret["spec"]["target"]["name"] in str(job["spec"])
    assert set(may) == {homes[name] for name in overlays}


def named(objects: list[Object]) -> set[str]:
    """Return what two services of one cluster must not share: each object, and each public host."""
    seen = {f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in objects}
    rules = [rule for one in objects if one["kind"] == "Ingress" for rule in one["spec"]["rules"]]
    return seen | {rule["host"] for rule in rules}


def test_two_services_and_two_environments_share_nothing_but_the_load_balancer(collection: Path) -> None:
    both = {}
    for component, name in itertools.product(("my-svc", "orders"), ("staging-eks", "production")):
        both[component, name] = overlay(collection, name, component=component)
    shared = [one for one, times in Counter(itertools.chain(*map(named, both.values()))).items() if times > 1]
    assert shared == []
    groups: dict[str, set[str]] = {}
    for objects in both.values():
        about = pick(objects, "Ingress")["metadata"]
        marks = about["annotations"]
        groups.setdefault(marks["alb.ingress.kubernetes.io/group.name"], set()).add(
            marks["alb.ingress.kubernetes.io/load-balancer-attributes"]
        )
    # the members of a group must agree on what the load balancer is
    assert {name: len(said) for name, said in groups.items()} == {"aurora-staging": 1, "aurora-production": 1}


def test_a_host_of_one_s_own(collection: Path) -> None:
    answers = {"public_host": "api.vaultmesh.cloud"}
    (rule,) = pick(overlay(collection, "staging-eks", **answers), "Ingress")["spec"]["rules"]
    assert rule["host"] == "api.vaultmesh.cloud"
    assert "host=api.vaultmesh.cloud\n" in (layer(collection, **answers) / "ops/aws/verify-aurora-week1.sh").read_text()


# What EKS leaves of an m6i.large for pods, after the kubelet's and the system's share (millicores, MiB).
ALLOCATABLE = (1930, 7000)
# What each node runs anyway: the network plugin, kube-proxy, the node exporter.
DAEMONS = (170, 200)
# What runs once: CoreDNS and metrics-server twice, the load balancer's and the other controllers.
PROGRAMS = [(100, 70)] * 2 + [(100, 200)] * 2 + [(50, 100)] * 4


def amount(text: str, units: dict[str, float]) -> float:
    """Return a Kubernetes quantity in the base of `units`."""
    suffix = text.lstrip("0123456789.")
    return float(text.removesuffix(suffix)) * units[suffix]


def request(objects: list[Object]) -> tuple[float, float]:
    asked = pick(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
    return amount(asked["cpu"], {"": 1000, "m": 1}), amount(asked["memory"], {"Mi": 1, "Gi": 1024})


def fits(nodes: int, wanted: list[tuple[float, float]]) -> bool:
    """Tell whether pods find a place each, the largest first, on the first node that has room."""
    free = [[ALLOCATABLE[0] - DAEMONS[0], ALLOCATABLE[1] - DAEMONS[1]] for _ in range(nodes)]
    for cpu, memory in sorted([*wanted, *PROGRAMS], reverse=True):
        room = next((one for one in free if one[0] >= cpu and one[1] >= memory), None)
        if room is None:
            return False
        room[0] -= cpu
        room[1] -= memory
    return True


@pytest.mark.parametrize("bound", ["minReplicas", "maxReplicas"])
def test_all_replicas_fit_the_cpu_pool(collection: Path, bound: str) -> None:
    pool = pools(collection)["cpu"]
    nodes = pool["minSize" if bound == "minReplicas" else "maxSize"]
    wanted = []
    for name in ("staging-eks", "production"):
        objects = overlay(collection, name)
        count = pick(objects, "HorizontalPodAutoscaler")["spec"][bound]
        # a rollout of production makes one pod more
        surge = pick(objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        wanted += [request(objects)] * (count + (surge if name == "production" else 0))
    assert fits(nodes, wanted)
    assert not fits(nodes, wanted + [(1000, 2048)] * nodes), "a test that fits anything tells nothing"


@pytest.mark.parametrize("bound", ["minReplicas", "maxReplicas"])
def test_all_replicas_fit_the_gpu_pool(collection: Path, bound: str) -> None:
    wanted = 0
    for name in ("staging-eks", "production"):
        objects = overlay(collection, name, gpu=True)
        surge = pick(objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        wanted += pick(objects, "HorizontalPodAutoscaler")["spec"][bound] + surge
    assert 0 < wanted <= pools(collection)["gpu"]["maxSize"]


def test_the_cluster_is_never_billed_for_a_version_that_ended(collection: Path) -> None:
    found = cluster(collection)
    assert found["upgradePolicy"] == {"supportType": "STANDARD"}
    text = (layer(collection) / "ops/aws/cluster.yaml").read_text()
    assert re.search(r"(?m)Standard support of this version ends on \d{4}-\d\d-\d\d;", text)


def test_roles_do_one_thing_each(collection: Path) -> None:
    every_account = [*cluster(collection)["iam"]["serviceAccounts"], *role(collection)["iam"]["serviceAccounts"]]
    accounts = {one["metadata"]["name"]: one for one in every_account}
    dns = accounts["external-dns"]["attachPolicy"]["Statement"]
    assert dns[0]["Resource"] == ["arn:aws:route53:::hostedzone/Z100505526F6RJ21G6IU4"]
    assert dns[1]["Action"] == [
        "route53:ListHostedZones",
        "route53:ListResourceRecordSets",
        "route53:ListTagsForResources",
    ]
    reader = accounts["my-svc-secrets-reader"]
    assert reader["metadata"]["namespace"] == "aurora-production"
    assert reader["attachPolicy"]["Statement"][0]["Resource"] == [
        "arn:aws:secretsmanager:eu-west-1:*:secret:aurora-production/my-svc-??????"
    ]
    store = pick(overlay(collection, "production"), "SecretStore")["spec"]["provider"]["aws"]
    assert store["auth"]["jwt"]["serviceAccountRef"]["name"] in accounts
    every = [
        action
        for one in accounts.values()
        for part in one.get("attachPolicy", {}).get("Statement", [])
        for action in part["Action"]
    ]
    assert not any("*" in action for action in every)


def test_other_partitions(collection: Path) -> None:
    text = (layer(collection, **ODD) / "ops/aws/cluster.yaml").read_text()
    assert "arn:aws-us-gov:route53" in text
    assert "arn:aws:" not in text


# The names of the charts' values, as the charts' own values.yaml spell them.
CHARTS = {
    "aws-load-balancer-controller": ("clusterName", "region", "vpcId", "serviceAccount.create", "serviceAccount.name"),
    "cluster-autoscaler": (
        *("autoDiscovery.clusterName", "awsRegion", "rbac.serviceAccount.create", "rbac.serviceAccount.name"),
    ),
}


@pytest.mark.parametrize("chart", list(CHARTS))
def test_what_runs_without_the_node_s_metadata_is_told_where_it_is(collection: Path, chart: str) -> None:
    found = cluster(collection)
    assert all(pool["disablePodIMDS"] for pool in found["managedNodeGroups"])
    guide = (layer(collection) / "ops/aws/README.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(rf"(?m)^    (helm upgrade --install {chart} .*)$", guide)
    given = dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
    assert tuple(given) == CHARTS[chart]
    where = [value for name, value in given.items() if name.endswith(("region", "Region"))]
    assert where == [found["metadata"]["region"]]
    assert [value for name, value in given.items() if name.endswith("clusterName")] == [found["metadata"]["name"]]
    account = next(value for name, value in given.items() if name.endswith("serviceAccount.name"))
    namespace = line.split("--namespace ")[1].split()[0]
    assert {"name": account, "namespace": namespace} in [one["metadata"] for one in found["iam"]["serviceAccounts"]]
    assert next(value for name, value in given.items() if name.endswith("serviceAccount.create")) == "false"


def test_pools_are_resized_by_what_can(collection: Path) -> None:
    for name in ("README.md", "cluster.yaml"):
        text = (layer(collection) / "ops/aws" / name).read_text()
        assert "eksctl scale nodegroup --cluster aurora-staging" in text
        assert "eksctl update nodegroup" not in text


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short function names, which are kept as (name, value)."""


def _function(loader: Loader, suffix: str, value: yaml.Node) -> tuple[str, Any]:
    if isinstance(value, yaml.SequenceNode):
        return suffix, loader.construct_sequence(value, deep=True)
    assert isinstance(value, yaml.ScalarNode)
    return suffix, loader.construct_scalar(value)


Loader.add_multi_constructor("!", _function)


def test_endpoints(collection: Path) -> None:
    content = yaml.load((layer(collection) / "ops/aws/vpc-endpoints.yaml").read_text(), Loader)
    resources = {name: item["Properties"] for name, item in content["Resources"].items()}
    services = {
        item["ServiceName"][1].partition("${AWS::Region}.")[2]: item["VpcEndpointType"]
        for item in resources.values()
        if "ServiceName" in item
    }
    assert services == {"s3": "Gateway", "ecr.api": "Interface", "ecr.dkr": "Interface"}
    assert resources["S3Endpoint"]["RouteTableIds"] == ("Ref", "RouteTableIds")
    for name in ("EcrApiEndpoint", "EcrDockerEndpoint"):
        assert resources[name]["PrivateDnsEnabled"] is True
        assert resources[name]["SecurityGroupIds"] == [("Ref", "EndpointSecurityGroup")]
    names = set(content["Parameters"]) | set(content["Resources"])
    used = {
        value[1]
        for item in resources.values()
        for value in item.values()
        if isinstance(value, tuple) and value[0] == "Ref"
    }
    assert used <= names
    default = content["Parameters"]["VpcCidr"]["Default"]
    assert default == cluster(collection)["vpc"]["cidr"]


@pytest.mark.parametrize("word", ["Z100505526F6RJ21G6IU4", "us-east-1", "CloudFront", "api.vaultmesh.cloud", "Spot"])
def test_guide_covers(collection: Path, word: str) -> None:
    assert word in (layer(collection) / "ops/aws/README.md").read_text()


def test_no_certificate_of_another_region_on_the_load_balancer(collection: Path) -> None:
    for path in (layer(collection) / "ops").rglob("*.yaml"):
        assert "us-east-1" not in "".join(
            line for line in path.read_text().splitlines() if not line.strip().startswith("#")
        ), path
