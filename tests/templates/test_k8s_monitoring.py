"""Scraping, alerts and dashboard: they read the metrics that the service has, and promtool agrees with them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_render import OVERLAYS, layer, overlay, pick, run, tool

# Metric: the labels that a query may use on it. `le` belongs to buckets; the rest is added by the scrape.
SCRAPE = {"job", "namespace", "pod"}
METRICS = {
    "up": SCRAPE,
    "http_requests_total": SCRAPE | {"method", "route", "status"},
    "http_request_duration_seconds_bucket": SCRAPE | {"method", "route", "status", "le"},
    "http_request_duration_seconds_sum": SCRAPE | {"method", "route", "status"},
    "http_request_duration_seconds_count": SCRAPE | {"method", "route", "status"},
    "active_connections": SCRAPE,
}
ABSENT = "ServiceAbsent"
RECORDED = {f"job:http_requests:error_ratio_rate{window}" for window in ("5m", "30m", "1h", "6h")} | {
    "job:http_request_duration_seconds:p99_rate5m"
}


def monitoring(collection: Path, **answers: Any) -> Path:
    return layer(collection, **answers) / "ops/k8s/components/monitoring"


def dashboard(collection: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((monitoring(collection) / "dashboard.json").read_text())
    return content


def rules(collection: Path, **answers: Any) -> list[dict[str, Any]]:
    content = yaml.safe_load((monitoring(collection, **answers) / "prometheusrule.yaml").read_text())
    return [rule for group in content["spec"]["groups"] for rule in group["rules"]]


def expressions(collection: Path) -> Iterator[str]:
    for panel in dashboard(collection)["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in rules(collection))


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Every metric with the labels that the expression selects it by."""
    found = re.findall(r"([a-z][a-z0-9_:]*)\{([^}]*)\}", expression)
    return [(name, set(re.findall(r"(\w+)\s*[=!]~?", body))) for name, body in found]


def test_expressions_read_what_the_service_exposes(collection: Path) -> None:
    read = set()
    for expression in expressions(collection):
        found = selectors(expression)
        assert found, expression
        for name, labels in found:
            read.add(name)
            assert name in METRICS or name in RECORDED, expression
            assert labels <= METRICS.get(name, SCRAPE), expression
            assert "job" in labels, f"{expression} would mix services"
        grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        known = set().union(*(METRICS.get(name, SCRAPE) for name, _ in found))
        assert grouped <= known, expression
    assert read >= {"http_requests_total", "http_request_duration_seconds_bucket", "active_connections"}
    assert {rule["record"] for rule in rules(collection) if "record" in rule} == RECORDED


def test_a_metric_that_nobody_exposes_would_be_noticed() -> None:
    assert selectors('rate(http_errors_total{job="a", code="5"}[5m])') == [("http_errors_total", {"job", "code"})]
    assert "http_errors_total" not in METRICS


def test_alerts_say_how_bad_and_what_to_do(collection: Path) -> None:
    alerts = [rule for rule in rules(collection) if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) >= 5
    for rule in alerts:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["for"]
        assert set(rule["annotations"]) == {"summary", "description"}


def test_errors_and_latency_are_those_of_users(collection: Path) -> None:
    """A readiness probe that gets its 503 is no failure, and the probes that succeed must not hide one."""
    ratios = {rule["record"]: rule["expr"] for rule in rules(collection) if "record" in rule}
    assert set(ratios) == RECORDED
    panels = {panel["title"]: panel["targets"] for panel in dashboard(collection)["panels"]}
    queries = [*ratios.values(), *(one["expr"] for title in ("Server errors", "Latency") for one in panels[title])]
    for query in queries:
        for metric, chosen in re.findall(r"(http_[a-z_]+)\{([^}]*)\}", query):
            assert set(re.findall(r'route!="([^"]*)"', chosen)) == {"/health", "/ready", "/metrics"}, (metric, query)


def test_a_gpu_service_at_zero_is_not_missed(collection: Path) -> None:
    (rule,) = [rule for rule in rules(collection, gpu=True) if rule.get("alert") == "ServiceAbsent"]
    meant = 'kube_deployment_spec_replicas{deployment="my-svc-deploy", namespace="aurora-staging"}'
    assert rule["expr"].endswith(f"unless on () (sum({meant}) == 0)")


@pytest.mark.parametrize("gpu", [False, True])
def test_each_environment_is_missed_by_its_own_name(collection: Path, gpu: bool) -> None:
    for name in OVERLAYS[1:]:
        found = pick(overlay(collection, name, gpu=gpu), "PrometheusRule")
        (rule,) = [one for group in found["spec"]["groups"] for one in group["rules"] if one.get("alert") == ABSENT]
        asked = set(re.findall(r'namespace="([^"]+)"', rule["expr"]))
        assert asked == {found["metadata"]["namespace"]}, name
        assert rule["expr"].startswith(f'absent(up{{job="my-svc", namespace="{asked.pop()}"}})')


