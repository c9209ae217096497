"""The README of a service: its form, its pictures, its queries, and a quick start that works as it is copied."""

import re
import subprocess
from pathlib import Path

import pytest

from quoted_extract import pictures
from service_support import started

HEADINGS = ["Quick Start", "Architecture", "Deployment", "Monitoring", "Troubleshooting", "Verification"]
STEPS = ["Build", "Test", "Security scan", "Deploy", "Verify", "Record", "Sign and timestamp", "Verify"]


def section(service: Path, name: str) -> str:
    """One section of the README."""
    return (service / "README.md").read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_the_readme_has_every_part(service: Path) -> None:
    text = (service / "README.md").read_text()
    assert re.findall(r"(?m)^## (.+)$", text) == HEADINGS
    head = text.partition("\n## ")[0]
    assert re.search(r"(?m)^\*\*Version\*\*: 0\.1\.0\n\*\*Status\*\*: \S.*\n\*\*Rating\*\*: 0\.0/10$", head)
    assert "ops/bin/health-check --gates" in head
    assert re.findall(r"(?m)^# \d\. (.+)$", section(service, "Deployment")) == STEPS
    assert "make rollback " in section(service, "Deployment")
    assert len(re.findall(r"(?m)^\| ", section(service, "Troubleshooting"))) >= 8
    assert len(pictures(section(service, "Architecture"))) == 1


def test_the_deployment_block_does_what_make_deployment_does(service: Path) -> None:
    """Scans that fail on findings, a push before the deployment, and the same digest in the record."""
    text = section(service, "Deployment")
    block = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)[0]
    asked = " ".join(words for line in re.findall(r"(?m)^(?:\w+=\S+ )?make (.+)$", block) for words in line.split())
    assert asked == "build test scan scan-image push deploy OVERLAY=staging-eks dist sbom record seal"
    release = (service / "ops/release.mk").read_text()
    assert "docker build" not in block
    assert "trivy" not in block
    sequence = release.partition("\ndeployment: ")[2].partition("\n\n")[0]
    assert re.search(r"scan-image\n.*\) push\n.*\) deploy\n", sequence)
    assert "it deploys nowhere" in text
    for pipeline in service.glob(".git*/workflows/*.yml"):
        assert not re.search(r"release\.mk (?:.* )?deploy\b|bin/deploy|kubectl", pipeline.read_text())


@pytest.mark.system
def test_promtool_parses_the_queries_of_the_readme(service: Path, tmp_path: Path) -> None:
    (block,) = re.findall(r"```promql\n(.*?)```", section(service, "Monitoring"), re.DOTALL)
    queries = block.strip().splitlines()
    assert len(queries) >= 3

    def check(lines: list[str]) -> int:
        rules = "".join(f"  - record: query:{place}\n    expr: '{line}'\n" for place, line in enumerate(lines))
        (tmp_path / "rules.yaml").write_text(f"groups:\n- name: readme\n  rules:\n{rules}")
        return subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yaml"], check=False).returncode

    assert check(queries) == 0
    assert check([*queries, "sum(rate(http_requests_total[5m])"]) != 0


@pytest.mark.system
def test_the_quick_start_works_as_it_is_copied(service: Path, tmp_path: Path) -> None:
    """Its requests, word for word but for the port, which may be taken here."""
    first, second = re.findall(r"```bash\n(.*?)```", section(service, "Quick Start"), re.DOTALL)
    assert first == "make test\nmake dev\n"
    with started(service, tmp_path / "log", DRAIN_SECONDS="0") as running:
        script = second.replace("127.0.0.1:8080/", f"127.0.0.1:{running.port}/")
        assert script.count(f":{running.port}/") == 3
        done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"healthy":true}')
    assert '{"total":8400}' in done.stdout
    assert '{"name":"lamp","price":4200}' in done.stdout
