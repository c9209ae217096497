"""One grammar of times for every option: the same forms, the same words in the help, the same sentence of error."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from remembrancer.cli.lazy import LazyGroup
from remembrancer.cli.main import main, program
from remembrancer.clock import SystemClock, instant, rfc3339

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
LAST = {"until", "at", "expires"}  # a day counts to its end
AHEAD = {"expires", "start"}


def time_options(group: LazyGroup = program, path: str = "") -> Iterator[tuple[str, click.Option]]:  # type: ignore[assignment]
    """Yield every option that takes a time, or is called like one, with its command."""
    for name in group.table:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, LazyGroup):
            yield from time_options(command, f"{path}{name} ")
        for option in command.params:
            named = option.name in {"since", "until", "at", "expires", "compromised_at", "before", "after"}
            if isinstance(option, click.Option) and (named or option.metavar in {"TIME", "DATE"}):
                yield f"{path}{name}", option


# the log is compared with a file there, which is no time
OPTIONS = {
    f"{command} {option.opts[0]}": option for command, option in time_options() if option.metavar != "CHECKPOINT"
}


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)


def test_these_are_the_options() -> None:
    assert sorted(OPTIONS) == [
        "adr list --since",
        "adr list --until",
        "list adrs --since",
        "list adrs --until",
        "list deployments --since",
        "list deployments --until",
        "list receipts --since",
        "list receipts --until",
        "record waiver --expires",
        "timeline --since",
        "timeline --until",
        "trust require --from",
        "trust revoke --compromised-at",
        "trust revoke --until",
        "verify-signature --at",
    ]


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_every_option_takes_every_form(option: click.Option) -> None:
    def given(text: str) -> str:
        assert option.callback is not None
        return rfc3339(option.callback(click.Context(program), option, text))

    days = timedelta(days=7) if option.name in AHEAD else -timedelta(days=7)
    assert given("2026-12-31") == ("2026-12-31T23:59:59Z" if option.name in LAST else "2026-12-31T00:00:00Z")
    assert given("2026-12-31T08:00:00Z") == "2026-12-31T08:00:00Z"
    assert given("2026-12-31T08:00:00+02:00") == "2026-12-31T06:00:00Z"
    assert given("7d") == rfc3339(NOW + days)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_every_option_says_the_forms_in_the_same_words(option: click.Option) -> None:
    assert option.metavar == "TIME"
    where = "from now" if option.name in AHEAD else "ago"
    assert (option.help or "").endswith(f": 2026-01-31, 2026-01-31T08:00:00Z or 7d {where}.")


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_refuses_in_the_same_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "noon"]) == 2
    said = capsys.readouterr().err.splitlines()
    option = name.rpartition(" ")[2]
    assert said[0] == f"remembrancer: {option} is not a time: 'noon' [input.time]"
    assert re.search("2026-01-31, .*2026-01-31T08:00:00Z.* 7d", said[1])


@pytest.mark.parametrize(
    ("text", "end", "ahead", "meant"),
    [
        ("2026-01-31", False, False, "2026-01-31T00:00:00Z"),
        ("2026-01-31", True, False, "2026-01-31T23:59:59Z"),
        ("2026-01-31T08:00:00Z", True, False, "2026-01-31T08:00:00Z"),
        ("2026-01-31t08:00:00.75z", False, False, "2026-01-31T08:00:00Z"),
        ("2026-01-31T08:00:00-05:30", False, True, "2026-01-31T13:30:00Z"),
        ("12h", False, False, "2026-06-15T00:00:00Z"),
        ("7d", False, False, "2026-06-08T12:00:00Z"),
        ("7d", True, True, "2026-06-22T12:00:00Z"),
        (" 2w ", False, False, "2026-06-01T12:00:00Z"),
    ],
)
def test_instants(text: str, end: bool, ahead: bool, meant: str) -> None:
    assert rfc3339(instant(text, NOW, end=end, ahead=ahead)) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "7", "7y", "-1d", "\u0661d", "99999999d"),
        *("2026-02-30", "2026-1-1", "2026-W05", "20260131"),
        *("2026-01-31T08:00", "2026-01-31T08:00:00", "2026-01-31 08:00:00Z", "2026-01-31T08:00:00+25:00"),
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        instant(text, NOW)
