"""docs/formats.md suffices to write another verifier: its worked bytes are ours, and follow from the text alone."""

import ast
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import independent_verifier as other
from independent_verifier import Broken, sha
from ledger_world import World, waiver
from reason_table import REASONS
from remembrancer.receipt.kinds import KINDS
from remembrancer.trust import policy
from remembrancer.verify.artifact import check_inclusion
from remembrancer.verify.bundle import open_portable
from remembrancer.verify.bundle import parse as parse_proof
from worked_ledger import DOCUMENT, blocks, build, filled, keys

TEXT = DOCUMENT.read_text(encoding="utf-8")
WORKED = blocks(TEXT)


def listed(block: str) -> dict[str, str]:
    """Return the `name = value` lines of a block."""
    return dict(line.split(" = ") for line in block.splitlines())


def recompute(worked: dict[str, str]) -> None:
    """Recompute every worked block from the others with hashlib, base64 and cryptography; raises when one differs."""
    known = listed(worked["keys"])
    for who, kind, name in (("log", 1, "log.example/my-svc"), ("witness", 4, "witness.example/w1")):
        seed = sha(f"docs/formats.md {who} key".encode())
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        assert known[f"{who} seed"] == seed.hex()
        assert other.key(known[f"{who} key"])[::2] == (name, kind)
        assert other.key(known[f"{who} key"])[3] == public
    log, witness = known["log key"], known["witness key"]
    made = [worked[f"{kind}.receipt"].encode() for kind in ("spawn", "deploy", "waiver")]
    read = [other.receipt(data) for data in made]
    assert [kind for kind, _, _ in read] == ["spawn", "deploy", "waiver"]
    paths = listed(worked["order"])
    assert sorted(paths.values()) == sorted(path for _, _, path in read)
    by_path = {path: data for data, (_, _, path) in zip(made, read, strict=True)}
    entries = [by_path[paths[str(number)]] for number in range(3)]
    assert [sha(entry) for entry in entries[:2]] == sorted(sha(entry) for entry in entries[:2])
    stated, lines = read[0][1]["predicate"]["manifest"], worked["manifest"].encode()
    assert read[0][1]["subject"][0]["digest"]["sha256"] == stated["sha256"] == sha(lines).hex()
    leaves = [sha(b"\0" + line) for line in lines.split(b"\n")[:-1]]
    assert (stated["root"], stated["files"]) == (other.tree(leaves).hex(), len(leaves))
    artifact = {"name": "my-svc-1.0.0.tar.gz", "sha256": sha(b"worked example\n").hex()}
    assert read[1][1]["predicate"]["artifact"] == artifact
    hashes = [sha(b"\0" + entry) for entry in entries]
    roots = [other.tree(hashes[:2]), other.tree(hashes)]
    names = ["leaf 0", "leaf 1", "leaf 2", "root 2", "root 3"]
    assert listed(worked["hashes"]) == {name: one.hex() for name, one in zip(names, [*hashes, *roots], strict=True)}
    assert worked["tile"] == "".join(f"{one.hex()}\n" for one in hashes)
    bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
    assert other.unbundled(bundle) == entries
    lengths = {f"length {number}": f"{len(entry):04x}" for number, entry in enumerate(entries)}
    assert listed(worked["bundle"]) == {**lengths, "bytes": str(len(bundle)), "sha256": sha(bundle).hex()}
    notes = [worked["checkpoint-2"].encode(), worked["checkpoint-3"].encode()]
    first, second = other.opened(notes[0], log), other.opened(notes[1], log, witness)
    assert [first[:3], second[:3]] == [
        (other.key(log)[0], size, root) for size, root in zip((2, 3), roots, strict=True)
    ]
    assert int.from_bytes(other.plain64(notes[1].decode().split(" ")[-1].strip())[4:12], "big") == 1767323045
    assert (first[3], listed(worked["stamped"])["sha256"]) == (notes[0], sha(second[3]).hex())
    index, proof, note = other.tlog_proof(worked["inclusion"])
    assert (index, note) == (1, worked["checkpoint-3"])
    other.included(hashes[1], 1, 3, proof, roots[1])
    other.consistent(2, 3, [other.plain64(line) for line in worked["consistency"].splitlines()], *roots)
    trust = tomllib.loads(worked["policy.toml"])
    assert (trust["origin"], trust["log-key"]) == (other.key(log)[0], [{"key": log, "first-size": 0}])
    assert trust["witnesses"] == f"witness w1 {witness}\nquorum w1\n"
    document = json.loads(worked["proof.json"])
    assert other.proof_file(worked["proof.json"].encode(), log, witness) == [("deploys", read[1][1])]
    assert (document["artifact"], document["checkpoint"]) == (artifact, worked["checkpoint-3"])
    assert worked["proof.json"] == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (document["blobs"], document["stamps"]) == ({}, [])


