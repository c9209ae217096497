"""A repository without a service at its top is named, and where in it one seems to be."""

from pathlib import Path

import pytest

from aurora.fleet import top
from aurora.fleet.audit import audit
from aurora.fleet.listed import Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.status import status
from aurora.foreign.objects import Objects, Tree, borrow
from collection import commit_all, git
from fleet_world import Desk, tree_of
from remembrancer.errors import Unverifiable

ANSWERS = ".copier-answers.yml"
HERE = "there is no service at the top of the repository"


def looked(desk: Desk, *files: str) -> tuple[str, str, str]:
    """Publish a repository of these files; return verdict, code and message of its row, which the audit has too."""
    work: Path = desk.base / "mono"
    git(desk.base, "init", "--quiet", str(work))
    for name in files:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("x")
    commit_all(work, "first")
    desk.services["mono"] = Service("mono", str(work), trust="A" * 40)
    Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    (row,) = status(desk.fleet, desk.cache, desk.memory, jobs=1).rows
    (judged,) = audit(desk.fleet, desk.cache, desk.memory, jobs=1).rows
    assert (judged.verdict, judged.code, judged.message) == (row.verdict, row.code, row.message)
    return row.verdict, row.code, row.message


@pytest.mark.parametrize(
    ("files", "more"),
    [
        (["README.md"], ""),
        ([f"services/orders/{ANSWERS}", "lib/x"], ", but below services/orders"),
        (["a/ops/trust/policy.toml", f"a/{ANSWERS}"], ", but below a"),
        ([f"s/{name}/{ANSWERS}" for name in "abcde"], ", but below s/a, s/b, s/c and 2 more"),
        ([f"a/b/c/d/{ANSWERS}"], ""),
    ],
)
def test_where_a_service_seems_to_be(desk: Desk, files: list[str], more: str) -> None:
    assert looked(desk, *files) == ("unverifiable", "fleet.no-service", HERE + more)


def test_what_has_anything_of_a_service_is_judged(desk: Desk) -> None:
    assert looked(desk, "ops/receipts/x", f"services/orders/{ANSWERS}")[1] != "fleet.no-service"


def test_so_many_folders_are_looked_into_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top, "_MOST", 2)
    assert looked(desk, "a/x", "b/x", f"c/{ANSWERS}")[2] == HERE


def test_a_folder_that_no_git_writes_ends_the_search(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "r")
    (tmp_path / "data").write_text("x")
    oid = git(tmp_path / "r", "hash-object", "-w", str(tmp_path / "data"))
    good, bad = (tree_of(tmp_path / "r", [("100644", ANSWERS, oid)] * times) for times in (1, 2))
    root = tree_of(tmp_path / "r", [("40000", "a", good), ("40000", "b", bad), ("40000", "c", good)])
    borrow(tmp_path / "git", tmp_path / "r/.git", 40 * "0")
    with Objects(tmp_path / "git") as objects, pytest.raises(Unverifiable) as caught:
        top.check(Tree(objects, git(tmp_path / "r", "commit-tree", root, "-m", "x")))
    assert (caught.value.code, caught.value.message) == ("fleet.no-service", f"{HERE}, but below a")
