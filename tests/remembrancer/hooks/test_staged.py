"""The checks before a commit, over Git's index: what passes, what is refused, and what is said to do instead."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, ledger, new_key, new_scratch, release, released
from ledger_world import deploy, signed
from production_support import authority_options
from receipt_samples import statement
from remembrancer.clock import rfc3339
from remembrancer.errors import EnvironmentTrouble
from remembrancer.hooks.staged import Staged
from remembrancer.ledger import Ledger
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.manifest import Line
from remembrancer.receipt.statement import build, encode, parse, relative_path
from remembrancer.repository.store import Store

WRITTEN = ("--context", "A.", "--decision", "B.", "--consequences", "C.", "--verification", "`make test`")
ADR = "ops/receipts/adr/ADR-001-use-x.md"
RECEIPT = "ops/receipts/deploy/my-svc-0.1.0.receipt"
NOTE = "ops/receipts/ledger/checkpoint"


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = released()
    scratch.ok("adr", "create", "Use X", *WRITTEN)
    scratch.ok("adr", "accept", "1")
    scratch.commit("decide")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def checked(scratch: Scratch, name: str = "pre-commit", *, stage: bool = True) -> tuple[int, str]:
    if stage:
        scratch.git("add", "-A")
    done = scratch.run("hook", name)
    assert done.out == ""
    return done.status, done.err


def test_everything_that_the_commands_write_passes() -> None:
    """From the first commit on, with and without a parent."""
    scratch = new_scratch()
    try:
        assert checked(scratch) == (0, "")
        scratch.ok("init", "--dev", "--component", "my-svc")
        scratch.ok("adr", "create", "Use X", *WRITTEN)
        scratch.ok("adr", "create", "Undecided")
        scratch.ok("adr", "accept", "1")
        assert checked(scratch) == (0, "")
        scratch.commit("init")
        release(scratch)
        assert checked(scratch) == (0, "")
        shutil.rmtree(scratch.root / ".git")
        scratch.git("init", "-q", "-b", "main")
        assert checked(scratch) == (0, "")
        scratch.commit("all at once")
        assert checked(scratch) == (0, "")
    finally:
        end_agents(scratch)
        scratch.remove()


def edit(path: str, change: Callable[[bytes], bytes]) -> Callable[[Scratch], None]:
    def act(scratch: Scratch) -> None:
        file = scratch.root / path
        file.write_bytes(change(file.read_bytes()))

    return act


def remove(path: str) -> Callable[[Scratch], None]:
    return lambda scratch: (scratch.root / path).unlink()


def link(path: str) -> Callable[[Scratch], None]:
    def act(scratch: Scratch) -> None:
        (scratch.root / path).unlink()
        (scratch.root / path).symlink_to("/etc/hostname")

    return act


def blob(scratch: Scratch) -> str:
    return f"ops/receipts/blobs/{sorted((scratch.root / 'ops/receipts/blobs').iterdir())[0].name}"


def new_receipt(data: bytes, path: str = "") -> Callable[[Scratch], None]:
    return lambda scratch: scratch.write(f"{RECEIPTS}/{path or relative_path(parse(data))}", data) and None


def held(scratch: Scratch) -> None:
    waiting = statement("update")
    waiting["predicate"]["conflicts"] = ["README.md"]
    waiting["predicate"].pop("resolvedAt", None)
    new_receipt(encode(waiting))(scratch)


def moved(scratch: Scratch) -> None:
    (scratch.root / "ops/receipts/old").mkdir()
    (scratch.root / RECEIPT).rename(scratch.root / "ops/receipts/old/my-svc-0.1.0.receipt")


def archive(scratch: Scratch, *, note: bool) -> None:
    """Move the receipt into an archive, as closing a development ledger does together with the ledger."""
    old = scratch.root / "ops/receipts/archive/aa"
    (old / "deploy").mkdir(parents=True)
    (scratch.root / RECEIPT).rename(old / "deploy/my-svc-0.1.0.receipt")
    if note:
        ledger(scratch).rename(old / "ledger")


def answers(version: str) -> str:
    return f"_commit: {version}\n_src_path: https://example.org/t.git\nlayer: k8s\ncomponent: my-svc\n"


def template_commit(scratch: Scratch) -> None:
    scratch.write(".copier-answers.k8s.yml", answers("v9.9.9"))


def named_file(scratch: Scratch) -> None:
    scratch.write("bom.json", "{}\n")
    (scratch.root / "dist/my-svc-0.2.0.tar.gz").write_bytes(b"x")
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0", "--sbom", "bom.json")
    scratch.write("bom.json", "{ }\n")


def put(path: str, text: str) -> Callable[[Scratch], None]:
    def act(scratch: Scratch) -> None:
        scratch.write(path, text)

    return act


def renamed(scratch: Scratch) -> None:
    (scratch.root / ADR).rename(scratch.root / ADR.replace("use-x", "use-y"))


def copied(name: str, number: bytes) -> Callable[[Scratch], None]:
    def act(scratch: Scratch) -> None:
        scratch.write(f"ops/receipts/adr/{name}", (scratch.root / ADR).read_bytes().replace(b"001", number))

    return act


OTHER, OTHER_PATH = deploy("7.0.0"), "deploy/my-svc-7.0.0.receipt"
REFUSED = [
    ("receipt edited", edit(RECEIPT, lambda data: data.replace(b"my-svc", b"my-sv1")), "receipt.edited"),
    ("receipt removed", remove(RECEIPT), "receipt.edited"),
    ("receipt becomes a link", link(RECEIPT), "receipt.edited"),
    ("receipt moved", moved, "receipt.edited"),
    ("blob edited", lambda scratch: edit(blob(scratch), lambda data: data + b"x")(scratch), "receipt.edited"),
    ("blob removed", lambda scratch: remove(blob(scratch))(scratch), "receipt.edited"),
    ("receipt that is none", new_receipt(b"{}\n", "deploy/x-1.receipt"), "receipt.malformed"),
    ("receipt of no kind", new_receipt(OTHER.replace(b"receipt/deploy", b"receipt/x"), OTHER_PATH), "receipt.kind"),
    ("receipt in another encoding", new_receipt(OTHER.replace(b"  ", b" "), OTHER_PATH), "receipt.malformed"),
    ("receipt elsewhere", new_receipt(OTHER, "deploy/my-svc-8.0.0.receipt"), "receipt.path"),
    ("blob of other bytes", put(f"ops/receipts/blobs/{'a' * 64}", "x"), "blob.mismatch"),
    ("blob of no name", put("ops/receipts/blobs/x", "x"), "blob.mismatch"),
    ("blob not staged", new_receipt(signed("ab" * 32)), "blob.missing"),
    ("update that waits", held, "receipt.held"),
    ("template without its receipt", template_commit, "receipt.unrecorded"),
    ("named file is another", named_file, "receipt.named-file"),
    ("archive without its ledger", lambda scratch: archive(scratch, note=False), "receipt.edited"),
    ("decision edited", edit(ADR, lambda data: data + b"more\n"), "adr.edited"),
    ("decision removed", remove(ADR), "adr.edited"),
    ("status set by hand", edit(ADR, lambda data: data.replace(b": Accepted", b": Rejected")), "adr.edited"),
    ("decision renamed", renamed, "adr.edited"),
    ("decision without a receipt", copied("ADR-002-use-y.md", b"002"), "adr.unrecorded"),
    ("number twice", copied("ADR-001-use-y.md", b"001"), "adr.number"),
    ("a draft without its form", put("ops/receipts/adr/ADR-002-y.md", "# Y\n"), "adr.form"),
    ("another name", put("ops/receipts/adr/0002-y.md", "# Y\n"), "adr.form"),
    ("checkpoint removed", remove(NOTE), "log.missing"),
    ("ledger removed", lambda scratch: shutil.rmtree(ledger(scratch)), "log.missing"),
    ("checkpoint edited", edit(NOTE, lambda data: re.sub(rb"\n[0-9]+\n", b"\n1\n", data, count=1)), "log.checkpoint"),
    ("checkpoint is noise", edit(NOTE, lambda _: b"\xff\n\n"), "log.checkpoint"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "act", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_what_to_do(scratch: Scratch, what: str, act: Callable[[Scratch], None], code: str) -> None:
    act(scratch)
    status, said = checked(scratch)
    assert status == 1
    assert f"[{code}]" in said
    assert "\n  " in said
    assert "Traceback" not in said
    scratch.git("reset", "-q", "--hard")
    scratch.git("clean", "-fdq", "ops", ".copier-answers.k8s.yml")
    assert checked(scratch) == (0, "")


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("app/main.py", "a = 1\n<<<<<<< before updating\na = 2\n=======\na = 3\n>>>>>>> after updating\n", "main.py:2"),
        ("app/main.py.rej", "@@ -1 +1 @@\n", "main.py.rej"),
    ],
)
def test_the_rest_of_a_merge_is_refused(scratch: Scratch, path: str, text: str, named: str) -> None:
    scratch.write(path, text)
    status, said = checked(scratch, "no-conflict-markers")
    assert (status, "[commit.markers]" in said, named in said) == (1, True, True), said
    scratch.git("rm", "-qf", path)
    assert checked(scratch, "no-conflict-markers", stage=False) == (0, "")


def test_closing_a_development_ledger_passes(scratch: Scratch) -> None:
    archive(scratch, note=True)
    assert checked(scratch) == (0, "")
    scratch.commit("close")
    (scratch.root / "ops/receipts/archive/aa/deploy/my-svc-0.1.0.receipt").write_text("{}")
    assert "[receipt.edited]" in checked(scratch)[1]


def test_only_the_index_counts(scratch: Scratch) -> None:
    (scratch.root / RECEIPT).write_text("{}")
    assert checked(scratch, stage=False) == (0, "")
    scratch.git("add", RECEIPT)
    scratch.git("restore", RECEIPT, "--source", "HEAD")
    assert checked(scratch, stage=False)[0] == 1


def test_a_fork_a_rollback_and_what_is_half_staged(scratch: Scratch) -> None:
    base = scratch.git("rev-parse", "HEAD")
    (scratch.root / ARTIFACT).with_name("my-svc-0.2.0.tar.gz").write_bytes(b"two")
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0")
    half = checked(scratch, stage=False)
    assert half == (0, "")
    scratch.git("add", "ops/receipts/ledger")
    status, said = checked(scratch, "check-ledger", stage=False)
    assert status == 1
    assert "[receipt.missing]" in said
    assert "git add ops/receipts/deploy/my-svc-0.2.0.receipt" in said
    assert checked(scratch) == (0, "")
    one = scratch.commit("one")
    # back to a smaller ledger
    scratch.git("rm", "-rq", "ops/receipts/ledger")
    scratch.git("checkout", base, "--", "ops/receipts/ledger")
    assert "[log.rollback]" in checked(scratch)[1]
    # another ledger of the same key
    scratch.git("reset", "-q", "--hard", base)
    for path in (scratch.home / ".local/state/remembrancer").glob("checkpoints/**/*"):
        if path.is_file():
            path.unlink()
    scratch.ok(
        "record", "deploy", "--component", "other", "--version", "0.2.0", "--evidence", "dist/my-svc-0.2.0.tar.gz"
    )
    scratch.commit("two")
    scratch.git("update-ref", "HEAD", one)
    assert "[log.split-view]" in checked(scratch, "check-ledger", stage=False)[1]


def test_a_merge_leaves_no_signed_side_behind(scratch: Scratch) -> None:
    base = scratch.git("rev-parse", "HEAD")
    for component in ("left", "right"):
        scratch.git("checkout", "-q", "-b", component, base)
        (scratch.root / "ops/receipts/.local/index.sqlite").unlink(missing_ok=True)
        for path in (scratch.home / ".local/state/remembrancer").glob("checkpoints/**/*"):
            if path.is_file():
                path.unlink()
        scratch.ok("record", "deploy", "--component", component, "--version", "1.0.0", "--evidence", ARTIFACT)
        scratch.commit(component)
        scratch.git("update-ref", f"refs/hidden/{component}", "HEAD")
        scratch.git("checkout", "-q", "--detach")
        scratch.git("branch", "-q", "-D", component)  # the other side's seal is not to be seen
    for component in ("left", "right"):
        scratch.git("checkout", "-q", "-b", component, f"refs/hidden/{component}")
    done = scratch.run("hook", "pre-commit")
    assert done.status == 0
    merged = subprocess.run(
        ["git", "-C", str(scratch.root), "merge", "-q", "left"],
        env=scratch.environment(),
        capture_output=True,
        check=False,
    )
    assert merged.returncode == 1
    for side in ("--ours", "--theirs"):
        other = "left" if side == "--theirs" else "right"
        scratch.git("rm", "-rqf", "--cached", "ops/receipts/ledger")
        shutil.rmtree(ledger(scratch))
        scratch.git("checkout", other, "--", "ops/receipts/ledger")
        status, said = checked(scratch, "check-ledger")
        assert (status, "[log.split-view]" in said) == (1, True), said
        assert "git rebase" in said
    scratch.git("checkout", base, "--", "ops/receipts/ledger")
    assert "[log." in checked(scratch)[1]


@pytest.mark.parametrize("commit", ["HEAD", "MERGE_HEAD"])
def test_a_merge_may_leave_a_side_behind_that_the_log_s_key_did_not_sign(scratch: Scratch, commit: str) -> None:
    scratch.git("checkout", "-q", "-b", "other")
    note = (scratch.root / NOTE).read_bytes()
    (scratch.root / NOTE).write_bytes(note.replace(note.split(b"\n")[2], b"A" * 43 + b"="))
    scratch.commit("somebody else's")
    scratch.git("checkout", "-q", "main")
    scratch.commit("ours")
    scratch.git("checkout", "-q", "main" if commit == "MERGE_HEAD" else "other")
    scratch.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "other" if commit == "MERGE_HEAD" else "main")
    scratch.git("checkout", "main", "--", "ops/receipts/ledger")
    assert checked(scratch, "check-ledger") == (0, "")


LEDGER_FILES = [
    ("tile removed", "tile/0", "log.missing"),
    ("entries edited", "tile/entries", "log."),
    ("stamp removed", "timestamps", "log.stamp"),
]


@pytest.mark.parametrize(("what", "folder", "code"), LEDGER_FILES, ids=[row[0] for row in LEDGER_FILES])
def test_committed_ledger_files_stay(scratch: Scratch, what: str, folder: str, code: str) -> None:
    file = sorted(path for path in (ledger(scratch) / folder).rglob("*") if path.is_file())[0]
    if "removed" in what:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b"\x00\x01x")
    status, said = checked(scratch, "check-ledger")
    assert status == 1
    assert code in said


@pytest.mark.parametrize("path", [NOTE, "ops/receipts/ledger/tile/0/000.p/6", "ops/receipts/ledger/timestamps/6.note"])
def test_a_ledger_s_files_are_no_links(scratch: Scratch, path: str) -> None:
    """A link's target may be any text, so that the bytes in the index are right and no checkout can read them."""
    path = path.replace("6", str(len(list(Ledger(scratch.root).entries()))))
    scratch.git("rm", "-r", "-q", "--cached", "ops/receipts/ledger")
    scratch.git("commit", "-q", "-m", "none")
    assert checked(scratch)[0] == 0
    blob = scratch.git("rev-parse", f":{path}")
    scratch.git("update-index", "--cacheinfo", f"120000,{blob},{path}")
    status, said = checked(scratch, stage=False)
    assert (status, f"{path} is not a regular file [input.file]" in said) == (1, True), said


