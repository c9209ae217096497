"""Runs a tool of templates/ci over this repository: ops/lib/shared.py MODULE [ARGUMENT...].

The tools of generated services ask `service` which repository they work in. Whoever imports this module first makes
this repository the answer, so that the collection runs what it gives to others, and has no copy.
"""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "templates/k8s/ops/aws/cluster.yaml.jinja"
"""What names the Kubernetes of a new service's cluster, and the day on which its standard support ends."""
sys.path.insert(0, str(ROOT / "templates" / "ci" / "ops" / "lib"))

import service

service.ROOT = ROOT

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__")
