"""Drift: the verdict rests on what the log proves was rendered, whatever lies in the repository."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli_support import Scratch, change_policy, end_agents, ledger, new_scratch
from log_world import WITNESS
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, Rejected
from remembrancer.ledger import Ledger
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.manifest import Line
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.standard import portable as standard_proof
from remembrancer.standard.drift import NOTHING, Status, Waiver, judge
from remembrancer.standard.proven import Recorded, Sifted, read_log
from remembrancer.standard.waivers import parse, write
from remembrancer.tlog.note import add_signature, cosign
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.tlog.tile import encode_bundle
from remembrancer.trust import policy as policies
from remembrancer.verify.log import open_log, proof_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = "2099-12-31"
OLD = {"Dockerfile": b"FROM old\n", "Makefile": b"all:\n", "README.md": b"# Old\n", "ops/x.sh": b"echo 1\n"}
NEW = {"Dockerfile": b"FROM new\n", "Makefile": b"all:\n", "README.md": b"# New\n", "ops/x.sh": b"echo 2\n"}
ANSWERS = b"_commit: {version}\n_src_path: https://example.com/t.git\nlayer: fastapi-service\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def generation(
    root: Path, files: dict[str, bytes], version: str, number: int, start: tuple[str, str] | None = None, **more: Any
) -> bytes:
    """Write the receipt of a standard that rendered these files, and return its bytes."""
    store = Store(root)
    rendered = {**files, ".copier-answers.yml": ANSWERS.replace(b"{version}", version.encode())}
    blob = manifests.write(
        Line(path, "seeded" if path == "README.md" else "standard", sha(data), sha(data))
        for path, data in rendered.items()
    )
    store.write_blob(blob)
    predicate: dict[str, Any] = {
        "recordedAt": rfc3339(NOW + timedelta(days=number)),
        "component": "my-svc",
        "layer": "fastapi-service",
        "version": "0.1.0",
        "template": {"source": "https://example.com/t.git", "commit": f"{number:040x}", "version": version},
        "answers": {"path": ".copier-answers.yml", "sha256": sha(rendered[".copier-answers.yml"])},
        "manifest": manifests.stated(blob),
        **more,
    }
    if start:
        predicate |= {"from": {"commit": start[0], "version": start[1]}, "conflicts": []}
    data = receipt.build("update" if start else "spawn", [("my-svc", sha(blob))], predicate)
    store.write_receipt(data)
    return data


def put(root: Path, files: dict[str, bytes], version: str) -> None:
    for path, data in {**files, ".copier-answers.yml": ANSWERS.replace(b"{version}", version.encode())}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


@pytest.fixture(scope="module")
def made() -> Iterator[Scratch]:
    """A service that was generated at v1, updated to v2, sealed both times, and is clean."""
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    put(scratch.root, OLD, "v1")
    generation(scratch.root, OLD, "v1", 1)
    scratch.ok("seal")
    scratch.commit()
    put(scratch.root, NEW, "v2")
    generation(scratch.root, NEW, "v2", 2, (f"{1:040x}", "v1"))
    scratch.ok("seal")
    scratch.commit()
    yield scratch
    end_agents(scratch)
    scratch.remove()


@pytest.fixture
def service(made: Scratch) -> Iterator[Scratch]:
    copied = made.copy()
    yield copied
    end_agents(copied)
    copied.remove()


def statuses(service: Scratch) -> dict[str, str]:
    report = service.json("drift").report
    return {one["path"]: one["status"] for one in report["data"]["files"]}


def test_a_clean_service_names_its_standard_and_is_unmodified(service: Scratch) -> None:
    done = service.ok("drift")
    assert "fastapi-service v2 from https://example.com/t.git at commit " + f"{2:040x}" in done.out
    assert "leaf 2 of 3" in done.out
    assert "1 seeded files are the team's (0 edited)" in done.out
    report = service.json("drift").report
    assert report["verdict"] == "verified"
    (standard,) = report["data"]["standards"]
    assert standard["counts"] == {"identical": 4, "changed": 0, "missing": 0, "behind": 0, "waived": 0}
    assert [one["path"] for one in report["data"]["seeded"]] == ["README.md"]


def test_each_status_is_told_apart(service: Scratch) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM mine\n")
    (service.root / "Makefile").unlink()
    (service.root / "ops/x.sh").write_bytes(OLD["ops/x.sh"])
    (service.root / "README.md").write_bytes(b"# Ours\n")
    (service.root / "ours.py").write_bytes(b"pass\n")
    done = service.json("drift")
    assert done.status == 1
    assert done.codes == {"drift.changed", "drift.missing", "drift.behind"}
    assert statuses(service) == {
        ".copier-answers.yml": "identical",
        "Dockerfile": "changed",
        "Makefile": "missing",
        "ops/x.sh": "behind",
    }
    behind = next(one for one in done.report["data"]["files"] if one["status"] == "behind")
    assert behind["behind"] == "v1"
    (seeded,) = done.report["data"]["seeded"]
    assert (seeded["path"], seeded["edited"]) == ("README.md", True)
    text = service.run("drift")
    assert "ops/x.sh is still as in v1, the standard is v2" in text.out


@pytest.mark.parametrize("where", ["Dockerfile", "ops"])
def test_a_link_is_not_the_file(service: Scratch, where: str) -> None:
    """Even when it leads to the right bytes: what it leads to can change without a trace here."""
    aside = service.base / "aside"
    shutil.move(service.root / where, aside)
    (service.root / where).symlink_to(aside)
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"drift.changed"})


def test_a_folder_or_a_pipe_in_the_place_of_a_file(service: Scratch) -> None:
    (service.root / "Dockerfile").unlink()
    (service.root / "Dockerfile").mkdir()
    (service.root / "Makefile").unlink()
    os.mkfifo(service.root / "Makefile")
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"drift.changed"})


def test_without_pinned_trust_nothing_is_said(service: Scratch) -> None:
    done = service.json("drift", XDG_STATE_HOME=str(service.base / "empty"))
    assert (done.status, done.codes) == (3, {"trust.unpinned"})
    assert "files" not in done.report.get("data", {})


# ---------------------------------------------------------------- nothing in the repository moves the measure


def newest(service: Scratch) -> Path:
    (path,) = (service.root / "ops/receipts/update").rglob("*.receipt")
    return path


def forge(service: Scratch) -> tuple[bytes, bytes]:
    """A receipt like the newest one, for a standard that rendered what lies here now; returns (old, new) bytes."""
    (service.root / "Dockerfile").write_bytes(b"FROM evil\n")
    old = newest(service).read_bytes()
    newest(service).unlink()
    new = generation(service.root, {**NEW, "Dockerfile": b"FROM evil\n"}, "v2", 2, (f"{1:040x}", "v1"))
    return old, new


def test_an_edited_receipt_cannot_hide_drift(service: Scratch) -> None:
    old, new = forge(service)
    newest(service).unlink()
    path = service.root / "ops/receipts" / receipt.relative_path(receipt.parse(old))
    path.write_bytes(new)
    done = service.json("drift")
    assert done.status == 1
    assert "drift.changed" in done.codes


def test_a_replaced_receipt_cannot_hide_drift(service: Scratch) -> None:
    forge(service)
    done = service.json("drift")
    assert done.status == 1
    assert done.codes >= {"drift.changed", "log.pending"}


def test_a_deleted_receipt_cannot_hide_drift(service: Scratch) -> None:
    newest(service).unlink()
    put(service.root, OLD, "v1")
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"drift.behind", "receipt.missing", "drift.unrecorded"})


def test_edited_entries_cannot_hide_drift(service: Scratch) -> None:
    old, new = forge(service)
    assert len(old) == len(new)
    for path in (service.root / "ops/receipts/ledger/tile/entries").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(old, new))
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"log.tile"})


def test_a_missing_or_edited_manifest_fails(service: Scratch) -> None:
    blob = service.root / "ops/receipts/blobs" / receipt.parse(newest(service).read_bytes()).blobs[0]
    kept = blob.read_bytes()
    blob.write_bytes(kept.replace(sha(NEW["Dockerfile"]).encode(), sha(b"FROM evil\n").encode()))
    assert service.json("drift").codes == {"blob.mismatch"}
    blob.unlink()
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"blob.missing"})


def test_what_is_not_sealed_yet_does_not_count(service: Scratch) -> None:
    newer = {**NEW, "Dockerfile": b"FROM newer\n"}
    put(service.root, newer, "v3")
    generation(service.root, newer, "v3", 3, (f"{2:040x}", "v2"))
    done = service.json("drift")
    assert done.status == 1
    assert done.codes == {"log.pending", "drift.changed"}
    service.ok("seal")
    service.ok("drift")


def test_a_standard_that_nobody_recorded(service: Scratch) -> None:
    name = ".copier-answers.k8s.yml"
    (service.root / name).write_text("_commit: v2\n_src_path: https://example.com/t.git\nlayer: k8s\n")
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"drift.unrecorded"})


def test_a_repository_without_any_standard() -> None:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    done = scratch.json("drift")
    assert (done.status, done.codes) == (1, {"drift.unrecorded"})
    end_agents(scratch)
    scratch.remove()


def test_a_log_with_another_root_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        read_log(lambda _: encode_bundle([b"one"]), 1, bytes(32))
    assert caught.value.code == "log.tile"


# ---------------------------------------------------------------- waivers


def waive(service: Scratch, path: str, *more: str) -> None:
    service.ok(
        "record", "waiver", path, "--owner", "payments", "--reason", "GPU “base” image", "--expires", LATER, *more
    )


def test_a_waiver_holds_for_these_bytes_until_it_ends(service: Scratch) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM gpu\n")
    (service.root / "Makefile").unlink()
    waive(service, "./Dockerfile")
    waive(service, str(service.root / "Makefile"))
    done = service.ok("drift")
    assert "waived  Dockerfile until 2099-12-31T23:59:59Z by payments: GPU “base” image" in done.out
    assert statuses(service)["Makefile"] == "waived"
    report = service.json("drift").report
    (standard,) = report["data"]["standards"]
    assert (standard["counts"]["waived"], standard["counts"]["identical"]) == (2, 2)

    (service.root / "Dockerfile").write_bytes(b"FROM other\n")
    assert service.json("drift").codes == {"drift.waiver-outdated"}
    (service.root / "Dockerfile").write_bytes(b"FROM gpu\n")
    service.ok("drift")

    listed = service.root / "ops/trust/waivers.toml"
    entries = parse(listed.read_bytes())
    listed.write_bytes(write([entries["Makefile"]]))
    assert service.json("drift").codes == {"drift.changed"}, "a waiver that is no longer listed has ended"


def test_a_waiver_without_a_sealed_receipt_does_not_count(service: Scratch) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM gpu\n")
    waive(service, "Dockerfile", "--no-seal")
    assert service.json("drift").codes == {"drift.waiver-unsealed"}
    service.ok("seal")
    service.ok("drift")
    listed = service.root / "ops/trust/waivers.toml"
    listed.write_bytes(listed.read_bytes().replace(b"2099", b"2199"))
    assert service.json("drift").codes == {"drift.waiver-unsealed"}, "the list cannot stretch a waiver"


@pytest.mark.parametrize(
    ("path", "expires", "code"),
    [
        ("README.md", LATER, "drift.no-need"),
        ("ours.py", LATER, "drift.no-need"),
        ("Makefile", LATER, "drift.no-need"),
        ("../x", LATER, "drift.no-need"),
        ("Dockerfile", "2020-01-01", "input.time"),
        ("Dockerfile", "soon", "input.time"),
    ],
)
def test_a_waiver_that_is_refused_writes_nothing(service: Scratch, path: str, expires: str, code: str) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM gpu\n")
    before = service.snapshot()
    done = service.json("record", "waiver", path, "--owner", "me", "--reason", "why", "--expires", expires)
    assert (done.status, done.codes) == (2, {code})
    assert service.snapshot() == before


WAIVER = Waiver("a b/c", "0" * 64, 'an "owner"', "a \\ reason – ☃ 🚀", "2030-01-02T03:04:05Z")


def test_the_list_of_waivers_reads_back() -> None:
    other = WAIVER._replace(path="b")
    assert parse(write([other, WAIVER])) == {"a b/c": WAIVER, "b": other}
    assert parse(b"") == {}


GOOD = write([WAIVER])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[[waiver]]\n",
        b"waiver = 1\n",
        b"other = 1\n" + GOOD,
        GOOD.replace(b"owner", b"owners"),
        GOOD.replace(b"2030-01-02T03:04:05Z", b'"2030-01-02T03:04:05Z"'),
        GOOD.replace(b"2030-01-02T03:04:05Z", b"2030-01-02T03:04:05"),
        GOOD.replace(b"2030-01-02T03:04:05Z", b"2030-01-02"),
        GOOD.replace(b"a b/c", b"../c"),
        GOOD.replace(b"0000", b"000g"),
        GOOD + GOOD.partition(b"\n\n")[2],
    ],
)
def test_a_list_of_waivers_that_cannot_be_meant_is_refused(service: Scratch, data: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        parse(data)
    assert caught.value.code == "input.waivers"


def test_bad_waivers_end_in_one_sentence(service: Scratch) -> None:
    service.write("ops/trust/waivers.toml", b"[[waiver]]\n")
    done = service.json("drift")
    assert (done.status, done.codes) == (2, {"input.waivers"})


# ---------------------------------------------------------------- differences


def test_differences_come_from_git_without_network(service: Scratch) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM mine \x1b[31m\n")
    (service.root / "ops/x.sh").write_bytes(OLD["ops/x.sh"])
    done = service.run("drift", "--diff", PATH="/usr/bin:/bin", GIT_ALLOW_PROTOCOL="none")
    assert done.status == 1
    assert "-FROM new\n+FROM mine \\x1b[31m\n" in done.out
    assert "--- standard/ops/x.sh\n+++ ops/x.sh\n@@ -1 +1 @@\n-echo 2\n+echo 1\n" in done.out


# ---------------------------------------------------------------- the pure part


def test_a_decision_that_changes_no_file_keeps_the_manifest(service: Scratch) -> None:
    """The waiting receipt and the one that takes its place name the same blob."""
    store = Store(service.root)
    said = receipt.parse(generation(service.root, NEW, "v3", 3, (f"{2:040x}", "v2"))).predicate
    blob = str(said["manifest"]["sha256"])
    for path in (service.root / "ops/receipts/update").rglob("*.receipt"):
        if receipt.parse(path.read_bytes()).predicate == said:
            path.unlink()
    waiting = {**said, "conflicts": ["Dockerfile"]}
    store.write_receipt(receipt.build("update", [("my-svc", blob)], waiting))
    put(service.root, NEW, "v3")
    service.ok("record", "update", "--resolved")
    assert store.read_blob(blob)
    service.commit("decided")
    service.ok("seal")
    service.ok("drift")


@pytest.mark.reason("drift.waiver-expired")
def test_judging_is_pure() -> None:
    line = Line("a", "standard", "1" * 64, "1" * 64)
    stated = json.loads(
        generation_bytes := receipt.build(
            "spawn",
            [("my-svc", sha(manifests.write([line])))],
            {
                "recordedAt": rfc3339(NOW),
                "component": "my-svc",
                "layer": "k8s",
                "version": "0.1.0",
                "template": {"source": "gh:a/b", "commit": "0" * 40, "version": "v1"},
                "answers": {"path": ".copier-answers.k8s.yml", "sha256": "0" * 64},
                "manifest": manifests.stated(manifests.write([line])),
            },
        )
    )
    assert stated["predicate"]["manifest"]["files"] == 1
    from remembrancer.standard.drift import Generation

    one = Generation(receipt.parse(generation_bytes), 0, (line,))
    waiver = Waiver("a", NOTHING, "me", "why", rfc3339(NOW))
    table = [
        ("1" * 64, {}, (), Status.IDENTICAL, ""),
        ("", {}, (), Status.MISSING, "drift.missing"),
        ("2" * 64, {}, (), Status.CHANGED, "drift.changed"),
        ("", {"a": waiver}, (), Status.MISSING, "drift.waiver-unsealed"),
        ("", {"a": waiver}, (waiver,), Status.MISSING, "drift.waiver-expired"),
        ("2" * 64, {"a": waiver}, (waiver,), Status.CHANGED, "drift.waiver-expired"),
        ("1" * 64, {"a": waiver}, (), Status.IDENTICAL, ""),
    ]
    for found, listed, sealed, status, code in table:
        (file,) = judge([one], {"a": found}, listed, sealed, NOW).files
        assert (file.status, file.code) == (status, code)
    just_before = NOW - timedelta(seconds=1)
    (file,) = judge([one], {"a": ""}, {"a": waiver}, [waiver], just_before).files
    assert (file.status, file.code) == (Status.WAIVED, "")


BAD_MANIFESTS = [
    b"{}\n",
    b"[]\n",
    b"\xff\n",
    b'{"disk":"","owner":"standard","path":"../a","rendered":"' + b"1" * 64 + b'"}\n',
    b'{"disk":"","owner":"someone","path":"a","rendered":"' + b"1" * 64 + b'"}\n',
    b'{"disk":"","owner":"standard","path":"a","rendered":"1"}\n',
    b'{"disk": "","owner":"standard","path":"a","rendered":"' + b"1" * 64 + b'"}\n',
    b'{"disk":"","owner":"standard","path":"a","rendered":"' + b"1" * 64 + b'"}',
    (b'{"disk":"","owner":"standard","path":"a","rendered":"' + b"1" * 64 + b'"}\n') * 2,
    b"[" * 100_000 + b"\n",
]


@pytest.mark.parametrize("data", BAD_MANIFESTS)
def test_a_manifest_that_nobody_would_write_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        manifests.read(data, manifests.stated(data))
    assert caught.value.code == "receipt.manifest"


def test_a_manifest_of_another_root_is_refused() -> None:
    data = manifests.write([Line("a", "standard", "1" * 64, "")])
    said = manifests.stated(data)
    assert len(manifests.read(data, said)) == 1
    for wrong in ({**said, "files": 2}, {**said, "root": "0" * 64}):
        with pytest.raises(Rejected):
            manifests.read(data, wrong)


def test_a_template_s_tag_must_be_signed_where_the_policy_names_who_signs_templates(service: Scratch) -> None:
    change_policy(service, 'components = ["*"]', 'components = ["*", "templates"]')
    done = service.json("drift")
    assert (done.status, done.codes) == (1, {"sig.missing"}), done.out


# ---------------------------------------------------------------- a proof that a third party can check


@pytest.fixture
def outsider(service: Scratch) -> Iterator[tuple[Scratch, str]]:
    """Somebody with the files, the policy and the owner's fingerprint, but without ledger and receipts."""
    service.ok("drift", "--export", str(service.base / "standard.json"))
    with outside(service) as found:
        yield found


