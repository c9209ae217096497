"""`trust add --witness` and `trust quorum`: who witnesses the log, and how many of them must have."""

from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Scratch, ledger, released
from remembrancer.tlog import SignerKey
from remembrancer.tlog.note import add_signature, cosign
from remembrancer.trust.policy import parse

KEYS = {
    name: SignerKey.from_seed(f"{name}.example", bytes([number]) * 32, kind)
    for number, (name, kind) in enumerate((("w1", 0x04), ("w2", 0x06), ("w3", 0x04)), 1)
}
URL = "https://w.example/"


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    made.remove()


def add(name: str, *more: str) -> tuple[str, ...]:
    return ("trust", "add", "--witness", name, "--key", str(KEYS[name].verifier()), "--url", f"{URL}{name}", *more)


def cosigned(scratch: Scratch, *names: str) -> None:
    file = ledger(scratch) / "checkpoint"
    text = file.read_text().rpartition("\n\n")[0] + "\n"
    for name in names:
        file.write_bytes(add_signature(file.read_bytes(), cosign(text, KEYS[name], 1)))
    (ledger(scratch) / "witnessed").write_bytes(file.read_bytes())


def quorum(scratch: Scratch) -> str:
    return parse((scratch.root / "ops/trust/policy.toml").read_bytes()).quorum.text


def test_from_no_witness_to_two_of_three(scratch: Scratch) -> None:
    before = scratch.snapshot()
    dry = scratch.json(*add("w1", "--dry-run"))
    assert (dry.status, dry.report["data"]["lost"], dry.report["data"]["dryRun"]) == (0, [], True)
    assert scratch.snapshot() == before
    for name in KEYS:
        scratch.ok(*add(name))
    lines = [f"witness {name} {key.verifier()} {URL}{name}\n" for name, key in KEYS.items()]
    assert quorum(scratch) == "".join([*lines, "quorum none\n"])
    assert scratch.json("verify-full", ARTIFACT).status == 0, "nobody must have seen it yet"
    assert "cosigned by 0 of 3 witnesses (not w1, w2, w3)" in scratch.run("verify-full", ARTIFACT).out

    dry = scratch.json("trust", "quorum", "2", "--dry-run")
    assert [one["code"] for one in dry.report["data"]["lost"]] == ["log.unwitnessed"]
    cosigned(scratch, "w1", "w2")
    assert scratch.json("trust", "quorum", "2", "--dry-run").report["data"]["lost"] == []
    done = scratch.json("trust", "quorum", "2", "--reason", "two teams watch")
    assert (done.status, done.report["data"]["version"]) == (0, 5)
    assert quorum(scratch) == "".join([*lines, "group required 2 w1 w2 w3\n", "quorum required\n"])
    assert scratch.json("verify-full", ARTIFACT).status == 0, "the change's own seal is not witnessed yet, this is"
    assert "cosigned by 2 of 3 witnesses (not w3) up to size" in scratch.run("verify-full", ARTIFACT).out
    shown = scratch.json("trust", "show").report["data"]
    assert shown["witness"] == [line.removeprefix("witness ").strip() for line in lines]
    cosigned(scratch, "w1", "w3")
    assert scratch.json("verify-audit").codes == set()


def test_fewer_more_or_one_by_name(scratch: Scratch) -> None:
    for name in KEYS:
        scratch.ok(*add(name))
    for asked, last in (
        ("all", "group required all w1 w2 w3\nquorum required\n"),
        ("any", "group required any w1 w2 w3\nquorum required\n"),
        ("w2", "group required any w1 w2 w3\nquorum w2\n"),
        ("required", "group required any w1 w2 w3\nquorum required\n"),
        ("none", "group required any w1 w2 w3\nquorum none\n"),
    ):
        scratch.ok("trust", "quorum", asked)
        assert quorum(scratch).endswith(last), asked


