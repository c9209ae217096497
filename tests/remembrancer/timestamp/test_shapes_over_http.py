"""Authorities on loopback that answer in each shape: what is asked for is judged as what is verified later."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from asn1crypto import tsp

from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.timestamp.checks import check_response
from remembrancer.timestamp.obtain import obtain, obtain_from_first
from tsa_shapes import FORGERS, SHAPES, Shape, World
from tsa_support import DIGEST

# a nonce of ours is positive, and comes back as it was sent
ASKED = [shape for shape in SHAPES if shape.what != "a negative nonce"]
each = pytest.mark.parametrize("shape", ASKED, ids=lambda shape: shape.what)


class Answering(ThreadingHTTPServer):
    """An authority that answers in one shape, honestly or as a forger."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shape: Shape = SHAPES[0]
        self.forger = ""

    def respond(self, request: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(request)
        world = FORGERS[self.forger]() if self.forger else World()
        changes = {"nonce": asked["nonce"].native, "digest": asked["message_imprint"]["hashed_message"].native}
        return self.shape.make(World(world.root, {**changes, **world.changes}))


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        answer = self.server.respond(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    with Answering() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def url(server: Answering) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


@each
def test_an_answer_is_kept_only_if_it_verifies(shape: Shape, server: Answering) -> None:
    server.shape, server.forger = shape, ""
    authority = shape.authority._replace(url=url(server))
    if shape.decision:
        with pytest.raises(Rejected) as refusal:
            obtain(DIGEST, authority)
        assert refusal.value.code == shape.decision
        return
    found = obtain(DIGEST, authority)
    assert check_response(found.response, DIGEST, authority, found.facts.nonce) == found.facts


@each
@pytest.mark.parametrize("forger", ["another time", "an authority of the same name", "another imprint"])
def test_a_forged_answer_is_never_kept(shape: Shape, forger: str, server: Answering) -> None:
    server.shape, server.forger = shape, forger
    with pytest.raises(Rejected):
        obtain(DIGEST, shape.authority._replace(url=url(server)))


def test_an_authority_whose_answers_are_not_supported_is_named_with_its_reason(server: Answering) -> None:
    server.forger = ""
    server.shape = next(shape for shape in SHAPES if shape.what == "an RSASSA-PSS signature")
    authority = server.shape.authority._replace(url=url(server))
    with pytest.raises(EnvironmentTrouble, match=r"one: .*rsassa-pss is of a kind that is not supported; two: "):
        obtain_from_first(DIGEST, [authority._replace(name="one"), authority._replace(name="two")])