@contextmanager
def outside(service: Scratch) -> Iterator[tuple[Scratch, str]]:
    owner = service.json("trust", "show").report["data"]["owner"]
    other = service.copy()
    shutil.rmtree(other.root / "ops/receipts")
    shutil.rmtree(other.root / ".git")
    shutil.rmtree(other.home)
    other.home.mkdir()
    shutil.copytree(other.root / "ops/trust", other.base / "trust")
    (other.root / "ops/receipts").mkdir()
    yield other, owner
    other.remove()


def checked(outsider: tuple[Scratch, str], *more: str) -> Any:
    other, owner = outsider
    proof, policy = str(other.base / "standard.json"), str(other.base / "trust/policy.toml")
    return other.json("drift", "--proof", proof, "--policy", policy, "--trust", owner, *more)


def test_an_outsider_checks_the_standard_offline(outsider: tuple[Scratch, str]) -> None:
    done = checked(outsider)
    assert done.status == 0, done.out
    assert done.report["data"]["standards"][0]["template"]["version"] == "v2"
    assert any("only the ledger shows" in notice for notice in done.report["notices"])
    (outsider[0].root / "Dockerfile").write_bytes(b"FROM evil\n")
    done = checked(outsider)
    assert (done.status, done.codes) == (1, {"drift.changed"})


