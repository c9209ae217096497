"""Two layers in one repository follow the standard independently, from a clone that knows only the recorded address."""

from pathlib import Path

from collection import commit_all, git
from update_history import NEWEST, OLDER, URL, History
from update_support import ANSWERS, changed, contents, lines, receipts, run, spawn, update


def test_two_layers_in_one_repository(history: History, tmp_path: Path) -> None:
    first = tmp_path / "shop"
    first.mkdir()
    git(first, "init", "--quiet", "--initial-branch", "main")
    (first / "app.py").write_text("print('ours')\n")
    spawn(history, first, "k8s", OLDER)
    spawn(history, first, "ci", OLDER)
    shop = tmp_path / "elsewhere"
    git(tmp_path, "clone", "--quiet", str(first), str(shop))
    for layer in ("k8s", "ci"):
        assert f"_src_path: {URL}" in (shop / ANSWERS[layer]).read_text()

    update(history, shop, "ci")
    assert changed(shop)
    assert not [path for path in changed(shop) if path.startswith("ops/k8s/") or path == ANSWERS["k8s"]]
    commit_all(shop, "[shop] chore: follow the ci standard")
    update(history, shop, "k8s")
    assert not [path for path in changed(shop) if not path.startswith("ops/k8s/") and path != ANSWERS["k8s"]]
    commit_all(shop, "[shop] chore: follow the k8s standard")

    stated = {one["layer"]: one for one in receipts(shop, "update")}
    assert {layer: (one["from"]["version"], one["template"]["version"]) for layer, one in stated.items()} == {
        "k8s": (OLDER, NEWEST),
        "ci": (OLDER, NEWEST),
    }
    assert not set(lines(shop, stated["k8s"])) & set(lines(shop, stated["ci"]))
    covered = {path for one in stated.values() for path in lines(shop, one)}
    assert set(contents(shop)) - covered == {"app.py"}
    assert run(shop, "git", "status", "--porcelain").stdout == ""
