"""A commit is read out of a mirror without a checkout, and what somebody made by hand is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora.foreign.objects import Objects, Tree, borrow
from aurora.foreign.unpack import NOWHERE, compared, unpack
from collection import git
from fleet_world import tree_of
from remembrancer.errors import RemembrancerError
from remembrancer.receipt.manifest import Line
from remembrancer.standard.drift import Generation


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "r")
    return tmp_path / "r"


@pytest.fixture
def objects(repository: Path) -> Iterator[Objects]:
    borrow(repository.parent / "git", repository / ".git", 40 * "0")
    with Objects(repository.parent / "git") as found:
        yield found


def commit(repository: Path, tree: str) -> str:
    return git(repository, "commit-tree", tree, "-m", "x")


def blob(repository: Path, data: bytes = b"x") -> str:
    (repository / "data").write_bytes(data)
    return git(repository, "hash-object", "-w", "data")


def test_files_folders_and_links_are_told_apart(repository: Path, objects: Objects, tmp_path: Path) -> None:
    oid = blob(repository)
    deep = tree_of(
        repository, [("100644", "policy.toml", oid), ("120000", "link", oid), ("160000", "module", 40 * "a")]
    )
    ops = tree_of(repository, [("120000", "receipts", oid), ("100755", "run", oid), ("40000", "trust", deep)])
    root = tree_of(repository, [("100644", ".copier-answers.yml", oid), ("40000", "ops", ops)])
    tree = Tree(objects, commit(repository, root))
    assert tree.seconds > 1_500_000_000
    assert tree.read("ops/trust/policy.toml", 10) == b"x"
    for absent in ("ops", "ops/trust/link", "ops/trust/policy.toml/x", "none/x"):
        assert tree.read(absent, 10) is None
    target = tmp_path / "target"
    target.mkdir()
    unpack(tree, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*")}
    assert found == {
        *(".copier-answers.yml", "ops", "ops/receipts", "ops/trust"),
        *("ops/trust/link", "ops/trust/module", "ops/trust/policy.toml"),
    }
    assert [str(path.readlink()) for path in (target / "ops/receipts", target / "ops/trust/link")] == [NOWHERE] * 2
    files = compared(tree)
    paths = ("ops/run", "ops/trust/link", "ops/receipts/x", "ops/trust/module", "ops/trust", "none", "ops/run/x")
    one = Generation(None, 0, tuple(Line(path, "standard", "", "") for path in paths))  # type: ignore[arg-type]
    digests = files.digests([one])
    assert {path: digest for path, digest in digests.items() if len(digest) != 64} == {
        **dict.fromkeys(("ops/trust/link", "ops/receipts/x", "ops/trust/module", "ops/trust"), "irregular"),
        **dict.fromkeys(("none", "ops/run/x"), ""),
    }
    assert files.runnable([one]) == {"ops/run"}


def test_what_somebody_made_by_hand_is_refused(repository: Path, objects: Objects) -> None:
    oid = blob(repository)
    for entries, more in (
        ([("100644", "", oid)], b""),
        ([("100644", ".", oid)], b""),
        ([("100644", "a/b", oid)], b""),
        ([("40000", ".GIT", oid)], b""),
        ([("100644", "a" * 256, oid)], b""),
        ([("100644", "a", oid), ("100755", "a", oid)], b""),
        ([], b"100644 cut\0abc"),
        ([], b"nonsense"),
    ):
        with pytest.raises(RemembrancerError) as caught:
            Tree(objects, commit(repository, tree_of(repository, entries, more))).entry("x")
        assert caught.value.code == "fleet.tree"
    confused = tree_of(repository, [("40000", "file", oid), ("100644", "folder", tree_of(repository, []))])
    tree = Tree(objects, commit(repository, confused))
    for path in ("file/x", "folder"):
        with pytest.raises(RemembrancerError, match="is not a"):
            tree.read(path, 10)
    (repository / "raw").write_bytes(b"no tree\n\n")
    bare = git(repository, "hash-object", "-w", "-t", "commit", "--literally", "raw")
    with pytest.raises(RemembrancerError, match="no tree"):
        Tree(objects, bare).entry("x")
    assert Tree(objects, bare).seconds == 0


def test_what_is_too_large_or_absent_is_named_and_the_rest_is_still_read(repository: Path, objects: Objects) -> None:
    large, small = blob(repository, b"x" * 1_000_000), blob(repository)
    with pytest.raises(RemembrancerError, match="has 1000000 bytes"):
        objects.read(large, "blob", 1000)
    assert objects.read(small, "blob") == b"x"
    with pytest.raises(RemembrancerError, match="was not fetched"):
        objects.read(40 * "a", "blob")
    assert objects.sha256(small).startswith("2d711642b726")
    root = tree_of(repository, [("100644", "x", small)])
    for _ in range(70):
        root = tree_of(repository, [("40000", "d", root)])
    with pytest.raises(RemembrancerError) as caught:
        list(Tree(objects, commit(repository, root)).walk(""))
    assert caught.value.code == "fleet.oversized"


def test_git_that_ends_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    with Objects(tmp_path / "git") as objects, pytest.raises(RemembrancerError) as caught:
        objects.read(40 * "a", "blob")
    assert caught.value.code == "env.git"