def test_what_is_staged_is_what_was_sealed(scratch: Scratch) -> None:
    """Another deploy receipt of the same version is whole in itself, and lies in the same place."""
    scratch.write("dist/next.tar.gz", b"next\n")
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0", "--evidence", "dist/next.tar.gz")
    assert checked(scratch) == (0, "")
    path = "ops/receipts/deploy/my-svc-0.2.0.receipt"
    sealed = parse((scratch.root / path).read_bytes())
    subject = [(one.name, one.sha256) for one in sealed.subject]
    scratch.write(path, build("deploy", subject, {**sealed.predicate, "recordedBy": "somebody else"}))
    status, said = checked(scratch)
    assert (status, f"{path}: has other bytes than those that were sealed [receipt.edited]" in said) == (1, True), said


def test_a_template_commit_with_its_receipt_passes(scratch: Scratch) -> None:
    spawned = statement("spawn")
    said = spawned["predicate"]
    text = answers(said["template"]["version"]).replace("k8s", said["layer"])
    name = {"fastapi-service": ".copier-answers.yml"}.get(said["layer"], f".copier-answers.{said['layer']}.yml")
    said["answers"] = {"path": name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    said["template"].pop("tagSignature", None)
    text = text.replace("https://example.org/t.git", said["template"]["source"])
    said["answers"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    blob = manifests.write([Line("Makefile", "standard", "0" * 64, "0" * 64)])
    said["manifest"] = manifests.stated(blob)
    spawned["subject"][0]["digest"]["sha256"] = Store(scratch.root).write_blob(blob)
    scratch.write(name, text)
    new_receipt(encode(spawned))(scratch)
    assert checked(scratch) == (0, "")
    scratch.write(name, text.replace("component: my-svc", "component: my-sv2"))
    assert "[receipt.named-file]" in checked(scratch)[1]
    scratch.write(name, text)
    scratch.commit("spawn")
    scratch.write(name, text.replace("_src_path: https://", "_src_path: https://token@"))
    assert checked(scratch) == (0, ""), "how the source is asked is no other source"
    for source in ("https://evil.example/t.git", "/tmp/t", "git@example.org:t.git", "gh:evil/t"):
        scratch.write(name, text.replace(said["template"]["source"], source))
        status, told = checked(scratch)
        assert (status, "[receipt.source]" in told) == (1, True), told


def test_a_source_without_an_address_is_bound_by_its_text(scratch: Scratch) -> None:
    """A receipt names no path of anybody's machine, so `local:NAME` stands for any clone of that name."""
    spawned = statement("spawn")
    said = spawned["predicate"]
    name, layer = ".copier-answers.k8s.yml", "k8s"
    said["layer"], said["template"]["source"] = layer, "local:templates"
    said["template"].pop("tagSignature", None)
    text = answers(said["template"]["version"]).replace("https://example.org/t.git", "git+local:templates")
    said["answers"] = {"path": name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    blob = manifests.write([Line("Makefile", "standard", "0" * 64, "0" * 64)])
    said["manifest"] = manifests.stated(blob)
    spawned["subject"][0]["digest"]["sha256"] = Store(scratch.root).write_blob(blob)
    scratch.write(name, text)
    new_receipt(encode(spawned))(scratch)
    assert checked(scratch) == (0, "")
    scratch.commit("spawn")
    scratch.write(name, text.replace("component: my-svc", "component: my-sv2"))
    assert checked(scratch) == (0, ""), "an answer is not the source"
    for source in ("/tmp/templates", "git+file:///tmp/templates", "./templates", "local:templates", "../x/templates"):
        scratch.write(name, text.replace("git+local:templates", source))
        status, told = checked(scratch)
        assert (status, "[receipt.source]" in told) == (1, True), (source, told)


def take(scratch: Scratch, kind: str) -> Path:
    """Return the one receipt of a kind that HEAD does not have."""
    new = scratch.git("ls-files", "--others", "--", f"ops/receipts/{kind}").splitlines()
    [path] = [path for path in new if path.endswith(".receipt")]
    return scratch.root / path


@pytest.mark.parametrize("days", [2, 400])
def test_a_receipt_that_is_ahead_of_the_present_is_refused_before_it_is_committed(scratch: Scratch, days: int) -> None:
    said = statement("waiver")
    said["predicate"]["recordedAt"] = rfc3339(datetime.now(UTC) + timedelta(days=days))
    new_receipt(encode(said))(scratch)
    status, told = checked(scratch, "check-receipts")
    assert (status, "[receipt.future]" in told) == (1, True), told
    scratch.commit("all the same")
    refused = scratch.json("seal").report["data"]["refused"]
    assert [one["code"] for one in refused] == ["receipt.future"]
    said["predicate"]["recordedAt"] = rfc3339(datetime.now(UTC) + timedelta(hours=20))
    new_receipt(encode(said))(scratch)
    assert checked(scratch, "check-receipts") == (0, "")


def test_a_signature_that_the_seal_refuses_is_refused_before_it_is_committed(scratch: Scratch) -> None:
    key = new_key(scratch, "Stranger <stranger@example.invalid>")
    scratch.ok("sign", "--no-seal", ARTIFACT)
    path = take(scratch, "sign")
    good = parse(path.read_bytes())
    for change, code in (({"fingerprint": key}, "sig.untrusted-key"), ({"signature": ""}, "sig.bad")):
        path.unlink(missing_ok=True)
        blob = Store(scratch.root).write_blob(b"no signature") if "signature" in change else good.predicate["signature"]
        predicate = {**good.predicate, **change, "signature": blob}
        new_receipt(build("sign", [(one.name, one.sha256) for one in good.subject], predicate))(scratch)
        status, told = checked(scratch, "check-receipts")
        assert (status, f"[{code}" in told or "[sig." in told) == (1, True), told
        path = take_staged(scratch, "sign")


def take_staged(scratch: Scratch, kind: str) -> Path:
    [path] = scratch.git("diff", "--cached", "--name-only", "--diff-filter=A", "--", f"ops/receipts/{kind}").split()
    return scratch.root / path


def test_what_was_never_sealed_can_be_taken_away_again_and_nothing_else(scratch: Scratch) -> None:
    scratch.ok("sign", "--no-seal", ARTIFACT)
    scratch.commit("pending")
    names = scratch.git("diff", "--name-only", "--diff-filter=A", "HEAD~1", "--", "ops/receipts").split()
    for name in names:
        (scratch.root / name).unlink()
    assert any("/blobs/" in name for name in names)
    assert checked(scratch) == (0, ""), names
    sealed = scratch.git("ls-files", "ops/receipts/sign").split()[0]
    kept = [name for name in names if name.endswith(".receipt")]
    scratch.git("restore", "--source=HEAD", "--staged", "--worktree", "--", *kept)
    status, told = checked(scratch, "check-receipts")
    assert (status, "blobs/" in told) == (1, True), "a blob that is still named stays"
    for name in kept:
        (scratch.root / name).unlink()
    (scratch.root / sealed).unlink(missing_ok=True)
    status, told = checked(scratch, "check-receipts")
    assert (status, "[receipt.edited]" in told, sealed in told) == (1, True, True), told


def test_below_the_top_of_the_repository(original: Scratch) -> None:
    """A service in a folder of a larger repository, and Git's own environment of a hook."""
    scratch = original.copy()
    try:
        shutil.rmtree(scratch.root / ".git")
        inner = scratch.root / "services/a"
        inner.mkdir(parents=True)
        for name in ("ops", "dist"):
            (scratch.root / name).rename(inner / name)
        scratch.git("init", "-q", "-b", "main")
        scratch.commit("all")
        (inner / RECEIPT).unlink()
        scratch.git("add", "-A")
        assert scratch.run("hook", "pre-commit").status == 0
        index = {"GIT_INDEX_FILE": ".git/index"}
        done = scratch.run("hook", "pre-commit", "--root", "services/a", **index)
        assert done.status == 1
        assert RECEIPT in done.err
    finally:
        scratch.remove()


def test_git_that_fails_is_no_consent(scratch: Scratch) -> None:
    assert scratch.run("hook", "pre-commit", GIT_DIR="/nonexistent").status == 4
    assert scratch.run("hook", "pre-commit", PATH="/nonexistent").status == 4
    assert scratch.run("hook", "pre-commit", "--root", "nowhere").status == 2


def test_names_from_the_index_cannot_reach_the_terminal(scratch: Scratch) -> None:
    scratch.write("ops/receipts/deploy/\x1b[31mred.receipt", "{}")
    status, said = checked(scratch)
    assert status == 1
    assert "\x1b" not in said


def test_a_thousand_refusals_are_not_a_thousand_lines(scratch: Scratch) -> None:
    for number in range(60):
        scratch.write(f"ops/receipts/blobs/{number}", "x")
    said = checked(scratch)[1]
    assert len(said.splitlines()) <= 45
    assert "more" in said.splitlines()[-1]


def test_beginning_production_passes(scratch: Scratch) -> None:
    """What `init --production` moves and begins anew is one commit that the hooks let through; a second try is not."""
    owner = new_key(scratch, "Owner <owner@example.org>")
    scratch.ok(
        *("init", "--production", "--component", "my-svc", "--domain", "example.org", "--owner", owner),
        *("--signer", owner, "--log-key-file", str(scratch.home / "log.key"), *authority_options(scratch)),
    )
    assert not (scratch.root / RECEIPT).exists()
    assert checked(scratch) == (0, "")
    scratch.commit("production")
    (archived,) = (scratch.root / "ops/receipts/archive").rglob("my-svc-0.1.0.receipt")
    archived.unlink()
    assert "[receipt.edited]" in checked(scratch)[1]
    scratch.git("reset", "-q", "--hard")
    (scratch.root / "ops/receipts/archive/bb").mkdir()
    ledger(scratch).rename(scratch.root / "ops/receipts/archive/bb/ledger")
    status, said = checked(scratch)
    assert status == 1
    assert "[log.missing]" in said


def test_outside_of_a_repository_the_reason_is_that(tmp_path: Path) -> None:
    with Staged(str(tmp_path)) as staged, pytest.raises(EnvironmentTrouble) as caught:
        staged.changes("ops/receipts")
    assert (caught.value.code, caught.value.message) == ("env.git", f"{tmp_path} is not inside a Git repository")