def test_the_proof_counts_only_under_the_owner_that_the_outsider_names(outsider: tuple[Scratch, str]) -> None:
    other, _ = outsider
    assert checked((other, "A" * 40)).codes == {"trust.policy-signature"}


def test_a_forged_proof_does_not_hold(outsider: tuple[Scratch, str]) -> None:
    other, _ = outsider
    path = other.base / "standard.json"
    good = path.read_text()
    path.write_text(good.replace("example.com/t.git", "evil.example/t.git"))
    assert checked(outsider).codes == {"log.not-included"}
    for bad in (good + " ", good.replace('"schema"', '"scheme"'), "[]", "{", re.sub(r"index \d", "index 0", good)):
        path.write_text(bad)
        done = checked(outsider)
        assert done.status in (1, 2)
        assert done.codes <= {"proof.malformed", "log.not-included"}
    document = json.loads(good)
    document["blobs"] = {}
    path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert checked(outsider).codes == {"blob.missing"}


def test_a_proof_holds_one_checkpoint_generations_and_blobs_by_their_names(service: Scratch) -> None:
    (service.root / "Dockerfile").write_bytes(b"FROM mine\n")
    service.run("drift", "--export", str(service.base / "old.json"))
    service.ok("record", "waiver", "Dockerfile", "--owner", "o", "--reason", "r", "--expires", LATER)
    service.run("drift", "--export", str(service.base / "new.json"))
    texts = [(service.base / name).read_bytes() for name in ("old.json", "new.json")]
    old, new = map(standard_proof.read, texts)
    _, entry = next(Ledger(service.root).entries())
    assert receipt.parse(entry).kind == "trust"
    foreign = old.items[0]._replace(receipt=entry)
    wrong = dict.fromkeys(new.blobs, b"other")
    for name, bad in {
        "two checkpoints": new._replace(items=(*old.items, *new.items)),
        "another kind": old._replace(items=(*old.items, foreign)),
        "another blob": new._replace(blobs=wrong),
    }.items():
        with pytest.raises(BadInput) as caught:
            standard_proof.read(standard_proof._encode(bad))
        assert caught.value.code == "proof.malformed", name