def test_the_worked_bytes_are_what_the_code_makes(tmp_path: Path) -> None:
    made = build(tmp_path)
    assert filled(TEXT, made) == TEXT
    assert made == WORKED


def test_the_worked_bytes_follow_without_our_code() -> None:
    recompute(WORKED)


def changed() -> Iterator[tuple[str, int]]:
    """Yield places all over the worked blocks; of the policy only its keys, which alone the other blocks use."""
    for name, text in WORKED.items():
        start = text.index("witness w1") if name == "policy.toml" else 0
        end = text.index("quorum") if name == "policy.toml" else len(text)
        yield from ((name, at) for at in range(start, end, max(1, (end - start) // 12)))


def test_every_change_of_the_worked_bytes_is_noticed() -> None:
    places = list(changed())
    assert len(places) > 150
    for name, at in places:
        text = WORKED[name]
        spoiled = text[:at] + ("y" if text[at] == "x" else "x") + text[at + 1 :]
        with pytest.raises((Broken, AssertionError, ValueError, KeyError, IndexError)):
            recompute({**WORKED, name: spoiled})


def test_the_other_verifier_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(other.__file__).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} == {
        "base64",
        "collections",
        "cryptography",
        "datetime",
        "hashlib",
        "itertools",
        "json",
        "pathlib",
        "tomllib",
        "typing",
    }


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of more than one tile, with the folder of its receipts."""
    world = World(tmp_path_factory.mktemp("large"), git=False)
    world.record_quickly(*(waiver(f"reason {number}") for number in range(300)))
    assert world.ledger.seal(keys()[0]).size == 300
    return world.store.receipts_dir


def test_the_other_verifier_accepts_our_ledgers(tmp_path: Path, large: Path) -> None:
    build(tmp_path)
    log = listed(WORKED["keys"])["log key"]
    assert len(other.ledger(tmp_path / "ops" / "receipts", log)) == 3
    assert len(other.ledger(large, log)) == 300


def test_the_other_verifier_refuses_every_changed_file(large: Path) -> None:
    log = listed(WORKED["keys"])["log key"]
    files = sorted(path for path in (large / "ledger").rglob("*") if path.is_file())
    names = {path.relative_to(large / "ledger").as_posix() for path in files}
    assert names == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    }
    for path in [*files, next(large.glob("waiver/*/*.receipt"))]:
        data = path.read_bytes()
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        with pytest.raises((Broken, ValueError)):
            other.ledger(large, log)
        path.write_bytes(data)
    assert len(other.ledger(large, log)) == 300


def test_we_accept_the_policy_and_the_proof_of_the_document() -> None:
    parsed = policy.parse(WORKED["policy.toml"].encode())
    assert (parsed.profile, parsed.origin) == (policy.Profile.PRODUCTION, "log.example/my-svc")
    portable = parse_proof(WORKED["proof.json"].encode())
    finding = check_inclusion(open_portable(portable, parsed), portable.evidence.deploys)
    assert finding.code == "inclusion.ok"


def rows(heading: str) -> dict[str, str]:
    """Return the rows of the table that begins with this heading: first cell to the others."""
    table = TEXT[TEXT.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip().strip("`"): row.split("|", 2)[2] for row in table}


def test_every_kind_and_member_is_in_the_table() -> None:
    table = rows("| kind | members of the predicate |")
    table["update"] = table["update"].replace("as spawn", table["spawn"])
    assert table.keys() == KINDS.keys() == set(other.KINDS)
    for name, kind in KINDS.items():
        members = {*kind.predicate.required, *(f"{member}?" for member in kind.predicate.optional)}
        assert set(re.findall(r"`([A-Za-z]+\??)`", table[name])) == members, name


def test_every_field_of_the_policy_is_in_the_table() -> None:
    source = Path(policy.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'(?:row|table)\.(?:take|text|texts|count|time)\(\s*"([a-z0-9-]+)"', source))
    read |= {
        name for call in re.findall(r"_certificates\(row, (.*?), pem", source) for name in re.findall(r'"(.*?)"', call)
    }
    assert len(read) > 20
    table = TEXT[TEXT.index("| table | field | meaning |") :].split("\n\n")[0]
    assert read - {"require"} <= set(re.findall(r"`([a-z0-9-]+)`", table))


def test_every_named_code_exists() -> None:
    areas = "|".join({code.partition(".")[0] for code in REASONS})
    codes = set(re.findall(rf"`((?:{areas})\.[a-z0-9-]+)`", TEXT)) - {"policy.toml", "evidence.sha256", "fleet.toml"}
    assert len(codes) > 40
    assert codes <= REASONS.keys()


def test_the_artifact_is_what_the_text_says() -> None:
    assert "the 15 bytes" in TEXT
    assert hashlib.sha256(b"worked example\n").hexdigest() in WORKED["deploy.receipt"]
