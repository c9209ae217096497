"""One normal form of a repository's URL, for the list, for discoveries and for the template."""

import doctest
from pathlib import Path

import pytest

from aurora.fleet import urls
from aurora.fleet.listed import Fleet, Service, parse
from aurora.fleet.template import Template, normal
from aurora.fleet.urls import identity, remote, split
from remembrancer.errors import BadInput

ONE = (
    "https://git.example.org/shop/orders",
    "https://git.example.org/shop/orders.git",
    "https://git.example.org/shop/orders.git/",
    "https://git.example.org/shop/orders/",
    "https://GIT.Example.ORG/shop/orders",
    "https://git.example.org./shop/orders",
    "https://git.example.org:443/shop/orders",
    "https://me@git.example.org/shop/orders",
    "https://git.example.org//shop/./orders",
    "https://git.example.org/shop/%6Frders",
    "http://git.example.org:80/shop/orders",
    "git://git.example.org:9418/shop/orders",
    "ssh://git.example.org/shop/orders",
    "ssh://git@git.example.org:2222/shop/orders.git",
    "ssh://git@git.example.org/%73hop/orders.git",
    "git@git.example.org:shop/orders.git",
    "git@git.example.org:/shop/orders",
    "git.example.org:shop/orders",
)
OTHERS = (
    "https://git.example.org/shop/Orders",
    "https://git.example.org/shop/orders.git.git",
    "https://git.example.org/shop/orders?ref=1",
    "https://git.example.org:8443/shop/orders",
    "https://git.example.com/shop/orders",
    "https://git.example.org/shop%2Forders",
    "git@git.example.org:shop/%6Frders",
    "ssh://git@git.example.org/shop/orders#1",
    "https://git.example.org/other/../shop/orders",
    "git.example.org/shop/orders",
    "./git.example.org/shop/orders",
    "/git.example.org/shop/orders",
    "file:///git.example.org/shop/orders2",
    "https:///git.example.org/shop/orders",
)


def test_the_examples_hold() -> None:
    assert doctest.testmod(urls).failed == 0


@pytest.mark.parametrize("url", ONE)
def test_what_is_one_repository(url: str) -> None:
    assert identity(url) == "git.example.org/shop/orders"
    assert split(url) == ("git.example.org", "shop/orders")
    assert normal(url) == identity(url)


def test_what_is_another_repository() -> None:
    found = {identity(url) for url in OTHERS}
    assert len(found) == len(OTHERS) - 1  # a relative path with and without its dot
    assert identity(ONE[0]) not in found


@pytest.mark.parametrize(
    "forms",
    [
        ("https://[2001:DB8:0::1]/a", "ssh://git@[2001:db8::1]:2222/a.git", "git@[2001:db8::1]:a"),
        ("/srv/git/a", "/srv/git/a.git", "/srv/git/a/", "/srv//git/./a/.git", "file:///srv/git/a.git", "file:///srv/git/%61"),
        ("https://git.example.org/a%20b", "ssh://git.example.org/a%20b", "git@git.example.org:a b"),
        ("https://git.example.org/~me/a", "https://git.example.org/%7Eme/a", "git@git.example.org:~me/a"),
        ("../a", ".././a.git", "../a/"),
    ],
)  # fmt: skip
def test_addresses_paths_and_encodings(forms: tuple[str, ...]) -> None:
    assert len({identity(url) for url in forms}) == 1


def test_what_is_no_url_is_only_like_itself() -> None:
    for url in ("https://[/a", "https://git.example.org:x/a", "git@[::ff:ff::]:a", "https://[::1/a", "ssh:///a"):
        assert identity(url) == url
        assert split(url) == ("", "")
    assert identity("/srv/%61") != identity("/srv/a")
    assert [remote(url) for url in ("../a", "/a:b", "ext::sh", "a:b", "git@[::1]:b", "ftp://a/b", "file:///a")] == [
        *(False, False, False, True, True, False, True)
    ]


@pytest.mark.parametrize("other", ["git@git.example.org:shop/a.git", "ssh://git@git.example.org:2222/shop/a"])
def test_a_repository_that_is_listed_twice_is_named(other: str) -> None:
    first = "https://git.example.org/shop/a.git"
    rows = [f'[[service]]\nname = "{name}"\nurl = "{url}"\n' for name, url in (("a", first), ("b", other))]
    with pytest.raises(BadInput) as caught:
        parse("\n".join(rows).encode())
    assert (caught.value.code, caught.value.exit_code) == ("fleet.listed-twice", 2)
    assert caught.value.message == f"a and b are one repository: {first} and {other}"
    two = parse("\n".join([f'{rows[0]}branch = "next"\n', rows[1]]).encode())
    assert [one.branch for one in two.services] == ["next", ""]


def test_a_path_is_taken_from_the_folder_of_the_list(tmp_path: Path) -> None:
    fleet = Fleet(folder=tmp_path / "team")
    twice = (Service("a", "../git/a.git"), Service("b", f"file://{tmp_path}/git/a"))
    with pytest.raises(BadInput, match="a and b are one repository"):
        fleet.having(twice)
    assert len(fleet.having((Service("a", "../git/a.git"), Service("b", "git/a.git"))).services) == 2


def test_the_template_is_known_by_every_form_and_by_no_path_of_a_service() -> None:
    template = Template("https://git.example.org/platform/templates.git", "v1", "", True, Path("/x"), ("gh:acme/t",))
    for same in ("git@git.example.org:platform/templates", "https://github.com/acme/t.git", "gh:acme/t"):
        assert template.names(same)
    for other in ("git.example.org/platform/templates", "./t", "https://git.example.org/platform/./../templates"):
        assert not template.names(other)
    here = Template("templates", "v1", "", True, Path("/x"))
    assert not here.names("templates")
    local = Template("/srv/templates.git", "v1", "", True, Path("/x"))
    assert local.names("/srv/templates")
    # behind a symbolic link .. leads elsewhere, and a service chooses its links
    assert not local.names("/proc/self/cwd/../../../srv/templates")
