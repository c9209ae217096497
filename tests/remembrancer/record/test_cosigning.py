"""`remembrancer witness`: who is asked, what is kept, and what each refusal means.

The witnesses are those of this repository (`aurora`), over HTTP; tests/system lets one of another project answer.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from aurora.evidence import judge, parse
from cli_support import ARTIFACT, Scratch, ledger, release, released
from litewitness import litewitness
from remembrancer.tlog import Checkpoint, SignerKey, VerifierKey, sign_note
from remembrancer.tlog.note import cosign
from witness_support import ask
from witnesses_serving import answering, witness

NEXT = "dist/my-svc-0.2.0.tar.gz"
KEYS = {
    name: SignerKey.from_seed(f"{name}.example", bytes([number]) * 32, kind)
    for number, (name, kind) in enumerate((("w1", 0x04), ("w2", 0x06), ("w3", 0x04), ("w4", 0x06), ("w5", 0x04)), 1)
}


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    made.remove()


def log_of(scratch: Scratch) -> tuple[str, SignerKey]:
    (file,) = (scratch.home / ".local/state/remembrancer/dev").glob("*/log.key")
    key = SignerKey.parse(file.read_text().strip())
    return key.name, key


def listed(scratch: Scratch, urls: dict[str, str], quorum: str = "") -> None:
    """List witnesses in the policy, and commit what that makes."""
    for name, url in urls.items():
        scratch.ok("trust", "add", "--witness", name, "--key", str(KEYS[name].verifier()), "--url", url)
    if quorum:
        scratch.ok("trust", "quorum", quorum)
    scratch.commit("witnesses")


class Served:
    """Witnesses of one log, each with a state of its own that outlives its server."""

    def __init__(self, scratch: Scratch, *names: str) -> None:
        self.scratch, self.stack = scratch, ExitStack()
        origin, key = log_of(scratch)
        self.servers = {
            name: self.stack.enter_context(witness(scratch.base / name, [KEYS[name]], origin, [key.verifier()]))
            for name in names
        }
        self.urls = {name: server.url for name, server in self.servers.items()}

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def statuses(self) -> set[int]:
        """Every status that any of them gave to a submission."""
        return {status for one in self.servers.values() for (path, status) in one.answers if path == "/add-checkpoint"}


def size(scratch: Scratch) -> int:
    return int((ledger(scratch) / "checkpoint").read_text().split("\n")[1])


def test_all_are_asked_at_once_and_what_they_say_is_kept(scratch: Scratch) -> None:
    with Served(scratch, *KEYS) as served:
        listed(scratch, served.urls)
        began = time.monotonic()
        done = scratch.json("witness")
        assert time.monotonic() - began < 1.5
        assert (done.status, done.report["data"]["held"]) == (0, True)
        assert [one["name"] for one in done.report["data"]["witnesses"] if one["cosigned"]] == list(KEYS)
        scratch.commit("cosigned")
        scratch.ok("trust", "quorum", "2")
        assert "cosigned by 5 of 5 witnesses up to size" in scratch.run("verify-full", ARTIFACT).out
        scratch.commit("two of five")
        scratch.ok("witness")
        assert "cosigned by 5 of 5 witnesses" in scratch.run("verify-full", ARTIFACT).out
        assert scratch.json("verify-audit").codes == set()
        text = scratch.run("witness").out
        assert f"5 of 5 witnesses have cosigned size {size(scratch)}, which is enough" in text
        assert served.statuses() == {200}


def test_one_of_three_is_down(scratch: Scratch) -> None:
    with Served(scratch, "w1", "w2") as served:
        listed(scratch, {**served.urls, "w3": "http://127.0.0.1:9"}, "2")
        done = scratch.run("witness")
        assert done.status == 0, done.out
        (line,) = [one for one in done.out.splitlines() if one.startswith("w3")]
        assert "w3 has not: the witness 127.0.0.1 could not be asked" in line
        assert "[env.network]" in line
        assert "2 of 3 witnesses have cosigned" in done.out
        verdict = scratch.run("verify-full", ARTIFACT)
        assert verdict.status == 0
        assert verdict.out.count("w3") == 1
        assert "cosigned by 2 of 3 witnesses (not w3)" in verdict.out


def test_too_few_is_said_and_the_next_round_asks_only_the_others(scratch: Scratch) -> None:
    with Served(scratch, "w1", "w2") as served:
        listed(scratch, {"w1": served.urls["w1"], "w2": "http://127.0.0.1:9"}, "all")
        done = scratch.json("witness")
        assert (done.status, done.report["data"]["held"]) == (4, False)
        assert not (ledger(scratch) / "witnessed").exists()
        assert "log.unwitnessed" in scratch.json("verify-full", ARTIFACT).codes
        before = served.servers["w1"].answers.copy()
        assert scratch.json("witness").status == 4
        assert served.servers["w1"].answers == before, "who has cosigned is not asked again"


def test_nobody_is_asked_before_it_is_published(scratch: Scratch) -> None:
    with Served(scratch, "w1") as served:
        listed(scratch, served.urls)
        scratch.write(NEXT, "next\n")
        scratch.ok("sign", NEXT)
        done = scratch.json("witness")
        assert (done.status, done.codes) == (2, {"log.unpublished"})
        scratch.git("init", "-q", "--bare", str(scratch.base / "origin.git"))
        scratch.git("remote", "add", "origin", str(scratch.base / "origin.git"))
        scratch.git("push", "-q", "origin", "HEAD:main")
        scratch.commit("sealed, not pushed")
        assert scratch.json("witness").codes == {"log.unpublished"}
        assert served.statuses() == set()
        scratch.git("push", "-q", "origin", "HEAD:main")
        assert scratch.json("witness").status == 0


def test_without_a_witness_or_a_ledger(scratch: Scratch) -> None:
    done = scratch.run("witness")
    assert (done.status, done.out) == (0, "the policy lists no witness, so nobody was asked\n")
    (ledger(scratch) / "checkpoint").unlink()
    assert scratch.json("witness").codes == {"log.missing"}


def test_a_checkpoint_that_the_tiles_do_not_give_is_shown_to_nobody(scratch: Scratch) -> None:
    with Served(scratch, "w1") as served:
        listed(scratch, served.urls)
        (tile,) = (ledger(scratch) / "tile/0").rglob(str(size(scratch)))
        data = tile.read_bytes()
        tile.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        assert scratch.json("witness").codes == {"log.tile"}
        tile.unlink()
        assert scratch.json("witness").codes == {"log.missing"}
        assert served.statuses() == set()


@pytest.mark.parametrize(
    ("status", "body", "headers", "code", "words"),
    [
        (404, b"", {}, "witness.unknown-log", "does not know the log"),
        (403, b"", {}, "witness.other-key", "under other keys"),
        (429, b"", {"Retry-After": "60"}, "env.busy", "asked too often, and asks to wait 60 s"),
        (429, b"", {"Retry-After": "<b>"}, "env.busy", "asked too often"),
        (409, b"nothing\n", {}, "env.witness", "409 without another size"),
        (409, b"0\n", {}, "env.witness", "409 without another size"),
        (409, b"999\n", {}, "log.behind", "has cosigned size 999"),
        (500, b"", {}, "env.witness", "status 500"),
        (302, b"", {"Location": "/x"}, "env.witness", "status 302"),
        (200, b"", {}, "env.witness", "unusable answer"),
        (200, b"hello\n", {}, "env.witness", "unusable answer"),
        (200, b"x" * 100_000, {}, "env.witness", "unusable answer"),
    ],
)
def test_each_refusal_says_what_it_means(
    scratch: Scratch, status: int, body: bytes, headers: dict[str, str], code: str, words: str
) -> None:
    with answering(lambda *_: (status, body, headers)) as (url, asked):
        listed(scratch, {"w1": url})
        done = scratch.json("witness")
        (said,) = done.report["data"]["witnesses"]
        assert (said["code"], words in said["message"]) == (code, True), said
        assert done.status == (4 if code.startswith("env.") else 1)
        assert not any("\n" in one["message"] for one in done.report["data"]["witnesses"])
        assert len([path for path, _ in asked if path == "/add-checkpoint"]) == 1


def test_a_cosignature_of_another_key_or_time_does_not_count(scratch: Scratch) -> None:
    with_key = [("w2", 1), ("w1", 0), ("w1", 1)]

    def reply(_method: str, _path: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        text = body.partition(b"\n\n")[2].decode().rpartition("\n\n")[0] + "\n"
        name, when = with_key.pop(0)
        return 200, cosign(text, KEYS[name], when).line.encode(), {}

    with answering(reply) as (url, _):
        listed(scratch, {"w1": url})
        for code in ("env.witness", "env.witness", None):
            (said,) = scratch.json("witness").report["data"]["witnesses"]
            assert said.get("code") == code


@pytest.mark.parametrize("less", [0, 1])
def test_a_witness_that_saw_another_tree_is_evidence_and_asked_once(scratch: Scratch, less: int) -> None:
    """The log's key signed another tree of that size, or of a smaller one, and the witness cosigned it first."""
    origin, key = log_of(scratch)
    with Served(scratch, "w1") as served:
        listed(scratch, served.urls)
        fork = sign_note(Checkpoint(origin, size(scratch) - less, b"\7" * 32).format(), [key])
        assert served.servers["w1"].answer(b"old 0\n\n" + fork).status == 200
        done = scratch.json("witness", "--evidence", "seen")
        assert done.status == 1
        (said,) = done.report["data"]["witnesses"]
        assert (said["cosigned"], said["code"]) == (False, "log.split-view")
        found = judge(parse((scratch.root / said["evidence"]).read_bytes()), [key.verifier()])
        assert found, "Aurora judges it offline"
        assert served.statuses() == {409, 422}
        assert scratch.json("witness").status == 1
        assert list((scratch.home / ".local/state/remembrancer/evidence").iterdir())