def test_a_published_policy_is_taken_as_it_is(scratch: Scratch) -> None:
    other = SignerKey.from_seed("log.example/other", bytes(32)).verifier()
    unknown = "w9.example+00000001+" + "mQcHBwcH"
    text = (
        f"# https://witnesses.example/policy\nlog {other} https://log.example/other\n\n"
        f"witness  w1 {KEYS['w1'].verifier()} {URL}w1\nwitness new {unknown}\ngroup g any w1 new\nquorum g\n"
    )
    scratch.write("published.txt", text)
    done = scratch.json("trust", "quorum", "--file", "published.txt")
    assert done.status == 0, done.out
    assert quorum(scratch) == text
    assert done.report["notices"] == [
        "the log log.example/other of the witness policy is another one and does not count here",
        "the witness new cannot be used: its key is of type 0x99, which is not supported",
    ]
    shown = scratch.json("trust", "show").report["data"]
    assert shown["other log"] == ["log.example/other is in the witness policy and does not count here"]
    assert shown["witness"][1] == "new cannot be used: its key is of type 0x99, which is not supported"
    scratch.ok(*add("w2"))
    assert quorum(scratch) == text.replace("quorum g", f"witness w2 {KEYS['w2'].verifier()} {URL}w2\nquorum g")


def test_refused_and_nothing_written(scratch: Scratch) -> None:
    scratch.ok(*add("w1"))
    scratch.write("latin.txt", b"# \xe9\nquorum none\n")
    scratch.write("new.txt", "witness new w9.example+00000001+mQcHBwcH\nquorum new\n")
    before = scratch.snapshot()
    key = str(KEYS["w2"].verifier())
    for arguments, code in (
        (add("w1"), "policy.malformed"),
        (("trust", "add", "--witness", "w2", "--key", key), "input.name"),
        (("trust", "add", "--witness", "a b", "--key", key, "--url", URL), "input.name"),
        (("trust", "add", "--witness", "any", "--key", key, "--url", URL), "input.name"),
        (("trust", "add", "--witness", "w2", "--key", f"{key} x", "--url", URL), "input.witness"),
        (("trust", "add", "--witness", "w2", "--key", key[:-5], "--url", URL), "policy.malformed"),
        (("trust", "add", "--witness", "w2", "--key", "w9.example+00000001+mQcHBwcH", "--url", URL), "input.witness"),
        (("trust", "add", "--witness", "w2", "--key", key, "--url", "ftp://x"), "input.url"),
        (("trust", "add", "--witness", "w2", "--signer", "w2", "--key", key, "--url", URL), "input.name"),
        (("trust", "quorum", "2"), "policy.weak"),
        (("trust", "quorum", "nobody"), "input.name"),
        (("trust", "quorum", "0"), "input.name"),
        (("trust", "quorum"), "input.name"),
        (("trust", "quorum", "1", "--file", "new.txt"), "input.name"),
        (("trust", "quorum", "--file", "latin.txt"), "policy.malformed"),
        (("trust", "quorum", "--file", "new.txt"), "policy.weak"),
    ):
        done = scratch.json(*arguments)
        assert (done.status, done.codes) == (2, {code}), arguments
    assert scratch.snapshot() == before


def test_a_witness_is_taken_out_with_its_line(scratch: Scratch) -> None:
    for name in ("w1", "w2"):
        scratch.ok(*add(name))
    done = scratch.json("trust", "revoke", "w1", "--as", "retired")
    assert (done.status, done.codes) == (2, {"input.name"})
    assert "trust quorum --file" in done.report["error"]["remedy"]
    lines = quorum(scratch).splitlines(keepends=True)
    scratch.write("without.txt", "".join(line for line in lines if not line.startswith("witness w1 ")))
    scratch.ok("trust", "quorum", "--file", "without.txt")
    assert list(parse((scratch.root / "ops/trust/policy.toml").read_bytes()).quorum.witnesses) == ["w2"]


def test_without_a_witness_there_is_no_quorum(scratch: Scratch) -> None:
    assert scratch.json("trust", "quorum", "any").codes == {"policy.weak"}
