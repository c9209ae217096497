"""The page of a fleet: every row is there, no text of a service becomes markup, and one script is allowed to run."""

import doctest
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aurora.fleet import html
from aurora.fleet.page import page, write
from aurora.fleet.parts import Layer, Step
from aurora.fleet.picture import ordered, picture
from aurora.fleet.row import STATES, Row, Status, Template
from browser import browser
from fleet_rows import HOSTILE, VERSIONS, at, fleet_of, hostile
from remembrancer.errors import EnvironmentTrouble


class Shown(HTMLParser):
    """What a parser makes of a page: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inside.get(self.cdata_elem or "", self.texts).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_examples_hold() -> None:
    assert doctest.testmod(html).failed == 0


def test_every_row_is_in_the_page_the_worst_first() -> None:
    status = fleet_of(60)
    shown = Shown(page(status))
    rows = [one for one in shown.all("tr") if "data-state" in one]
    assert len(rows) == 60
    places = [STATES.index(str(one["data-state"])) for one in rows]
    assert places == sorted(places)
    assert {row.name for row in status.rows} <= set(shown.texts)


def test_nothing_that_a_service_says_becomes_markup() -> None:
    status = hostile()
    plain = replace(
        status, fleet="plain", rows=tuple(replace(row, name=f"s{number}") for number, row in enumerate(status.rows))
    )
    shown, calm = Shown(page(status)), Shown(page(plain))
    assert [name for name, _ in shown.elements] == [name for name, _ in calm.elements]
    assert len(shown.all("script")) == 1
    known = {"data-label", "data-key", "data-state", "data-versions", "data-number", "class", "id", "scope", "type"}
    known |= {"role", "name", "value", "for", "charset", "content", "http-equiv", "lang", "hidden", "datetime", "title"}
    known |= {
        "aria-pressed",
        "aria-labelledby",
        "autocomplete",
        "points",
        "viewbox",
        "x",
        "y",
        "text-anchor",
        "href",
        "rel",
    }
    assert {attribute for _, attributes in shown.elements for attribute in attributes} <= known
    assert shown.all("a") == [], "no address of these is one of the web"
    text = "".join(shown.texts)
    for one in HOSTILE:
        assert one.replace("\u202e", "\\u202e") in text


def test_the_policy_allows_this_script_and_style_and_nothing_else() -> None:
    text = page(hostile())
    shown = Shown(text)
    (policy,) = [one["content"] for one in shown.all("meta") if one.get("http-equiv")]
    digests = {
        kind: "'sha256-" + b64encode(sha256("".join(shown.inside[kind]).encode()).digest()).decode() + "'"
        for kind in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; style-src {digests['style']}; script-src {digests['script']}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script>")
    assert not re.search(
        r"(?:src|href)=|url\(|@import|fetch\(|XMLHttp|innerHTML|eval\(", "".join(shown.inside["script"])
    )
    assert "url(" not in "".join(shown.inside["style"])


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ssh://git@h/x", "//h/x", "https://user:pass@h/x", "https://[x", ""],
)
def test_only_addresses_of_the_web_are_links(url: str) -> None:
    assert "<a" not in html.link(url, url)
    assert 'rel="noopener noreferrer"' in html.link("https://h.example/x", "x")


def test_the_picture_counts_what_was_when() -> None:
    old, new = Step(at(100), "v1.0.0"), Step(at(10), "v1.10.0")
    rows = (
        Row("a", "a", layers=(Layer("ci", "v1.10.0", history=(old, new)),)),
        Row("b", "b", layers=(Layer("ci", "v1.0.0", history=(old,)),)),
        Row("c", "c", layers=(Layer("ci", "v1.9.0"),)),
    )
    shown = Shown(picture(Status("f", at(0), rows)))
    text = "|".join(shown.texts)
    assert "v1.10.0: 1|v1.0.0: 1|without a proven time: 1" in text
    assert "v1.10.0: 1 of 2 on 2026-11-27" in text
    assert [one["class"] for one in shown.all("polygon")] == ["v1", "v0"]
    assert "No proven receipt" in picture(Status("f", at(0), rows[2:]))


def test_versions_are_in_the_order_of_the_template() -> None:
    strange = Status("f", at(0), template=Template("t", ("v9.0.0", "v10.0.0", "v2.0.0")))
    assert ordered({"v2.0.0", "v10.0.0", "v9.0.0", "v1.0.0"}, strange) == ["v1.0.0", "v9.0.0", "v10.0.0", "v2.0.0"]
    assert ordered(reversed(VERSIONS), Status("f", at(0))) == list(VERSIONS)
    many = Shown(picture(fleet_of(200)))
    assert "older" in [one["class"] for one in many.all("polygon")]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    assert write(Status("f", at(0)), tmp_path / "new/page").read_text(encoding="utf-8").startswith("<!doctype html>")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentTrouble, match="cannot make"):
        write(Status("f", at(0)), tmp_path / "file/page")


@pytest.mark.system
def test_a_browser_shows_a_thousand_services_and_runs_nothing_of_theirs(tmp_path: Path) -> None:
    look = browser(tmp_path)
    for name, status in (("thousand", fleet_of(1000)), ("hostile", hostile()), ("empty", Status("empty", at(0)))):
        file = write(status, tmp_path / name)
        seen = look(file, name)
        assert seen["dialogs"] == 0
        assert (seen["scripts"], seen["images"], seen["handlers"]) == (1, 0, 0)
        assert set(seen["requests"]) == {file.as_uri()}, "the page alone is read"
        assert set(seen["links"]) <= {"https:"}
        (refused,) = seen["errors"]
        assert "Content Security Policy" in refused, "what the test injects"
        assert not seen["injected"]
        names = [row.name.replace("\u202e", "\\u202e") for row in status.rows]
        assert sorted(seen["names"]) == sorted(names)
        assert seen["plain"] == len(names), "also without scripts"
        assert not seen["controls"]
        # the keyboard reaches every control, and what has the focus is seen
        assert {"BUTTON", "INPUT", "SELECT"} <= {one["tag"] for one in seen["focus"]}
        assert all(one["outline"] == "solid" for one in seen["focus"] if one["tag"] != "BODY")
        # sorting: one column at a time, both ways, what is not known last
        assert len(seen["sorts"]) == 12
        for heading, found in seen["sorts"].items():
            assert (found["up"]["sort"], found["down"]["sort"], found["sorted"]) == ("ascending", "descending", 1)
            for way, backwards in (("up", False), ("down", True)):
                keys = found[way]["keys"]
                known = [key for key in keys if key]
                assert keys == known + [""] * (len(keys) - len(known))
                by = str if heading in ("Service", "Release", "Ends next") else float
                assert known == sorted(known, key=by, reverse=backwards), heading
        assert seen["found"]["names"] == ([seen["found"]["wanted"]] if names else [])
        assert seen["all"]["names"] == len(names)
        if names:
            assert set(seen["filtered"]["states"]) == {seen["filtered"]["state"]}
        # themes: the system's, the button's, and the button's after a reload
        assert seen["light"] == "rgb(255, 255, 255)"
        assert seen["dark"] == seen["toggled"]["colour"] == seen["kept"] == "rgb(13, 17, 23)"
        assert seen["toggled"]["pressed"] == "true"
        assert seen["sideways"] <= 0, "a telephone need not scroll sideways"
        assert seen["milliseconds"] < 30_000
