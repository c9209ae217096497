"""Faults put into the objects of production, each with the words of the check that has to find it."""

import copy
from collections.abc import Callable

from k8s_render import Object, pick


def pod(objects: list[Object]) -> Object:
    """Return the pod's specification."""
    spec: Object = pick(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def policy(objects: list[Object], name: str) -> Object:
    """Return one NetworkPolicy's specification."""
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
    "password in the settings": (
        lambda o: pick(o, "ConfigMap", next(i["metadata"]["name"] for i in o if "-config-" in i["metadata"]["name"]))[
            "data"
        ].update(DATABASE_PASSWORD="x"),
        "credential in plain text",
    ),
    "token in the environment": (
        lambda o: pod(o)["containers"][0].update(env=[{"name": "API_TOKEN", "value": "x"}]),
        "credential in plain text",
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
    "second deployment": (
        lambda o: o.append(copy.deepcopy(pick(o, "Deployment"))),
        "not exactly one Deployment",
    ),
    "mount": (lambda o: pod(o)["containers"][0].update(volumeMounts=[]), "volumes and mounts differ"),
    "certificate": (
        lambda o: pick(o, "Ingress")["spec"].update(tls=[{"hosts": ["other.example.org"], "secretName": "x"}]),
        "certificate is for another host",
    ),
    "no cpu request": (
        lambda o: pod(o)["containers"][0]["resources"]["requests"].pop("cpu"),
        "CPU request that is not set",
    ),
    "job label": (lambda o: pick(o, "ServiceMonitor")["spec"].update(jobLabel="team"), "takes the job's name"),
    "ungoverned": (
        lambda o: policy(o, "allow-alb").update(policyTypes=["Egress"]),
        "which it does not govern",
    ),
    "privileged": (
        lambda o: pod(o)["containers"][0]["securityContext"].update(privileged=True),
        "may gain privileges",
    ),
    "node port": (lambda o: pod(o)["containers"][0]["ports"][0].update(hostPort=80), "takes a port of its node"),
}
