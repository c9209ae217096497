"""Which repositories are found on forges, in lists and in folders, and what happens to the entries that are there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora.fleet.discover import name_of
from aurora.fleet.listed import parse
from collection import git
from forges_double import TOKEN
from rollout_world import TEMPLATE, World, world

OWNER = "0123456789ABCDEF0123456789ABCDEF01234567"


@pytest.fixture(params=["github", "gitlab"])
def acme(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world(tmp_path, request.param, monkeypatch) as made:
        made.service("acme/orders")
        made.service("acme/shop")
        made.service("acme/foreign", source="https://else.example.com/templates.git")
        made.commit(made.forge.add("acme/plain"), {"README.md": "no answers\n"})
        made.forge.add("acme/empty")
        yield made


def names(made: World) -> list[str]:
    return [one.name for one in parse(made.fleet.read_bytes()).services]


def test_a_forge_is_asked_and_the_list_is_kept(acme: World) -> None:
    ask = ["discover", f"--{acme.forge.kind}", "acme", "--template", TEMPLATE, "--name", "acme"]
    done = acme.json(*ask)
    assert (done["new"], done["vanished"], done["others"]) == (["acme/orders", "acme/shop"], [], 3)
    first = acme.fleet.read_bytes()
    fleet = parse(first)
    assert (fleet.name, fleet.template, fleet.services[0].url) == ("acme", TEMPLATE, acme.forge.url("acme/orders"))
    assert acme.json(*ask)["new"] == []
    assert acme.fleet.read_bytes() == first
    # people name, pin and move; a further run leaves that alone
    mine = first.replace(b'name = "acme/orders"', f'name = "my-orders"\ntrust = "{OWNER}"'.encode())
    mine += f'\n[[service]]\nname = "acme/gone"\nurl = "{acme.forge.url("acme/gone")}"\n'.encode()
    acme.fleet.write_bytes(mine)
    acme.service("acme/late")
    acme.forge.page = 1
    found = acme.run(*ask)
    assert names(acme) == ["acme/gone", "acme/late", "acme/shop", "my-orders"]
    assert parse(acme.fleet.read_bytes()).services[-1].trust == OWNER
    assert "new: acme/late" in found.out
    assert "vanished: acme/gone is not found any more" in found.out
    assert TOKEN not in acme.fleet.read_text()
    before = acme.fleet.read_bytes()
    acme.service("acme/later")
    assert acme.json(*ask, "--dry-run")["new"] == ["acme/later"]
    assert acme.fleet.read_bytes() == before
    assert all(TOKEN not in line for line in acme.forge.log)


def test_ssh_and_an_interface_elsewhere(acme: World) -> None:
    acme.variables.pop({"github": "GITHUB_API_URL", "gitlab": "CI_API_V4_URL"}[acme.forge.kind])
    words = ["discover", f"--{acme.forge.kind}", "acme", "--api", acme.forge.api, "--ssh"]
    acme.forge.faults = [(429, {"Retry-After": "1"})]
    done = acme.run(*words)
    assert done.status == 0, done.err
    assert "waiting 1 second for its rate limit" in done.err
    assert parse(acme.fleet.read_bytes()).services[0].url == "git@127.0.0.1:acme/foreign.git"
    for bad in (
        ["discover"],
        [*words[:3], "--api", "http://git.example.com"],
        ["discover", "--list", "x", "--api", "y"],
    ):
        assert acme.run(*bad).status == 2
    assert acme.run("discover", f"--{acme.forge.kind}", "../acme").status == 2
    assert acme.run(*words, "--wait", "0").status == 0


@pytest.mark.parametrize("acme", ["github"], indirect=True)
def test_a_list_and_a_folder(acme: World, tmp_path: Path) -> None:
    urls = [acme.forge.url(f"acme/{name}") for name in ("orders", "plain", "gone")]
    (acme.base / "urls").write_text("# ours\n" + "\n".join([*urls, urls[0]]) + "\n")
    done = acme.run("discover", "--list", "urls")
    assert names(acme) == ["acme/orders"]
    assert "unread: acme/gone: " in done.out
    clones = tmp_path / "clones"
    git(acme.base, "clone", "--quiet", str(acme.bare("acme/shop")), str(clones / "here"))
    git(clones / "here", "remote", "set-url", "origin", f"https://me:{TOKEN}@git.example.com/acme/shop.git")
    git(acme.base, "clone", "--quiet", "--bare", str(acme.bare("acme/shop")), str(clones / "bare.git"))
    (clones / "not-a-clone").mkdir()
    found = acme.run("discover", "--folder", str(clones))
    assert "here: the URL of its origin has a user in it, which is left out" in found.err
    git(clones / "bare.git", "remote", "remove", "origin")
    acme.run("discover", "--folder", str(clones))
    urls = [one.url for one in parse(acme.fleet.read_bytes()).services]
    assert "https://git.example.com/acme/shop.git" in urls
    assert str(clones / "bare.git") in urls
    (acme.base / "urls").write_text(f"https://me:{TOKEN}@git.example.com/acme/x.git\n")
    for bad in (["--list", "urls"], ["--list", "none"], ["--folder", "none"]):
        assert acme.run("discover", *bad).status == 2
    (acme.base / "urls").write_bytes(b"\xff\n")
    assert acme.run("discover", "--list", "urls").status == 2


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example.com/acme/sub/orders.git", "acme/sub/orders"),
        ("git@git.example.com:acme/orders.git", "acme/orders"),
        ("../services/orders.git/", "orders"),
        ("/srv/git/orders/.git", "orders"),
        ("https://git.example.com/~me/.hidden", "me/hidden"),
    ],
)
def test_names(url: str, name: str) -> None:
    assert name_of(url) == name
