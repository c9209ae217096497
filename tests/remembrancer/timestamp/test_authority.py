"""The development authority: in the process and behind a port."""

import hashlib
import http.client
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asn1crypto import tsp

from remembrancer.clock import FixedClock
from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected
from remembrancer.timestamp.authority import POLICY_OID, LocalAuthority
from remembrancer.timestamp.checks import check_response
from remembrancer.timestamp.obtain import Obtained, obtain
from remembrancer.timestamp.request import make_request, new_nonce
from remembrancer.timestamp.server import TimestampServer

DATA = b"data"
DIGEST = hashlib.sha256(DATA).digest()
CLOCK = FixedClock(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))


@pytest.fixture
def local(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority.create(tmp_path / "tsa", CLOCK)


@pytest.fixture
def server(local: LocalAuthority) -> Iterator[TimestampServer]:
    running = TimestampServer(local)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def _inside(local: LocalAuthority, digest: bytes = DIGEST) -> Obtained:
    return obtain(digest, local.as_authority(), lambda _, request: local.respond(request))


@pytest.mark.parametrize("sha", ["sha256", "sha384", "sha512"])
def test_a_granted_request(local: LocalAuthority, sha: str) -> None:
    facts = _inside(local, hashlib.new(sha, DATA).digest()).facts
    assert (facts.gen_time, facts.policy, facts.hash_algorithm) == (CLOCK.now(), POLICY_OID, sha)
    assert facts.accuracy == timedelta(seconds=1)


def test_it_marks_itself_as_self_asserted(local: LocalAuthority) -> None:
    assert local.as_authority().self_asserted


def test_serial_numbers_differ(local: LocalAuthority) -> None:
    assert len({_inside(local).facts.serial for _ in range(5)}) == 5


def test_loading_it_again(tmp_path: Path, local: LocalAuthority) -> None:
    again = LocalAuthority.load(tmp_path / "tsa", CLOCK)
    assert again.root == local.root
    response = again.respond(make_request(DIGEST, 5))
    assert check_response(response, DIGEST, local.as_authority(), 5).nonce == 5


def test_another_one_is_not_trusted(tmp_path: Path, local: LocalAuthority) -> None:
    other = LocalAuthority.create(tmp_path / "other", CLOCK)
    with pytest.raises(Rejected) as refusal:
        check_response(other.respond(make_request(DIGEST, 5)), DIGEST, local.as_authority(), 5)
    assert refusal.value.code == "time.untrusted-root"


def test_files_are_the_users_own(tmp_path: Path, local: LocalAuthority) -> None:
    folder = tmp_path / "tsa"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "tsa-key.pem").stat().st_mode) == 0o600
    assert {path.name for path in folder.iterdir()} == {"tsa-key.pem", "tsa.pem", "tsa-root.pem"}
    assert all(b"PRIVATE" not in path.read_bytes() for path in folder.iterdir() if path.name != "tsa-key.pem")


def test_it_is_never_made_twice(tmp_path: Path, local: LocalAuthority) -> None:
    with pytest.raises(BadInput):
        LocalAuthority.create(tmp_path / "tsa", CLOCK)
    assert LocalAuthority.load(tmp_path / "tsa").root == local.root


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentTrouble):
        LocalAuthority.create(tmp_path / "file" / "tsa", CLOCK)


@pytest.mark.parametrize("damage", ["missing", "empty", "swapped"])
def test_a_damaged_one(tmp_path: Path, local: LocalAuthority, damage: str) -> None:
    key = tmp_path / "tsa" / "tsa-key.pem"
    if damage == "missing":
        key.unlink()
    elif damage == "empty":
        key.write_bytes(b"")
    else:
        LocalAuthority.create(tmp_path / "other", CLOCK)
        key.write_bytes((tmp_path / "other" / "tsa-key.pem").read_bytes())
    with pytest.raises(EnvironmentTrouble):
        LocalAuthority.load(tmp_path / "tsa")


def _refusals() -> list[tuple[str, bytes, set[str]]]:
    def request(**changes: object) -> bytes:
        imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": DIGEST}
        return bytes(tsp.TimeStampReq({"version": 1, "message_imprint": imprint, **changes}).dump())

    def imprint(algorithm: str, digest: bytes) -> dict[str, object]:
        return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}

    extension = {"extn_id": "1.2.3", "critical": False, "extn_value": b"x"}
    return [
        ("nothing", b"", {"bad_data_format"}),
        ("html", b"<html></html>", {"bad_data_format"}),
        ("too large", b"0" * 5000, {"bad_data_format"}),
        ("trailing bytes", request() + b"\x00", {"bad_data_format"}),
        ("version 2", request(version=2), {"bad_request"}),
        ("sha1", request(message_imprint=imprint("sha1", bytes(20))), {"bad_alg"}),
        ("short digest", request(message_imprint=imprint("sha256", bytes(31))), {"bad_data_format"}),
        ("another hash", request(message_imprint=imprint("sha512", bytes(32))), {"bad_data_format"}),
        ("another policy", request(req_policy="1.2.3"), {"unaccepted_policy"}),
        ("an extension", request(extensions=[extension]), {"unaccepted_extensions"}),
    ]


