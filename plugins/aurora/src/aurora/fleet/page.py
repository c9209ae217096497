"""One static page that shows a fleet: no network, no script from elsewhere, and nothing in it that a service could run.

The table is in the page as it is; its script sorts, filters and searches what is there. Script and style are allowed by
their digests alone (Content Security Policy, `script-src 'sha256-…'`), so that an escape that is missed runs nothing.
"""

from base64 import b64encode
from collections import Counter
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from aurora.files import write_whole
from aurora.fleet.cells import COLUMNS, Column
from aurora.fleet.html import Markup, element
from aurora.fleet.picture import ordered, picture
from aurora.fleet.row import STATES, Row, Status
from remembrancer.errors import EnvironmentTrouble, counted


def write(status: Status, folder: Path) -> Path:
    """Write the page to `index.html` in a folder, which is made, and return its path. Raises EnvironmentTrouble."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot make {folder}: {error.strerror or error}") from None
    write_whole(folder / "index.html", page(status).encode())
    return folder / "index.html"


def page(status: Status) -> str:
    """Return the page of a fleet's status."""
    style, script = _file("page.css"), _file("page.js")
    policy = f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; " + (
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Fleet {status.fleet}"),
        element("style", Markup(style)),
    )
    body = element("body", *_body(status), element("script", Markup(script)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _file(name: str) -> str:
    return files("aurora.fleet").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _body(status: Status) -> list[Markup]:
    share = "" if status.shard == "0/1" else f", share {status.shard}"
    template = f"; template {status.template.versions[-1]}" if status.template and status.template.versions else ""
    facts = f"{counted(len(status.rows), 'service')}{share}, as of {status.at}{template}"
    theme = element("button", "Dark theme", type="button", id="theme", aria_pressed="false", hidden=True)
    header = element("header", element("h1", f"Fleet {status.fleet}"), element("p", facts, class_="quiet"), theme)
    over_time = element("h2", "Versions over time", id="over-time")
    over = element("section", over_time, picture(status), aria_labelledby="over-time")
    services = element("h2", "Services", id="services")
    every = element("section", services, _controls(status), _table(status), aria_labelledby="services")
    return [header, element("main", over, every)]


def _controls(status: Status) -> Markup:
    """Return search and filters; they stay hidden where no script runs."""
    states = Counter(row.state for row in status.rows)
    boxes = [
        element(
            "label",
            element("input", type="checkbox", name="state", value=state),
            element("span", state, class_=f"state {state}"),
            f" {states[state]}",
        )
        for state in STATES
        if states[state]
    ]
    versions = ordered({one.version for row in status.rows for one in row.layers}, status)
    options = [
        element("option", "any version", value=""),
        *(element("option", one, value=one) for one in versions[::-1]),
    ]
    search = element("label", "Search ", element("input", type="search", id="search", autocomplete="off"))
    chosen = element("label", "Version ", element("select", *options, id="version"))
    group = element("fieldset", element("legend", "State"), *boxes)
    clear = element("button", "Show all", type="button", id="clear")
    count = element("p", counted(len(status.rows), "service"), id="count", role="status")
    return element("div", search, chosen, group, clear, count, id="controls", hidden=True)


def _table(status: Status) -> Markup:
    heads = [
        element("th", element("button", column.heading, type="button"), scope="col", **_kind(column))
        for column in COLUMNS
    ]
    ranked = sorted(status.rows, key=lambda row: (STATES.index(row.state), row.name))
    table = element(
        "table",
        element("caption", "Every service, the worst first"),
        element("thead", element("tr", *heads)),
        element("tbody", *(_line(row, status) for row in ranked)),
    )
    return element("div", table, class_="wide")


def _kind(column: Column) -> dict[str, str | bool]:
    return {"data_number": True} if column.number else {}


def _line(row: Row, status: Status) -> Markup:
    first, *others = COLUMNS
    cells = [
        element("td", one.shown(row, status), data_label=one.heading, data_key=str(one.key(row, status)))
        for one in others
    ]
    name = element("th", first.shown(row, status), scope="row", data_key=row.name)
    versions = "\n".join(one.version for one in row.layers)
    return element("tr", name, *cells, data_state=row.state, data_versions=versions)
