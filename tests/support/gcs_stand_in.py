"""A stand-in for Google Cloud Storage: its XML API as far as a mirror speaks it, headers included.

Stores that others wrote do not answer obstore: fake-gcs-server refuses a PUT (400, "invalid uploadType"), and
gcp-storage-emulator leaves out the ETag. Google's own storage-testbench honours the conditions, and leaves out ETag and
Last-Modified; with these two added, `Mirrored.grows_and_never_shrinks` held against it (commit e8c8507).
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Kind = Literal["honest", "careless", "no etag", "refusing"]
CONDITION = "x-goog-if-generation-match"


@contextmanager
def gcs(kind: Kind) -> Iterator[tuple[list[str], dict[str, tuple[int, bytes]]]]:
    """Serve a bucket; yields the options of `aurora mirror` that lead there, and its objects (generation, bytes)."""
    held: dict[str, tuple[int, bytes]] = {}
    guard = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            with guard:
                generation = held.get(self.path, (0, b""))[0]
                asked = self.headers.get(CONDITION)
                if kind == "refusing":
                    self._say(400, b"invalid uploadType")
                elif kind != "careless" and asked is not None and int(asked) != generation:
                    self._say(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                else:
                    held[self.path] = (generation + 1, data)
                    self._say(200, b"", generation + 1)

        def do_GET(self) -> None:
            generation, data = held.get(self.path, (0, b""))
            self._say(200 if generation else 404, data, generation)

        def do_DELETE(self) -> None:
            self._say(204 if held.pop(self.path, None) else 404, b"")

        def _say(self, status: int, body: bytes, generation: int = 0) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if generation:
                self.send_header("x-goog-generation", str(generation))
                self.send_header("Last-Modified", "Fri, 27 Nov 2026 05:00:00 GMT")
                if kind != "no etag":
                    self.send_header("ETag", f'"{generation}"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    where = {"gcs_base_url": f"http://127.0.0.1:{server.server_address[1]}", "disable_oauth": True}
    key = json.dumps({**where, "client_email": "", "private_key": "", "private_key_id": ""})
    try:
        yield [f"service_account_key={key}", "allow_http=true"], held
    finally:
        server.shutdown()
        server.server_close()