@pytest.mark.parametrize(("request_bytes", "failure"), [pytest.param(b, f, id=a) for a, b, f in _refusals()])
def test_a_refused_request(local: LocalAuthority, request_bytes: bytes, failure: set[str]) -> None:
    answer = local.respond(request_bytes)
    status = tsp.PKIStatusInfo.load(tsp.PKIFreeText.load(answer).contents)
    assert (status["status"].native, status["fail_info"].native) == ("rejection", failure)
    with pytest.raises(Rejected) as refusal:
        check_response(answer, DIGEST, local.as_authority())
    assert refusal.value.code == "time.status"


def test_without_a_certificate_request_there_is_no_certificate(local: LocalAuthority) -> None:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": DIGEST}
    answer = local.respond(bytes(tsp.TimeStampReq({"version": 1, "message_imprint": imprint}).dump()))
    with pytest.raises(Rejected) as refusal:
        check_response(answer, DIGEST, local.as_authority())
    assert refusal.value.code == "time.signer"


@pytest.mark.parametrize("length", [0, 20, 33])
def test_no_request_over_an_odd_digest(length: int) -> None:
    with pytest.raises(BadInput):
        make_request(bytes(length), new_nonce())


def test_nonces_are_fresh_and_positive() -> None:
    nonces = {new_nonce() for _ in range(50)}
    assert len(nonces) == 50
    assert all(1 << 62 <= nonce < 1 << 63 for nonce in nonces)


def test_over_http(local: LocalAuthority, server: TimestampServer) -> None:
    assert obtain(DIGEST, local.as_authority(url=server.url)).facts.gen_time == CLOCK.now()


def test_over_http_and_ipv6(local: LocalAuthority) -> None:
    with TimestampServer(local, "::1") as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        assert obtain(DIGEST, local.as_authority(url=running.url)).facts.gen_time == CLOCK.now()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("GET", {}, None, 501),
        ("POST", {"Content-Type": "text/plain"}, b"x", 415),
        ("POST", {"Content-Type": "application/timestamp-query", "Content-Length": "5000"}, None, 413),
        ("POST", {"Content-Type": "application/timestamp-query", "Content-Length": "99999999999999"}, None, 413),
        ("POST", {"Content-Type": "application/timestamp-query", "Content-Length": "-1"}, None, 411),
        ("POST", {"Content-Type": "application/timestamp-query", "Content-Length": "x"}, None, 411),
    ],
)
def test_the_server_refuses(
    server: TimestampServer, method: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    connection.request(method, "/", body, headers)
    assert connection.getresponse().status == status
    connection.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_the_server_listens_on_loopback_only(local: LocalAuthority, host: str) -> None:
    with pytest.raises(BadInput):
        TimestampServer(local, host)


def test_a_port_that_is_taken(local: LocalAuthority, server: TimestampServer) -> None:
    for port in (server.server_address[1], 70000):
        with pytest.raises(EnvironmentTrouble):
            TimestampServer(local, "127.0.0.1", port)


@pytest.mark.system
def test_openssl_makes_the_request_and_accepts_the_answer(tmp_path: Path) -> None:
    local = LocalAuthority.create(tmp_path / "tsa")
    (tmp_path / "data").write_bytes(DATA)
    asked = subprocess.run(
        ["openssl", "ts", "-query", "-data", tmp_path / "data", "-sha512", "-cert"], capture_output=True, check=True
    ).stdout
    (tmp_path / "query").write_bytes(asked)
    (tmp_path / "answer").write_bytes(local.respond(asked))
    for source in (["-data", tmp_path / "data"], ["-queryfile", tmp_path / "query"]):
        command = ["openssl", "ts", "-verify", "-in", tmp_path / "answer", *source]
        done = subprocess.run(
            [*command, "-CAfile", tmp_path / "tsa" / "tsa-root.pem"], capture_output=True, check=False
        )
        assert b"Verification: OK" in done.stdout


@pytest.mark.system
def test_openssl_reads_our_request(tmp_path: Path) -> None:
    (tmp_path / "query").write_bytes(make_request(DIGEST, 0x1234, "1.2.3"))
    text = subprocess.run(
        ["openssl", "ts", "-query", "-in", tmp_path / "query", "-text"], capture_output=True, check=True, text=True
    ).stdout
    for expected in ("Version: 1", "Hash Algorithm: sha256", "Policy OID: 1.2.3", "Nonce: 0x1234", "required: yes"):
        assert expected in text
