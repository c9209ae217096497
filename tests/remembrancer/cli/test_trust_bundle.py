"""A trust bundle: one file that an auditor needs besides a proof, and everything about it that is refused."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli_support import ARTIFACT, Scratch, change_policy, new_scratch, owner, released

Document = dict[str, Any]
BUNDLE = "trust.json"


@pytest.fixture(scope="module")
def producer() -> Iterator[Scratch]:
    scratch = released()
    scratch.ok("export-proof", ARTIFACT)
    scratch.ok("trust", "export", "-o", BUNDLE)
    yield scratch
    scratch.remove()


@pytest.fixture
def outside(producer: Scratch) -> Iterator[Scratch]:
    """A folder that is no repository, with the artifact, its proof, the bundle, and an empty home."""
    scratch = new_scratch()
    shutil.rmtree(scratch.root)
    scratch.root.mkdir()
    for name in (ARTIFACT, f"{ARTIFACT}.proof.json", BUNDLE):
        shutil.copy(producer.root / name, scratch.root)
    yield scratch
    scratch.remove()


def ask(scratch: Scratch, *more: str) -> tuple[int, set[str]]:
    proof = f"{ARTIFACT.partition('/')[2]}.proof.json"
    done = scratch.json("verify-proof", proof, "--trust-bundle", BUNDLE, *more)
    return done.status, done.codes


def edit(scratch: Scratch, change: Callable[[Document], object]) -> None:
    path = scratch.root / BUNDLE
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_proof_and_a_bundle_are_enough(producer: Scratch, outside: Scratch) -> None:
    assert ask(outside, "--trust", owner(producer)) == (0, set())


def test_the_same_trust_is_the_same_bytes(producer: Scratch) -> None:
    before = (producer.root / BUNDLE).read_bytes()
    producer.ok("trust", "export", "-o", BUNDLE)
    assert (producer.root / BUNDLE).read_bytes() == before


def test_a_bundle_says_nothing_about_whom_to_trust(producer: Scratch, outside: Scratch) -> None:
    """It is checked under what the auditor brings, whatever it holds."""
    assert ask(outside) == (3, {"trust.unpinned"})
    assert ask(outside, "--trust", "A" * 40) == (1, {"trust.policy-signature"})


def test_a_bundle_of_another_owner_is_not_the_pinned_owner_s(producer: Scratch, outside: Scratch) -> None:
    """Somebody makes a policy, a log and a proof of their own, complete in themselves."""
    other = new_scratch()
    other.ok("init", "--dev", "--component", "my-svc")
    other.ok("trust", "export", "-o", str(outside.root / BUNDLE))
    mallory = owner(other)
    other.remove()
    assert ask(outside, "--trust", owner(producer)) == (1, {"trust.policy-signature"})
    assert ask(outside, "--trust", mallory)[0] == 1, "the honest proof is not of mallory's log either"


def test_an_older_policy_is_refused_once_a_newer_one_was_seen(producer: Scratch, outside: Scratch) -> None:
    newer = producer.copy()
    change_policy(newer, 'name = "development"', 'name = "developer"')
    newer.ok("trust", "export", "-o", str(outside.root / "newer.json"))
    newer.remove()
    known = ("--trust", owner(producer))
    old = (outside.root / BUNDLE).read_bytes()
    shutil.copy(outside.root / "newer.json", outside.root / BUNDLE)
    assert ask(outside, *known) == (0, set())
    (outside.root / BUNDLE).write_bytes(old)
    assert ask(outside, *known) == (1, {"trust.policy-rollback"})


def _named_root(document: Document, *, kept: bool) -> None:
    """Move the root out of the policy to a key file, as `roots-sha256` does; without `kept` it is then missing."""
    head, _, rest = document["policy"].partition('roots = ["""')
    pem, _, tail = rest.partition('"""]')
    root = base64.b64decode("".join(pem.strip().splitlines()[1:-1]))
    digest = hashlib.sha256(root).hexdigest()
    document["policy"] = f'{head}roots-sha256 = ["{digest}"]{tail}'
    if kept:
        document["keys"][digest] = base64.b64encode(root).decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.update(schema="https://vaultmesh.cloud/schema/trust-bundle/v2"), "schema"),
        (lambda one: one.update(note="look here"), "exactly the members"),
        (lambda one: one.pop("keys"), "exactly the members"),
        (lambda one: one["keys"].update({"0" * 64: "AAAA"}), "does not name"),
        (lambda one: one["keys"].update({"../policy": "AAAA"}), "by SHA-256"),
        (lambda one: one["certificates"].update({"A" * 40: "AAAA"}), "and no other"),
        (lambda one: one["certificates"].clear(), "certificate of each owner"),
        (lambda one: one["certificates"].update(dict.fromkeys(one["certificates"], "A===")), "base64"),
        (lambda one: one["signatures"].update(dict.fromkeys(one["signatures"], 7)), "text in signatures"),
        (lambda one: one.update(signatures=[]), "by fingerprint"),
        (lambda one: _named_root(one, kept=False), "lacks 1 key file"),
    ],
)
def test_what_is_missing_or_too_much_is_refused(
    producer: Scratch, outside: Scratch, change: Callable[[Document], object], said: str
) -> None:
    edit(outside, change)
    proof = f"{ARTIFACT.partition('/')[2]}.proof.json"
    done = outside.json("verify-proof", proof, "--trust-bundle", BUNDLE, "--trust", owner(producer))
    assert (done.status, done.codes) == (2, {"trust.bundle"})
    assert said in done.report["error"]["message"]


def test_a_complete_bundle_that_was_edited_is_not_what_the_owner_signed(producer: Scratch, outside: Scratch) -> None:
    edit(outside, lambda one: _named_root(one, kept=True))
    assert ask(outside, "--trust", owner(producer)) == (1, {"trust.policy-signature"})


NO_BUNDLES = [b"", b"{", b"\xff", b'{"schema": 1, "schema": 1}', b"[" * 100_000, b"A" * (9 << 20)]


@pytest.mark.parametrize("content", NO_BUNDLES)
def test_what_is_no_bundle_is_one_sentence(producer: Scratch, outside: Scratch, content: bytes) -> None:
    (outside.root / BUNDLE).write_bytes(content)
    assert ask(outside, "--trust", owner(producer))[0] == 2


def test_a_bundle_and_a_policy_are_not_asked_together(producer: Scratch, outside: Scratch) -> None:
    assert ask(outside, "--policy", "policy.toml", "--trust", owner(producer)) == (2, {"input.name"})


def test_a_bundle_takes_no_other_file_s_place(producer: Scratch) -> None:
    before = (producer.root / ARTIFACT).read_bytes()
    done = producer.json("trust", "export", "-o", ARTIFACT)
    assert (done.status, done.codes) == (2, {"input.file"})
    assert (producer.root / ARTIFACT).read_bytes() == before


def test_nothing_is_exported_that_does_not_hold_here(producer: Scratch) -> None:
    scratch = producer.copy()
    policy = scratch.root / "ops/trust/policy.toml"
    policy.write_text(policy.read_text().replace("version = 1", "version = 2"))
    assert scratch.json("trust", "export", "-o", "none.json").codes == {"trust.policy-signature"}
    assert not (scratch.root / "none.json").exists()
    scratch.remove()