def test_a_proof_of_another_log_contradicts_what_was_seen_before(
    outsider: tuple[Scratch, str], service: Scratch
) -> None:
    """Both logs are signed by the same key, and each is right in itself."""
    other, _ = outsider
    for reason in ("first", "second"):
        copy = service.copy()
        (copy.root / "Dockerfile").write_bytes(b"FROM mine\n")
        copy.ok("record", "waiver", "Dockerfile", "--owner", "o", "--reason", reason, "--expires", LATER)
        copy.ok("drift", "--export", str(other.base / f"{reason}.json"))
        end_agents(copy)
        copy.remove()
    policy = str(other.base / "trust/policy.toml")
    seen, forged = (
        other.json("drift", "--proof", str(other.base / f"{one}.json"), "--policy", policy, "--trust", outsider[1])
        for one in ("first", "second")
    )
    assert (seen.codes & {"log.split-view"}, "log.split-view" in forged.codes) == (set(), True), forged.out


def test_between_a_seal_and_its_cosigning_an_export_shows_what_witnesses_have_seen(service: Scratch) -> None:
    lines = f'witnesses = """\nwitness w1 {WITNESS.verifier()}\nquorum w1\n"""\n\n[require]'
    change_policy(service, "[require]", lines)
    note = (ledger(service) / "checkpoint").read_bytes()
    text = note.decode().rpartition("\n\n")[0] + "\n"
    (ledger(service) / "checkpoint").write_bytes(add_signature(note, cosign(text, WITNESS, 1)))
    service.commit("witnessed")
    seen = Ledger(service.root).claimed()
    waive_here(service, b"FROM mine\n")
    newest = Ledger(service.root).claimed()
    assert seen is not None
    assert newest is not None
    assert newest.size > seen.size
    done = service.ok("drift", "--export", str(service.base / "standard.json"))
    assert f"up to size {seen.size}, which witnesses have seen" in done.err
    with outside(service) as found:
        answered = checked(found)
        assert (answered.status, answered.codes) == (1, {"drift.waiver-unsealed"}), (
            "the waiver is not in what they have seen"
        )
        assert f"up to size {seen.size};" in json.dumps(answered.report, ensure_ascii=False)
    update(service)  # a generation that nobody has seen is none
    assert service.json("drift", "--export", str(service.base / "standard.json")).codes >= {"log.unwitnessed"}