def test_a_refusal_without_a_checkpoint_is_kept_too(scratch: Scratch) -> None:
    with answering(lambda *_: (422, b"no\n", {})) as (url, asked):
        listed(scratch, {"w1": url})
        done = scratch.json("witness", "--evidence", "seen")
        assert done.status == 1
        document = json.loads((scratch.root / done.report["data"]["witnesses"][0]["evidence"]).read_text())
        assert (document["status"], document["answer"], document["witness"]) == (422, "no\n", url)
        assert document["request"].encode() == next(body for path, body in asked if path == "/add-checkpoint")
        scratch.write("full", "x")
        done = scratch.json("witness", "--evidence", "full")
        assert "could not be kept" in done.report["data"]["witnesses"][0]["message"]
        assert done.status == 1


def test_two_types_of_key_are_one_witness(scratch: Scratch) -> None:
    origin, key = log_of(scratch)
    with witness(scratch.base / "both", [KEYS["w1"], KEYS["w2"]], origin, [key.verifier()]) as server:
        listed(scratch, {"w1": server.url, "w2": f"{server.url}/"})
        done = scratch.json("witness")
        assert (done.status, [one["cosigned"] for one in done.report["data"]["witnesses"]]) == (0, [True, True])
        assert server.answers == {("/add-checkpoint", 200): 1}