def test_every_rule_has_a_case(collection: Path) -> None:
    cases = yaml.safe_load((monitoring(collection) / "prometheusrule.test.yaml").read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case.get("alert_rule_test", []) if one.get("exp_alerts")}
    quiet = {one["alertname"] for case in cases for one in case.get("alert_rule_test", []) if not one.get("exp_alerts")}
    alerts = {rule["alert"] for rule in rules(collection) if "alert" in rule}
    assert fired == quiet == alerts


def test_dashboard(collection: Path) -> None:
    content = dashboard(collection)
    panels = content["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {variable["name"] for variable in content["templating"]["list"]} == {"datasource", "namespace"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        box = panel["gridPos"]
        cells = {(box["x"] + x, box["y"] + y) for x in range(box["w"]) for y in range(box["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    shipped = pick(overlay(collection, "staging-eks"), "ConfigMap", "my-svc-dashboard")
    assert shipped["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(shipped["data"]["my-svc.json"]) == content


def test_scraped_where_prometheus_is(collection: Path) -> None:
    for name in OVERLAYS[1:]:
        monitor = pick(overlay(collection, name), "ServiceMonitor")["spec"]
        assert monitor["endpoints"][0]["port"] == "http"
        assert monitor["endpoints"][0]["path"] == "/metrics"
        assert monitor["jobLabel"] == "app.kubernetes.io/name"
    assert not any(item["kind"] == "ServiceMonitor" for item in overlay(collection, "development"))


def test_rules_script_is_clean_and_names_what_is_missing(collection: Path) -> None:
    script = monitoring(collection) / "test-rules.sh"
    done = run(tool("shellcheck"), script)
    assert done.returncode == 0, done.stdout
    done = run("/bin/sh", script, PROMTOOL="no-such-promtool")
    assert done.returncode == 4
    assert "promtool is missing" in done.stderr


@pytest.mark.system
@pytest.mark.parametrize("answers", [{}, {"component": "null"}, {"gpu": True}], ids=["plain", "odd", "gpu"])
def test_promtool_accepts_rules_and_cases(collection: Path, answers: dict[str, Any]) -> None:
    done = run(monitoring(collection, **answers) / "test-rules.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 rules found" in done.stdout


@pytest.mark.system
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("> 0.0144) and on", "> 0.5) and on"),
        ("for: 2m", "for: 59m"),
        ("histogram_quantile(0.99,", "histogram_quantile(0.5,"),
        ('status=~"5.."', 'status=~"4.."'),
        ("expr: absent(", "expr: absentt("),
        (', route!="/ready"', ""),
        (', route!="/health"', ""),
    ],
)
def test_promtool_notices_a_changed_rule(collection: Path, tmp_path: Path, old: str, new: str) -> None:
    shutil.copytree(monitoring(collection), tmp_path / "monitoring")
    file = tmp_path / "monitoring/prometheusrule.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert run(tmp_path / "monitoring/test-rules.sh").returncode != 0


@pytest.mark.system
def test_production_is_missed_while_staging_is_up(collection: Path, tmp_path: Path) -> None:
    rule = pick(overlay(collection, "production"), "PrometheusRule")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    alert = {
        "exp_labels": {"job": "my-svc", "namespace": "aurora-production", "severity": "critical"},
        "exp_annotations": {
            "summary": "Prometheus knows no pod of my-svc in aurora-production.",
            "description": "Nothing is scraped, so every other alert is blind. "
            "Look at the ServiceMonitor, the Service's endpoints and the pods.",
        },
    }
    case = {
        "interval": "30s",
        "input_series": [{"series": 'up{namespace="aurora-staging", job="my-svc", pod="a"}', "values": "1x60"}],
        "alert_rule_test": [{"alertname": ABSENT, "eval_time": "11m", "exp_alerts": [alert]}],
    }
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [case]}))
    done = run("promtool", "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.system
def test_promtool_parses_every_expression_of_the_dashboard(collection: Path, tmp_path: Path) -> None:
    group = [
        {"record": f"panel:{place}", "expr": expression.replace("$__rate_interval", "5m").replace("$namespace", ".*")}
        for place, expression in enumerate(expressions(collection))
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": group}]}))
    done = run("promtool", "check", "rules", file)
    assert done.returncode == 0, done.stderr
    file.write_text(file.read_text().replace("sum(up{", "sum((up{", 1))
    assert run("promtool", "check", "rules", file).returncode != 0