def test_an_export_takes_no_other_file_s_place(service: Scratch) -> None:
    before = (service.root / "ops/trust/policy.toml").read_bytes()
    done = service.json("drift", "--export", "ops/trust/policy.toml")
    assert (done.status, done.codes) == (2, {"input.file"})
    assert (service.root / "ops/trust/policy.toml").read_bytes() == before


def test_export_and_proof_exclude_each_other(service: Scratch) -> None:
    done = service.json("drift", "--export", "a", "--proof", "b")
    assert (done.status, done.codes) == (2, {"input.file"})


def test_a_manifest_reads_back_whatever_a_path_holds() -> None:
    lines = tuple(Line(path, "standard", "1" * 64, "") for path in sorted(["a b", 'q"uote', "ü/☃", "z'", "\u00a0x"]))
    data = manifests.write(reversed(lines))
    assert manifests.read(data, manifests.stated(data)) == lines
    spelled = data.replace(b"a b", b"a\\u0020b")
    with pytest.raises(Rejected):
        manifests.read(spelled, manifests.stated(spelled))


def contradict(service: Scratch) -> None:
    """Record an update whose receipt states another root than its manifest has."""
    store = Store(service.root)
    blob = manifests.write([Line("a", "standard", "1" * 64, "")])
    store.write_blob(blob)
    said = receipt.parse(newest(service).read_bytes()).predicate
    wrong = {**manifests.stated(blob), "root": "0" * 64}
    predicate = {**said, "recordedAt": rfc3339(NOW + timedelta(days=9)), "manifest": wrong}
    store.write_receipt(receipt.build("update", [("my-svc", sha(blob))], predicate))


