"""The standard's thirteen quality gates, each answered by commands run over this repository.

A gate is a function that returns "" when it holds, else one sentence on what is missing.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import dockerfile
from evidence import Evidence, remembrancer, run, verdict
from service import ROOT, Service, Trouble

METRICS = ("http_requests_total", "http_request_duration_seconds", "active_connections")
HEADINGS = ("Quick Start", "Architecture", "Deployment", "Monitoring", "Troubleshooting", "Verification")
# What belongs to the layers above: the service must do without it.
UPPER = ("ops/receipts/", "ops/trust/", "ops/bin/remembrancer", "ops/remembrancer.")
UPPER_NAMES = r"ops/(receipts|trust|bin/remembrancer|remembrancer\.)"
UPPER_PACKAGES = ("remembrancer", "aurora")
VENDORS = r"(amazonaws|\beks\b|\balb\b|\baws\b|cloud\.google|\bgke\b|azure|openshift|digitalocean)"
VENDOR_PACKAGES = re.compile(r"(?m)^(boto3|botocore|aioboto\w*|google-cloud-[\w-]+|azure-[\w-]+|oci|ibm-\w[\w-]*)==")
UNFINISHED = "(TODO|FIXME|XXX|HACK|NotImplementedError)"


@dataclass(frozen=True, slots=True)
class Gate:
    """One question of the standard, and the function that answers it."""

    name: str
    group: str
    question: str
    check: Callable[[Evidence], str]


def tests_pass(evidence: Evidence) -> str:
    """The test command passes without any manual step."""
    folder, command = evidence.service.folder, evidence.service.test_command
    # The two of a complete service need nothing of each other, once what both run is there.
    parts = ["make test", "make lint"] if command == "make test lint" and installed(folder) else [command]
    with ThreadPoolExecutor(len(parts)) as pool:
        for part, (code, said) in zip(parts, pool.map(lambda one: run(one.split(), folder), parts), strict=True):
            if code:
                return f"`{part}` failed: {said}"
    return ""


def monitored(evidence: Evidence) -> str:
    """The running service exposes the three metrics."""
    page = evidence.running.body("/metrics")
    missing = [name for name in METRICS if not re.search(rf"(?m)^# TYPE {name}(_total)? ", page)]
    return evidence.running.trouble or (f"/metrics does not expose {', '.join(missing)}" if missing else "")


def production_ready(evidence: Evidence) -> str:
    """Nothing is unfinished, every package is pinned with its hash, and the image is built and run as it should be."""
    folder = os.path.relpath(evidence.service.folder, ROOT)
    where = [f"{folder}/app", f"{folder}/tests", f"{folder}/src"]
    code, said = run(["git", "grep", "-nIwE", "--untracked", "-e", UNFINISHED, "--", *where])
    if code != 1:
        return f"unfinished: {said}" if code == 0 else said
    code, said = run([sys.executable, "-B", str(Path(__file__).with_name("sbom.py")), "--check"])
    if code:
        return said
    image = evidence.file("Dockerfile")
    return image and (
        dockerfile.fit_for_production(image) or dockerfile.keeps_private_files_out(evidence.file(".dockerignore"))
    )


def verifiable(_evidence: Evidence) -> str:
    """The release archive has the same bytes twice, and the command that proves it runs."""
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        for number, zone in enumerate(("UTC", "Asia/Tokyo")):
            target = Path(folder) / f"{number}.tar.gz"
            command = [
                "env",
                "-u",
                "SOURCE_DATE_EPOCH",
                f"TZ={zone}",
                f"PYTHONHASHSEED={number + 1}",
                sys.executable,
                "-B",
            ]
            command += [str(Path(__file__).with_name("dist.py")), "--despite-changes", "--output", str(target)]
            code, said = run(command)
            if code:
                return f"the release archive cannot be made: {said}"
            digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    if len(digests) != 1:
        return "the release archive has other bytes each time, so its digest proves nothing"
    code, said = remembrancer("verify-full", "--help")
    return f"`remembrancer verify-full` cannot be run: {said}" if code else ""


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level packages that a Python file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".", 1)[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".", 1)[0]


def zero_coupled(evidence: Evidence) -> str:
    """No code of the service imports a layer above it."""
    for name in evidence.tracked:
        if not name.endswith(".py") or name.startswith("ops/"):
            continue
        try:
            above = set(imports(ROOT / name)) & set(UPPER_PACKAGES)
        except (SyntaxError, ValueError):
            return f"{name} is not Python"
        if above:
            return f"{name} imports {above.pop()}, a layer above the service"
    return ""


def layers_independent(evidence: Evidence) -> str:
    """Neither code nor tests name what belongs to the layers above, and the tests load in a copy without it."""
    where = ["app", "src", "tests", "Makefile"]
    code, said = run(["git", "grep", "-nIE", "--untracked", "-e", UPPER_NAMES, "--", *where], evidence.service.folder)
    if code != 1:
        return f"it reaches into the layers above: {said}" if code == 0 else said
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch).resolve() / "service"
        for name in evidence.tracked:
            if not name.startswith(UPPER):
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
        folder = copy / evidence.service.folder.relative_to(ROOT)
        own = evidence.service.folder / ".venv" / "bin" / "pytest"
        # Whether they pass is asked above; loading them shows what they need, and takes a moment only.
        load = [str(own.with_name("python")), "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider"]
        code, said = run(load if own.exists() else evidence.service.test_command.split(), folder)
    return f"without the layers above the tests do not work: {said}" if code else ""


def sovereign(evidence: Evidence) -> str:
    """The base manifests and the locked packages name no vendor; overlays may."""
    base = ROOT / "ops" / "k8s" / "base"
    if not base.is_dir():
        return "there are no base manifests (ops/k8s/base) that run on any cluster"
    for path in sorted(base.glob("*.yaml")):
        lines = re.sub(r"(?m)^\s*(#|-?\s*image:).*$", "", path.read_text(encoding="utf-8"))
        if vendor := re.search(VENDORS, lines, re.IGNORECASE):
            return f"{path.relative_to(ROOT)} is tied to a vendor ({vendor[0]}); that belongs into an overlay"
    lock = evidence.service.folder / "requirements.lock"
    package = VENDOR_PACKAGES.search(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    return f"{package[1]} in requirements.lock ties the service to a vendor" if package else ""


def auditable(_evidence: Evidence) -> str:
    """The ledger is sound; before there is one, the spawn receipt waits for it."""
    if not (ROOT / "ops" / "receipts" / "ledger" / "checkpoint").is_file():
        if any((ROOT / "ops" / "receipts" / "deploy").glob("*.receipt")) or (ROOT / "ops/trust/policy.toml").is_file():
            return "receipts are recorded, but ops/receipts/ledger is missing"
        if not any((ROOT / "ops" / "receipts").glob("spawn/*/*.receipt")):
            return "there is neither a ledger nor a spawn receipt; run ops/bin/remembrancer record spawn"
        code, said = remembrancer("verify-audit", "--help")
        return f"`remembrancer verify-audit` cannot be run: {said}" if code else ""
    # what could not be proven is not proven, and where nobody is pinned that is everything
    code, said, codes = verdict("verify-audit")
    return f"`remembrancer verify-audit` ended with {code}: {said} {sorted(codes)}" if code else ""


def aligned(evidence: Evidence) -> str:
    """README, names and versions follow the patterns of this repository."""
    text = evidence.readme()
    found = re.findall(r"(?m)^## (.+?)\s*$", text)
    if [heading for heading in found if heading in HEADINGS] != list(HEADINGS):
        return f"README.md lacks the headings {', '.join(HEADINGS)}, in that order"
    for pattern in (r"\*\*Version\*\*: ", r"\*\*Status\*\*: ", r"\*\*Rating\*\*: [\d.]+/10"):
        if not re.search(rf"(?m)^{pattern}", text):
            return f"README.md has no line {pattern.replace(chr(92), '').split(':')[0]}"
    for kind, suffix in (("deployment", "deploy"), ("service", "svc")):
        named = rf"(?m)^  name: \"?{evidence.service.component}-{suffix}\"?$"
        if not re.search(named, evidence.manifest(f"{kind}.yaml")):
            return f"ops/k8s/base/{kind}.yaml is not named {evidence.service.component}-{suffix}"
    code, said = run([str(ROOT / "ops" / "bin" / "bump"), "--check"])
    return said if code else ""


def rollback_plan(evidence: Evidence) -> str:
    """README says how to go back, the target exists, and old revisions are kept."""
    if not re.search(r"(make rollback|rollout undo)", evidence.readme()):
        return "README.md gives no rollback command (make rollback, or kubectl rollout undo)"
    code, said = run(["make", "-n", "-f", "ops/release.mk", "rollback"])
    if code or "ops/bin/deploy rollback" not in said:
        return f"`make rollback` does nothing: {said}"
    kept = re.search(r"revisionHistoryLimit: (\d+)", evidence.manifest("deployment.yaml"))
    return "" if kept and int(kept[1]) else "the Deployment keeps no revision to go back to (revisionHistoryLimit)"


def health_checked(evidence: Evidence) -> str:
    """The service answers its probes, and manifests and image ask them."""
    if evidence.running.trouble:
        return evidence.running.trouble
    if evidence.running.body("/health").replace(" ", "") != '{"healthy":true}' or not evidence.running.body("/ready"):
        return "/health or /ready does not answer 200"
    deployment = evidence.manifest("deployment.yaml")
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if f"{name}:" not in deployment:
            return f"the Deployment has no {name}"
    return dockerfile.health_checked(evidence.file("Dockerfile"), evidence.port)


def observable(evidence: Evidence) -> str:
    """Log lines are JSON with a trace id, and an overlay brings scraping, alerts and a dashboard."""
    if evidence.running.trouble:
        return evidence.running.trouble
    lines = evidence.running.json_lines()
    if len(lines) != len(evidence.running.log) or not any("trace_id" in line for line in lines):
        return "the log is not one JSON object with a trace_id per line"
    folder = ROOT / "ops" / "k8s" / "components" / "monitoring"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml")))
    for kind in ("ServiceMonitor", "PrometheusRule"):
        if f"kind: {kind}" not in text:
            return f"ops/k8s/components/monitoring has no {kind}"
    if not any(folder.glob("*dashboard*.json")):
        return "ops/k8s/components/monitoring has no dashboard"
    overlays = (ROOT / "ops" / "k8s" / "overlays").glob("*/kustomization.yaml")
    if not any(re.search(r"(?m)^\s*- \S*components/monitoring\s*$", path.read_text("utf-8")) for path in overlays):
        return "no overlay includes components/monitoring"
    return ""


def recorded(_evidence: Evidence) -> str:
    """`make release` and every pipeline record the deployment, and the command to do it runs."""
    script = ROOT / "ops" / "bin" / "record"
    done = subprocess.run(
        ["make", "-n", "-f", "ops/release.mk", "release", "recording"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    asked = re.findall(r"ops/release\.mk (record|recording)\b", done.stdout)
    if set(asked) != {"record", "recording"} or not script.is_file():
        return "`make release` does not record the deployment"
    if not re.search(r"\brecord deploy\b", script.read_text(encoding="utf-8")):
        return "ops/bin/record does not record a deployment"
    pipelines = [path for path in (".github/workflows/ci.yml", ".gitlab-ci.yml") if (ROOT / path).is_file()]
    if not pipelines:
        return "there is no pipeline that would record a deployment"
    for path in pipelines:
        text = (ROOT / path).read_text(encoding="utf-8")
        stage = re.search(r"(?m)^ {0,2}record:$", text) and "ops/ci/publish push" in text
        if not stage or not re.search(r"make -f ops/release\.mk [a-z -]*\brecord\b", text):
            return f"{path} has no stage that records the deployment"
    code, said = remembrancer("record", "deploy", "--help")
    return f"`remembrancer record deploy` cannot be run: {said}" if code else ""


CODE, ARCHITECTURE, DEPLOYMENT = "code", "architecture", "deployment"
GATES = (
    Gate("tests-pass", CODE, "Will tests pass immediately?", tests_pass),
    Gate("monitored", CODE, "Is monitoring included?", monitored),
    Gate("production-ready", CODE, "Is it production-ready?", production_ready),
    Gate("verifiable", CODE, "Can it be verified cryptographically?", verifiable),
    Gate("zero-coupled", CODE, "Does it follow zero-coupled design?", zero_coupled),
    Gate("layers-independent", ARCHITECTURE, "Does it maintain layer independence?", layers_independent),
    Gate("sovereign", ARCHITECTURE, "Is it sovereign (no vendor lock-in)?", sovereign),
    Gate("auditable", ARCHITECTURE, "Can it be audited via Remembrancer?", auditable),
    Gate("aligned", ARCHITECTURE, "Does it align with existing patterns?", aligned),
    Gate("rollback-plan", DEPLOYMENT, "Is there a rollback plan?", rollback_plan),
    Gate("health-checked", DEPLOYMENT, "Are health checks configured?", health_checked),
    Gate("observable", DEPLOYMENT, "Is observability enabled?", observable),
    Gate("recorded", DEPLOYMENT, "Will it be recorded in Remembrancer?", recorded),
)


def answer(found: Service, only: str = "") -> list[tuple[Gate, str]]:
    """Answer every gate (or the one named), in order; a gate that cannot be answered is not passed."""
    evidence = Evidence(found)
    asked = [gate for gate in GATES if not only or gate.name == only]
    # The first takes longer than all others, which need only what it installs.
    beside = len(asked) > 1 and installed(found.folder)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_said, asked[0], evidence)
        if not beside:
            wait([first])
        rest = [(gate, _said(gate, evidence)) for gate in asked[1:]]
        return [(asked[0], first.result()), *rest]


def installed(folder: Path) -> bool:
    """Tell whether the service's own tools are there and need not be made again."""
    mark, lock = folder / ".venv" / "requirements-dev.lock", folder / "requirements-dev.lock"
    return mark.is_file() and lock.is_file() and mark.read_bytes() == lock.read_bytes()


def _said(gate: Gate, evidence: Evidence) -> str:
    try:
        return gate.check(evidence)
    except (Trouble, OSError, ValueError) as error:
        return f"it cannot be answered: {error}"


def rating(answers: list[tuple[Gate, str]]) -> str:
    """Return passed × 10 / 13 with one decimal."""
    return f"{sum(not said for _, said in answers) * 10 / len(GATES):.1f}"
