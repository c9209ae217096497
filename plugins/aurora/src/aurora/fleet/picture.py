"""How many services are on which version of the template, over time: one picture, made of receipts alone."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from aurora.fleet.html import Markup, element, join
from aurora.fleet.parts import Layer
from aurora.fleet.row import Status

SHOWN = 5  # versions with a colour of their own; what is older is one band
WIDTH, HEIGHT, LEFT, BOTTOM = 1200, 270, 48, 34
STEPS = 160  # the picture has no more columns than that
Moves = list[tuple[float, str]]


def picture(status: Status) -> Markup:
    """Return the picture with its legend, or a sentence where no receipt says when a version came.

    Each layer of a service counts once. What is not proven has no time, and is told in the legend.
    """
    layers = [one for row in status.rows for one in row.layers]
    tracks = [track for one in layers if (track := _moves(one))]
    if not tracks:
        return element("p", "No proven receipt says when a service came to its version.", class_="quiet")
    end = max([_seconds(status.at), *(track[-1][0] for track in tracks)])
    start = min(track[0][0] for track in tracks)
    start = min(start, end - 86_400)
    order = ordered({version for track in tracks for _, version in track}, status)
    names = order[-SHOWN:]
    times = [start + (end - start) * step / STEPS for step in range(STEPS + 1)]
    counted = [_on(tracks, at, names) for at in times]
    bands = ["older", *names] if len(order) > SHOWN else names
    unseen = len(layers) - len(tracks)
    return join(_drawn(counted, bands, start, end, len(tracks)), _legend(counted[-1], bands, unseen))


def ordered(versions: Iterable[str], status: Status) -> list[str]:
    """Return versions from the oldest: as the template's releases are, before them by number what it does not have."""
    known = status.template.versions if status.template else ()
    place = {version: number for number, version in enumerate(known)}
    return sorted(versions, key=lambda one: (place.get(one, -1), _numbers(one), one))


def _numbers(version: str) -> tuple[int, ...]:
    core = version.removeprefix("v").split("-", 1)[0].split(".")
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 10 else 0 for part in core)


def _moves(layer: Layer) -> Moves:
    """Return when a layer came to which version, oldest first."""
    return sorted((at, one.version) for one in layer.history if (at := _seconds(one.at)))


def _seconds(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _on(tracks: Sequence[Moves], at: float, names: Sequence[str]) -> Counter[str]:
    """Return how many layers had which version at a time."""
    found: Counter[str] = Counter()
    for track in tracks:
        if place := bisect_right(track, at, key=lambda move: move[0]):
            version = track[place - 1][1]
            found[version if version in names else "older"] += 1
    return found


def _drawn(counted: Sequence[Counter[str]], bands: Sequence[str], start: float, end: float, most: int) -> Markup:
    across, up = (WIDTH - LEFT) / STEPS, (HEIGHT - BOTTOM - 8) / most
    sums = [[0, *accumulate(column[band] for band in bands)] for column in counted]
    areas = []
    for number, band in enumerate(bands):
        lower = [(LEFT + step * across, HEIGHT - BOTTOM - column[number] * up) for step, column in enumerate(sums)]
        upper = [(LEFT + step * across, HEIGHT - BOTTOM - column[number + 1] * up) for step, column in enumerate(sums)]
        points = [*_steps(upper), *reversed(_steps(lower))]
        shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        areas.append(element("polygon", element("title", band), points=shape, class_=_colour(bands, number)))
    said = f"{bands[-1]}: {counted[-1][bands[-1]]} of {most} on {_day(end)}"
    return element(
        "svg",
        element("title", "Versions over time"),
        element("desc", f"Stacked areas from {_day(start)} to {_day(end)}. {said}. The legend has the numbers."),
        *areas,
        _text(LEFT - 6, 16, str(most), "end", "between"),
        _text(LEFT - 6, HEIGHT - BOTTOM, "0", "end", "between"),
        *(_text(LEFT + (WIDTH - LEFT) * part / 4, HEIGHT - 9, _day(start + (end - start) * part / 4), anchor, kind)
          for part, (anchor, kind) in enumerate([("start", "end"), *[("middle", "between")] * 3, ("end", "end")])),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="picture",
    )  # fmt: skip


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a line that keeps its height until the next point: a service changes its version at once."""
    found = [points[0]]
    for (_, before), (x, after) in pairwise(points):
        found += [(x, before), (x, after)] if before != after else [(x, after)]
    return found


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> Markup:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _colour(bands: Sequence[str], number: int) -> str:
    """Return the class of a band; the newest version has the same colour in every picture."""
    return "older" if bands[number] == "older" else f"v{len(bands) - 1 - number}"


def _legend(now: Counter[str], bands: Sequence[str], unseen: int) -> Markup:
    items = [
        element("li", element("i", class_=_colour(bands, number)), f"{band}: {now[band]}")
        for number, band in enumerate(bands)
    ]
    items.reverse()
    if unseen:
        items.append(element("li", f"without a proven time: {unseen}"))
    return element("ul", *items, class_="legend")
