"""ops/aws: the cluster and its surroundings as the standard names them (area M)."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_render import ODD, layer, overlay, pick


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


def test_roles_do_one_thing_each(collection: Path) -> None:
    accounts = {one["metadata"]["name"]: one for one in cluster(collection)["iam"]["serviceAccounts"]}
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
    only_staging = cluster(collection, overlays=["staging-eks"])["iam"]["serviceAccounts"]
    assert "my-svc-secrets-reader" not in {one["metadata"]["name"] for one in only_staging}


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
