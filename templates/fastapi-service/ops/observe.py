"""A local Prometheus that watches the running service: `make observe`, in a second terminal beside `make dev`.

It scrapes the service every second, loads the alert rules of ops/k8s, says when the target is up, and stays until
Ctrl-C or SIGTERM; with --once it ends by itself as soon as the target is up. Its data live in a temporary folder.

Exit codes: 0 the target was up; 1 it was not, within --patience seconds; 2 wrong usage; 4 no Prometheus here.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "ops/k8s/components/monitoring/prometheusrule.yaml"
MISSING = "prometheus was not found; apt-get install prometheus, or brew install prometheus"
QUERIES = (
    "sum by (route, status) (rate(http_requests_total[1m]))",
    "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
    "active_connections",
)


class StoppedError(Exception):
    """Somebody asked this program to end."""


def stop(number: int, frame: FrameType | None) -> None:
    """Turn a signal into the orderly end of everything that was started."""
    del number, frame
    raise StoppedError


def configuration(folder: Path, port: int) -> Path:
    """Write what Prometheus needs into a folder; labels are those of a cluster, so that rules and dashboards fit."""
    facts = json.loads((ROOT / "app/service.json").read_text(encoding="utf-8"))
    rules = []
    if RULES.is_file():
        bare = RULES.read_text(encoding="utf-8").partition("\nspec:\n")[2]
        (folder / "rules.yaml").write_text(re.sub(r"(?m)^ {2}", "", bare), encoding="utf-8")
        rules = ["rules.yaml"]
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "local", "pod": "local"}}
    job = {"job_name": facts["name"], "static_configs": [target]}
    path = folder / "prometheus.yml"
    # JSON is YAML, and needs no library.
    whole = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": rules}
    path.write_text(json.dumps(whole | {"scrape_configs": [job]}, indent=2), encoding="utf-8")
    return path


def free_port() -> int:
    """A TCP port that nobody uses right now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def target(own: int) -> tuple[str, str]:
    """State (up, down, unknown) of the one target, and the last error. Raises OSError while nobody answers."""
    connection = HTTPConnection("127.0.0.1", own, timeout=5)
    try:
        connection.request("GET", "/api/v1/targets")
        found = json.load(connection.getresponse())["data"]["activeTargets"]
    finally:
        connection.close()
    return (found[0]["health"], found[0]["lastError"]) if found else ("unknown", "")


def watch(process: subprocess.Popen[bytes], own: int, scraped: str, patience: float) -> int:
    """Wait until the target is up and say so; returns the exit code."""
    until = time.monotonic() + patience
    reason = "Prometheus has not answered yet"
    while time.monotonic() < until:
        if process.poll() is not None:
            print(f"observe: prometheus ended with {process.returncode}; its reason is above", file=sys.stderr)
            return 1
        try:
            state, error = target(own)
        except (OSError, ValueError, KeyError, HTTPException):
            state, error = "unasked", ""
        if state == "up":
            print(f"up: {scraped}", flush=True)
            return 0
        reason = error or ("it was not scraped yet" if state == "unknown" else reason)
        time.sleep(0.2)
    print(f"observe: {scraped} is not up: {reason}; start the service with make dev", file=sys.stderr)
    return 1


def observe(program: str, port: int, own: int, once: bool, patience: float) -> int:
    """Run Prometheus until the target is up, and then, unless `once`, until a signal; returns the exit code."""
    address, scraped = f"http://127.0.0.1:{own}", f"http://127.0.0.1:{port}/metrics"
    with tempfile.TemporaryDirectory(prefix="observe.") as name:
        command = [program, f"--config.file={configuration(Path(name), port)}", f"--storage.tsdb.path={name}/data"]
        command += [f"--web.listen-address=127.0.0.1:{own}", "--log.level=error"]
        code = 1
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                code = watch(process, own, scraped, patience)
                if code == 0 and not once:
                    print(f"Prometheus: {address} (alerts: {address}/alerts). Try:")
                    print("".join(f"  {query}\n" for query in QUERIES) + "Ctrl-C ends it.", flush=True)
                    process.wait()
            except StoppedError:
                print("observe: ended.")
            finally:
                # This one process, by its id: whoever else runs a Prometheus here keeps it.
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
    return code


def number(text: str) -> int:
    """A TCP port."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port")
    return int(text)


def main() -> int:
    """Read the command line and observe; returns the exit code."""
    port = json.loads((ROOT / "app/service.json").read_text(encoding="utf-8"))["port"]
    parser = argparse.ArgumentParser(prog="observe", description="A local Prometheus on the running service.")
    parser.add_argument("--port", type=number, default=os.environ.get("PORT") or str(port), help="the service's port")
    parser.add_argument("--own-port", type=number, help="Prometheus's own port (default: a free one)")
    parser.add_argument("--once", action="store_true", help="end as soon as the target is up")
    parser.add_argument("--patience", type=float, default=30.0, metavar="SECONDS", help="how long to wait for that")
    chosen = parser.parse_args()
    program = shutil.which("prometheus")
    if program is None:
        print(f"observe: {MISSING}", file=sys.stderr)
        return 4
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        return observe(program, chosen.port, chosen.own_port or free_port(), chosen.once, chosen.patience)
    except StoppedError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