def test_a_manifest_that_contradicts_its_receipt_is_not_sealed(service: Scratch) -> None:
    contradict(service)
    done = service.json("seal")
    assert done.status == 1
    assert done.report["data"]["refused"][0]["code"] == "receipt.manifest"


def test_a_manifest_that_was_sealed_all_the_same_is_noticed(service: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    contradict(service)
    with monkeypatch.context() as careless:
        careless.setattr("remembrancer.record.seal.manifests", SimpleNamespace(read=lambda *_: None))
        service.ok("seal")
    done = service.json("verify-audit")
    assert (done.status, "receipt.manifest" in done.codes) == (1, True)


# ---------------------------------------------------------------- a proof that proves nothing, or not the newest

THIRD = {**NEW, "Dockerfile": b"FROM three\n"}


def update(service: Scratch) -> None:
    """The third version, sealed and committed."""
    put(service.root, THIRD, "v3")
    generation(service.root, THIRD, "v3", 3, (f"{2:040x}", "v2"))
    service.ok("seal")
    service.commit("v3")


def waive_here(service: Scratch, content: bytes) -> None:
    (service.root / "Dockerfile").write_bytes(content)
    service.ok("record", "waiver", "Dockerfile", "--owner", "o", "--reason", "r", "--expires", LATER)
    service.commit("waived")


def change(outsider: tuple[Scratch, str], edit: Callable[[standard_proof.StandardProof], Any]) -> None:
    path = outsider[0].base / "standard.json"
    path.write_bytes(standard_proof._encode(edit(standard_proof.read(path.read_bytes()))))


def answer(outsider: tuple[Scratch, str]) -> tuple[int, set[str]]:
    """What the proof says; a key that must have signed the template's tag makes it no better."""
    done = checked(outsider)
    [key] = (outsider[0].base / "trust/keys").glob("*.asc")
    assert checked(outsider, "--template-key", str(key)).status == max(1, done.status)
    return done.status, done.codes


@pytest.fixture
def waived(service: Scratch) -> Iterator[tuple[Scratch, str]]:
    """What an outsider has of a log with a waiver before an update and two after it."""
    waive_here(service, b"FROM mine\n")
    update(service)
    for content in (b"FROM theirs\n", b"FROM ours\n"):
        waive_here(service, content)
    service.ok("drift", "--export", str(service.base / "standard.json"))
    with outside(service) as found:
        yield found


def test_a_proof_of_the_newest_generation_is_complete(waived: tuple[Scratch, str]) -> None:
    done = checked(waived)
    assert (done.status, done.codes) == (0, set()), done.out
    assert done.report["data"]["standards"][0]["template"]["version"] == "v3"


def test_a_waiver_alone_proves_nothing(waived: tuple[Scratch, str]) -> None:
    change(waived, lambda proof: proof._replace(items=proof.items[:1], following=None))
    assert answer(waived) == (1, {"drift.unrecorded", "proof.incomplete"})
    shutil.rmtree(waived[0].root)
    (waived[0].root / "ops/receipts").mkdir(parents=True)
    assert answer(waived) == (1, {"drift.unrecorded", "proof.incomplete"})


def test_a_proof_without_what_follows_leaves_open_what_is_the_newest(waived: tuple[Scratch, str]) -> None:
    other, _ = waived
    (other.root / "Dockerfile").write_bytes(THIRD["Dockerfile"])
    change(waived, lambda proof: proof._replace(following=None))
    done = checked(waived)
    assert (done.status, done.codes) == (3, {"proof.incomplete"}), done.out


def test_no_entry_can_be_left_out(waived: tuple[Scratch, str]) -> None:
    path = waived[0].base / "standard.json"
    kept = path.read_bytes()
    whole = standard_proof.read(kept)
    assert whole.following is not None
    first, *rest = whole.following
    for following in ((first,), rest, (), (first, *rest, first), (*rest, first), (whole.items[0].receipt, *rest)):
        change(waived, lambda proof, following=following: proof._replace(following=tuple(following)))
        done = checked(waived)
        assert (done.status, done.codes) == (1, {"log.not-included"}), len(following)
        path.write_bytes(kept)


def test_what_follows_a_later_receipt_completes_no_older_generation(waived: tuple[Scratch, str], made: Scratch) -> None:
    """The newest generation lies between the one that is shown and the entries that follow."""
    service = made.copy()
    try:
        update(service)
        waive_here(service, b"FROM ours\n")
        policy = policies.parse((service.root / "ops/trust/policy.toml").read_bytes())
        log = Ledger(service.root)
        view = open_log(log.checkpoint() or b"", log.read, policy)
        recorded = read_log(log.read, view.size, view.root)
        shown = [pair for pair in recorded.receipts if pair[0].kind == "waiver" or "v2" in pair[0].data.decode()][::2]
        assert [one.kind for one, _ in shown] == ["update", "waiver"]
        items = tuple(
            standard_proof.Item(one.data, InclusionBundle(index, tuple(proof_of(view, index)), view.data).format())
            for one, index in shown
        )
        following = tuple(entry for _, entry in log.entries(shown[-1][1] + 1))
        for chosen in (items, items[1:]):
            with pytest.raises(Rejected) as caught:
                standard_proof.StandardProof(chosen, {}, following).recorded(policy)
            assert caught.value.code == "proof.incomplete"
    finally:
        end_agents(service)
        service.remove()


def test_another_layer_s_proof_is_none_of_this_one(outsider: tuple[Scratch, str]) -> None:
    (outsider[0].root / ".copier-answers.k8s.yml").write_text("_commit: v1\n_src_path: x\nlayer: k8s\n")
    assert answer(outsider) == (1, {"drift.unrecorded"})


def test_a_proof_of_another_version_than_the_answers_say(outsider: tuple[Scratch, str]) -> None:
    put(outsider[0].root, NEW, "v9")
    assert answer(outsider) == (1, {"drift.unrecorded", "drift.changed"})


def test_the_log_s_order_rules_and_not_a_receipt_s_own_clock(tmp_path: Path) -> None:
    """A generation that says it is of next year is the newest until the next one is sealed, and no longer."""
    ahead = generation(tmp_path, NEW, "v2", 400, (f"{1:040x}", "v1"))
    later = generation(tmp_path, THIRD, "v3", 3, (f"{400:040x}", "v2"))
    other = next(one for n in range(99) if sha(one := generation(tmp_path, OLD, f"v{n}", n, layer="k8s")) < sha(ahead))

    def versions(*entries: bytes) -> list[str]:
        sifted = Sifted()
        for index, entry in enumerate(entries):
            sifted.see(index, entry)
        found = Recorded(sifted.found(), len(entries), sifted.seals).generations(Repository(tmp_path).blob)
        return [one.version for one in found if one.layer == "fastapi-service"]

    assert versions(ahead, other, later) == ["v2", "v3"]
    first = generation(tmp_path, OLD, "v1", 1)
    same = sorted((first, generation(tmp_path, NEW, "v2", 2, (f"{1:040x}", "v1"))), key=sha)
    assert versions(*same) == ["v1", "v2"], "inside of one seal the digests order the leaves, so the clock is asked"