def test_what_cannot_be_asked_is_named(scratch: Scratch) -> None:
    new = "witness new w9.example+00000001+mQcHBwcH http://127.0.0.1:9"
    text = f"witness w1 {KEYS['w1'].verifier()}\n{new}\nquorum none\n"
    scratch.write("published.txt", text)
    scratch.ok("trust", "quorum", "--file", "published.txt")
    scratch.commit("witnesses")
    done = scratch.json("witness")
    assert [one["code"] for one in done.report["data"]["witnesses"]] == ["input.witness", "input.witness"]
    assert done.status == 1


@pytest.mark.parametrize("value", ["", "x", "0", "-1s", "5h", "999m"])
def test_a_wait_that_is_no_time(scratch: Scratch, value: str) -> None:
    assert scratch.json("witness", "--wait", value).codes == {"input.usage"}


def test_the_wait_covers_everything(scratch: Scratch) -> None:
    def slow(*_: object) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(1.5)
        return 200, b"", {}

    with answering(slow) as (url, _):
        listed(scratch, {"w1": url})
        began = time.monotonic()
        done = scratch.json("witness", "--wait", "0.3s")
        assert time.monotonic() - began < 1.2
        assert done.report["data"]["witnesses"][0]["code"] == "env.network"


def test_a_later_seal_is_continued_from_where_the_witness_is(scratch: Scratch) -> None:
    with Served(scratch, "w1") as served:
        listed(scratch, served.urls, "1")
        scratch.ok("witness")
        scratch.commit("cosigned")
        first = size(scratch)
        scratch.write(NEXT, "next\n")
        release(scratch, NEXT, "0.2.0")
        assert scratch.json("verify-full", ARTIFACT).status == 0
        before = served.servers["w1"].answers.copy()
        scratch.ok("witness")
        assert size(scratch) > first
        now = served.servers["w1"].answers
        assert {key: now[key] - before[key] for key in now if now[key] != before[key]} == {("/add-checkpoint", 200): 1}
        assert scratch.json("verify-full", NEXT).status == 0


@pytest.mark.system
def test_a_witness_of_another_project(scratch: Scratch) -> None:
    """litewitness (filippo.io/torchwood) cosigns, goes on from where it was, and refuses a fork."""
    origin, key = log_of(scratch)
    with litewitness(KEYS["w1"], key.verifier()) as url, Served(scratch, "w2") as served:
        listed(scratch, {"w1": url, **served.urls}, "all")
        assert scratch.json("witness").status == 0
        scratch.commit("cosigned")
        scratch.write(NEXT, "next\n")
        release(scratch, NEXT, "0.2.0")
        assert scratch.json("verify-full", ARTIFACT).status == 0
        assert "log.unwitnessed" in scratch.json("verify-full", NEXT).codes
        assert scratch.json("witness").status == 0
        assert "cosigned by 2 of 2 witnesses" in scratch.run("verify-full", NEXT).out
        assert scratch.json("verify-audit").codes == set()
        other = SignerKey.from_seed(origin, bytes(32))
        for signer, status in ((other, 403), (key, 409)):
            note = sign_note(Checkpoint(origin, size(scratch), b"\7" * 32).format(), [signer])
            assert ask(url, "POST", "/add-checkpoint", b"old 0\n\n" + note)[0] == status
        fork = sign_note(Checkpoint(origin, size(scratch) + 1, b"\7" * 32).format(), [key])
        assert ask(url, "POST", "/add-checkpoint", f"old {size(scratch)}\n\n".encode() + fork)[0] == 422


def test_the_public_key_of_the_log_is_what_an_operator_needs(scratch: Scratch) -> None:
    shown = scratch.json("trust", "show").report["data"]["log key"][0]
    assert VerifierKey.parse(shown.partition(" ")[0]) == log_of(scratch)[1].verifier()
