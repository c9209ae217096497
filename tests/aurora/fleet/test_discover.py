"""Which repositories are found on forges, in lists and in folders, and what happens to the entries that are there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora.fleet.forges.base import Found
from aurora.fleet.listed import parse
from aurora.fleet.sources import name_of
from collection import git
from forges_double import TOKEN
from remembrancer.errors import EnvironmentTrouble
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


OFFERS = {
    "a": "file:///etc",
    "b": "/srv/git/x.git",
    "c": "../x",
    "d": "ext::sh -c id",
    "e": "git://git.example.com/acme/e.git",
    "f": "--upload-pack=id",
    "g": "-u",
    "h": "ssh://-oProxyCommand=id/x",
    "i": "",
    "j": "https://me:secret@git.example.com/acme/j.git",
    "k": "https://git.example.com/acme/k\u001b[31m.git",
    "l": "ssh://git@git.example.com/acme/l.git",
    "m": "https://[::1/acme/m.git",
    "n": "ftp://git.example.com/acme/n.git",
}


@pytest.mark.reason("fleet.forge-offer")
def test_what_a_hostile_forge_offers_is_left_out_and_the_rest_goes_on(acme: World) -> None:
    names_of = {"github": ("clone_url", "full_name"), "gitlab": ("http_url_to_repo", "path_with_namespace")}
    url, path = names_of[acme.forge.kind]
    for name, offered in OFFERS.items():
        acme.forge.add(f"acme/{name}")
        acme.forge.offers[f"acme/{name}"] = {url: offered}
    for name, offered in (("o", "../../user"), ("p", "acme/" + "p" * 300), ("q", "acme/\u001b[2J"), ("r", "acme")):
        acme.forge.add(f"acme/{name}")
        acme.forge.offers[f"acme/{name}"] = {path: offered}
    acme.service("acme/.github")
    acme.service("acme/github")
    done = acme.json("discover", f"--{acme.forge.kind}", "acme", "--template", TEMPLATE)
    assert done["exitCode"] == 1
    assert names(acme) == [f"127.0.0.1-{acme.forge.port}/acme/github", "acme/github", "acme/orders", "acme/shop"]
    unread = {one["name"]: one["code"] for one in done["unread"]}
    expected = [*(f"acme/{name}" for name in OFFERS), "acme/2J", "acme", ("acme/" + "p" * 300)[:200], "user"]
    assert unread == dict.fromkeys(expected, "fleet.forge-offer")
    assert all("secret" not in one["message"] and one["message"].isprintable() for one in done["unread"])
    assert not [line for line in acme.forge.log if ".." in line]
    said = acme.run("discover", f"--{acme.forge.kind}", "acme", "--template", TEMPLATE)
    assert (said.status, said.out.count("[fleet.forge-offer]")) == (1, 18)


def test_one_repository_that_is_not_read_keeps_nobody_out(acme: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {"github": "github.GitHub", "gitlab": "gitlab.GitLab"}[acme.forge.kind]

    def broken(_: object, found: Found) -> frozenset[str]:
        if found.path == "acme/shop":
            raise EnvironmentTrouble("fleet.forge", "the forge answered 500")
        return frozenset({".copier-answers.ci.yml"}) if found.path == "acme/orders" else frozenset()

    monkeypatch.setattr(f"aurora.fleet.forges.{kind}.names", broken)
    done = acme.json("discover", f"--{acme.forge.kind}", "acme")
    assert (done["exitCode"], done["new"]) == (4, ["acme/orders"])
    assert [(one["name"], one["code"]) for one in done["unread"]] == [("acme/shop", "fleet.forge")]
    monkeypatch.setattr("aurora.fleet.forges.rest.ANSWERS", 1)
    before = acme.fleet.read_bytes()
    ended = acme.run("discover", f"--{acme.forge.kind}", "acme")
    assert (ended.status, "[fleet.forge-limit]" in ended.err) == (4, True)
    assert acme.fleet.read_bytes() == before


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
def test_what_is_listed_by_another_form_of_its_url_is_no_new_service(acme: World) -> None:
    ask = ["discover", "--github", "acme", "--template", TEMPLATE]
    shop = acme.forge.url("acme/shop").removesuffix(".git").replace("/shop", "/%73hop/")
    urls = ["git@127.0.0.1:acme/orders.git", shop]
    rows = [f'[[service]]\nname = "{name}"\nurl = "{url}"\n' for name, url in zip("ab", urls, strict=True)]
    acme.fleet.write_text("\n".join(rows))
    done = acme.json(*ask)
    assert (done["new"], done["vanished"]) == ([], [])
    assert [one.url for one in parse(acme.fleet.read_bytes()).services] == urls
    (acme.base / "urls").write_text("".join(f"{acme.forge.url('acme/late')}{end}\n" for end in ("", "/")))
    acme.service("acme/late")
    assert acme.json("discover", "--list", "urls")["new"] == ["acme/late"]


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
    git(acme.base, "clone", "--quiet", str(acme.bare("acme/shop")), str(clones / "odd"))
    git(clones / "odd", "remote", "set-url", "origin", "ext::sh -c id")
    found = acme.run("discover", "--folder", str(clones))
    assert "here: the URL of its origin has a user in it, which is left out" in found.err
    assert (found.status, "unread: odd: the URL of its origin: " in found.out) == (1, True)
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
