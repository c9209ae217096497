"""Have five witnesses cosign a checkpoint: one run of the program, every witness asked at once over HTTP.

The witnesses are stand-ins that take their time and cosign what they are sent; tests/remembrancer/record has real ones.
"""

import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks._scratch import COMPONENT, PROGRAM, commit, environment, git, repository
from benchmarks.measure import Row
from remembrancer.paths import LEDGER
from remembrancer.tlog.key import COSIGNATURES, SignerKey
from remembrancer.tlog.note import cosign

COUNT = 5
ROUNDS = 5
DELAY = 0.1  # seconds that each witness takes, as one across a continent does


def _served(stack: ExitStack, key: SignerKey) -> str:
    """Serve a witness with this key until the stack ends; returns its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Cosign the checkpoint."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            text = body.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
            time.sleep(DELAY)
            line = cosign(text, key, int(time.time())).line.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(line)))
            self.end_headers()
            self.wfile.write(line)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_address[1]}"


def rows() -> list[Row]:
    """Measure the fastest of some rounds, of the whole process."""
    with tempfile.TemporaryDirectory(prefix="bench-w.") as base, ExitStack() as stack:
        root, home = repository(Path(base, "r")), Path(base, "h")
        home.mkdir()

        def run(*words: str) -> float:
            begun = time.perf_counter()
            subprocess.run([*PROGRAM, *words], cwd=root, env=environment(home), check=True, capture_output=True)
            return time.perf_counter() - begun

        run("init", "--dev", "--component", COMPONENT)
        for number in range(COUNT):
            key = SignerKey.generate(f"w{number}.example", sorted(COSIGNATURES)[number % 2])
            words = ("--witness", f"w{number}", "--key", str(key.verifier()), "--url", _served(stack, key))
            run("trust", "add", *words)
        commit(root)
        floor = min(run("status") for _ in range(ROUNDS))
        took = []
        for _ in range(ROUNDS):
            took.append(run("witness"))
            git(root, "checkout", "--", LEDGER)
            (root / LEDGER / "witnessed").unlink(missing_ok=True)
    detail = f"each takes {DELAY * 1000:.0f} ms; `status` of the same repository: {floor * 1000:.0f} ms"
    return [Row(f"{COUNT} witnesses", min(took), 1.0, "asked at once", detail=detail, unit="s")]
