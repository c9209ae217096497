"""What no linter looks at: whether the objects of one overlay fit each other.

`problems` returns one sentence per fault, and nothing for a set that fits.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from k8s_render import Object

ALB_ACTION = "alb.ingress.kubernetes.io/actions."
MESH_PORT = 15008
CREDENTIAL = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)


def problems(objects: list[Object]) -> list[str]:
    """Return every fault of the objects of one overlay."""
    checks = (_identity, _workload, _service, _ingress, _scaling, _monitoring, _network, _configuration, _restricted)
    return [f"{check.__name__[1:]}: {fault}" for check in checks for fault in check(objects)]


def flows(objects: list[Object]) -> set[tuple[str, str, str]]:
    """Return every allowed flow as (direction, peer, port); a rule without peer or port shows as `*`."""
    return {
        (direction.lower(), _peer(peer), f"{port.get('protocol', 'TCP')}/{port.get('port', '*')}")
        for policy in _of(objects, "NetworkPolicy")
        for direction, side in (("Ingress", "from"), ("Egress", "to"))
        for rule in policy["spec"].get(direction.lower()) or []
        for peer in rule.get(side) or [{}]
        for port in rule.get("ports") or [{}]
    }


def _peer(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    parts = []
    for name in ("namespaceSelector", "podSelector"):
        labels = (peer.get(name) or {}).get("matchLabels") or {}
        parts.append(",".join(f"{key.split('/')[-1]}={value}" for key, value in sorted(labels.items())) or "*")
    return "/".join(parts)


def _of(objects: list[Object], kind: str) -> list[Object]:
    return [item for item in objects if item["kind"] == kind]


def _names(objects: list[Object], kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in _of(objects, kind)}


def _matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def _pods(objects: list[Object]) -> dict[str, str]:
    """The labels of the pods."""
    labels: dict[str, str] = _of(objects, "Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    return labels


def _container(objects: list[Object]) -> Object:
    container: Object = _of(objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
    return container


def _ports(objects: list[Object]) -> set[int | str]:
    ports = _container(objects)["ports"]
    return {port["containerPort"] for port in ports} | {port["name"] for port in ports}


def _identity(objects: list[Object]) -> Iterator[str]:
    if len(_of(objects, "Deployment")) != 1:
        yield "there is not exactly one Deployment"
        return
    seen = [(item["kind"], item["metadata"]["name"]) for item in objects]
    yield from (f"{kind} {name} occurs twice" for kind, name in {one for one in seen if seen.count(one) > 1})
    spaces = {item["metadata"].get("namespace") for item in objects}
    if len(spaces) != 1 or None in spaces:
        yield f"objects are in several namespaces: {spaces}"
    app = _pods(objects).get("app")
    for item in objects:
        labels = item["metadata"].get("labels") or {}
        if not app or labels.get("app") != app or labels.get("app.kubernetes.io/name") != app:
            yield f"{item['kind']} {item['metadata']['name']} lacks the labels app and app.kubernetes.io/name"


def _workload(objects: list[Object]) -> Iterator[str]:
    spec = _of(objects, "Deployment")[0]["spec"]
    pod = spec["template"]["spec"]
    container = _container(objects)
    if not _matches(spec["selector"]["matchLabels"], _pods(objects)):
        yield "the Deployment does not select its own pods"
    tag = container["image"].rpartition("/")[2].partition(":")[2]
    if tag in ("", "latest", "set-by-overlay"):
        yield f"the image {container['image']} has no version"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if container.get(probe, {}).get("httpGet", {}).get("port") not in _ports(objects):
            yield f"{probe} asks a port that the container does not have"
    if pod.get("serviceAccountName") not in _names(objects, "ServiceAccount"):
        yield "the pods run as a ServiceAccount that is not here"
    for constraint in pod.get("topologySpreadConstraints", []):
        if not _matches(constraint["labelSelector"]["matchLabels"], _pods(objects)):
            yield f"the spread over {constraint['topologyKey']} counts other pods"
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    if {mount["name"] for mount in container.get("volumeMounts", [])} != volumes:
        yield "volumes and mounts differ"


def _service(objects: list[Object]) -> Iterator[str]:
    for service in _of(objects, "Service"):
        if not _matches(service["spec"]["selector"], _pods(objects)):
            yield f"Service {service['metadata']['name']} selects no pod"
        for port in service["spec"]["ports"]:
            if port.get("targetPort", port["port"]) not in _ports(objects):
                yield f"Service {service['metadata']['name']} sends to port {port.get('targetPort')}, which no pod has"


def _ingress(objects: list[Object]) -> Iterator[str]:
    services = {item["metadata"]["name"]: item["spec"]["ports"] for item in _of(objects, "Service")}
    for ingress in _of(objects, "Ingress"):
        actions = ingress["metadata"].get("annotations", {})
        for rule in ingress["spec"]["rules"]:
            if not rule.get("host"):
                yield "an Ingress rule has no host"
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]
                if target["port"].get("name") == "use-annotation":
                    if "type" not in json.loads(actions.get(ALB_ACTION + target["name"], "{}")):
                        yield f"{path['path']} goes to the action {target['name']}, which no annotation defines"
                elif not any(
                    target["port"].get("name") == port["name"] or target["port"].get("number") == port["port"]
                    for port in services.get(target["name"], [])
                ):
                    yield f"{path['path']} goes to {target['name']}, which has no such Service port"
        hosts = {rule.get("host") for rule in ingress["spec"]["rules"]}
        if not {host for tls in ingress["spec"].get("tls", []) for host in tls["hosts"]} <= hosts:
            yield "an Ingress certificate is for another host than its rules"


def _scaling(objects: list[Object]) -> Iterator[str]:
    deployment = _of(objects, "Deployment")[0]
    scalers = _of(objects, "HorizontalPodAutoscaler")
    if bool(scalers) == ("replicas" in deployment["spec"]):
        yield "either a HorizontalPodAutoscaler or the field replicas says how many pods there are, never both or none"
    for scaler in scalers:
        target = scaler["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) != ("Deployment", deployment["metadata"]["name"]):
            yield f"the HorizontalPodAutoscaler scales {target['name']}, which is not here"
        if not 1 <= scaler["spec"]["minReplicas"] <= scaler["spec"]["maxReplicas"]:
            yield "the HorizontalPodAutoscaler's bounds cross"
        if "cpu" not in _container(objects)["resources"].get("requests", {}):
            yield "the HorizontalPodAutoscaler divides by a CPU request that is not set"
    for budget in _of(objects, "PodDisruptionBudget"):
        if not _matches(budget["spec"]["selector"]["matchLabels"], _pods(objects)):
            yield "the PodDisruptionBudget protects no pod"
        if budget["spec"].get("maxUnavailable") == 0:
            yield "the PodDisruptionBudget forbids every drain"


def _monitoring(objects: list[Object]) -> Iterator[str]:
    for monitor in _of(objects, "ServiceMonitor"):
        services = [
            item
            for item in _of(objects, "Service")
            if _matches(monitor["spec"]["selector"]["matchLabels"], item["metadata"]["labels"])
        ]
        if not services:
            yield "the ServiceMonitor selects no Service"
        for service in services:
            if {one["port"] for one in monitor["spec"]["endpoints"]} - {
                port["name"] for port in service["spec"]["ports"]
            }:
                yield "the ServiceMonitor scrapes a port that the Service does not have"
            if monitor["spec"].get("jobLabel") not in service["metadata"]["labels"]:
                yield "the ServiceMonitor takes the job's name from a label that the Service does not have"
        if not any(direction == "ingress" and "prometheus" in peer for direction, peer, _ in flows(objects)):
            yield "no NetworkPolicy lets Prometheus in"


def _network(objects: list[Object]) -> Iterator[str]:
    policies = _of(objects, "NetworkPolicy")
    closed = [one for one in policies if not one["spec"].get("ingress") and not one["spec"].get("egress")]
    if not any(set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"} for one in closed):
        yield "no NetworkPolicy closes both directions by default"
    for policy in policies:
        name = policy["metadata"]["name"]
        if not _matches(policy["spec"]["podSelector"].get("matchLabels", {}), _pods(objects)):
            yield f"{name} selects no pod of this component"
        for direction, side in (("Ingress", "from"), ("Egress", "to")):
            rules = policy["spec"].get(direction.lower()) or []
            if rules and direction not in policy["spec"]["policyTypes"]:
                yield f"{name} has rules for {direction}, which it does not govern"
            for rule in rules:
                if not rule.get(side) or not rule.get("ports") or any(not peer for peer in rule[side]):
                    yield f"{name} allows everything"
                    continue
                if any(peer.get("ipBlock", {}).get("cidr") in ("0.0.0.0/0", "::/0") for peer in rule[side]):
                    yield f"{name} allows every address"
                if any(_peer(peer) in ("*/*", "*") for peer in rule[side]):
                    yield f"{name} allows every pod"
                wrong = {port["port"] for port in rule["ports"]} - _ports(objects) - {MESH_PORT}
                if direction == "Ingress" and wrong:
                    yield f"{name} opens port {wrong}, which no pod has"
    if _of(objects, "Ingress") and not any(
        direction == "ingress" and "prometheus" not in peer for direction, peer, _ in flows(objects)
    ):
        yield "there is an Ingress, and no NetworkPolicy lets its controller in"


def _configuration(objects: list[Object]) -> Iterator[str]:
    made = {item["spec"]["target"]["name"] for item in _of(objects, "ExternalSecret")} | _names(objects, "Secret")
    for source in _container(objects).get("envFrom", []):
        if "configMapRef" in source and source["configMapRef"]["name"] not in _names(objects, "ConfigMap"):
            yield f"the ConfigMap {source['configMapRef']['name']} is not here"
        if (
            "secretRef" in source
            and not source["secretRef"].get("optional")
            and source["secretRef"]["name"] not in made
        ):
            yield f"the Secret {source['secretRef']['name']} is required and nothing makes it"
    for item in _of(objects, "ExternalSecret"):
        if item["spec"]["secretStoreRef"]["name"] not in _names(objects, "SecretStore"):
            yield "an ExternalSecret reads from a SecretStore that is not here"
    yield from ("a Secret with literal data is here" for item in _of(objects, "Secret"))
    settings = {name for item in _of(objects, "ConfigMap") for name in item["data"]}
    settings |= {one["name"] for one in _container(objects).get("env", []) if "value" in one}
    yield from (f"{name} is a credential in plain text" for name in sorted(settings) if CREDENTIAL.search(name))


def _restricted(objects: list[Object]) -> Iterator[str]:
    """Pod Security "restricted", as far as a pod with one container can break it."""
    pod = _of(objects, "Deployment")[0]["spec"]["template"]["spec"]
    whole = pod.get("securityContext", {})
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container.get("securityContext", {})
        both = whole | own
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield "a container may gain privileges"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
            yield "a container keeps capabilities"
        if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
            yield "a container may run as root"
        if both.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield "a container runs without a seccomp profile"
        if own.get("readOnlyRootFilesystem") is not True:
            yield "a container can write to its root file system"
        if any(port.get("hostPort") for port in container.get("ports", [])):
            yield "a container takes a port of its node"
    if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "the pod shares a namespace of its node"
    if any(set(volume) - {"name", "emptyDir", "configMap", "secret", "projected"} for volume in pod.get("volumes", [])):
        yield "the pod mounts a volume of another kind"
    if pod.get("automountServiceAccountToken") is not False:
        yield "the pod gets a token for the cluster's API"
