"""Rows of made-up services, as odd and as many as a test wants them; the same ones every time."""

from datetime import UTC, datetime, timedelta
from random import Random

from aurora.fleet.parts import Ending, Layer, Ledger, Release, Seeded, Standard, Step, Trust, Waiver, Witnesses
from aurora.fleet.row import Row, Status, Template

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
VERSIONS = tuple(f"v4.{minor}.0" for minor in range(8))
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "=HYPERLINK(1)",
    "a'; DROP TABLE services; --",
    "\u202egnp.exe",
    "back\\slash",
)


def at(days: float) -> str:
    """The time so many days ago."""
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def fleet_of(count: int) -> Status:
    """A fleet of so many services, each version with some, and every state there."""
    random = Random(count)
    rows = tuple(sorted((_row(random, number) for number in range(count)), key=lambda row: row.name))
    return Status("shop", at(0), rows, Template("https://git.example.org/template.git", VERSIONS))


def hostile() -> Status:
    """A fleet in which every text is an attack on whoever shows it."""
    rows = tuple(
        Row(
            *(text, text, text, "a" * 40, at(1), at(0), "failed", "drift.changed", text),
            (Layer("ci", text, text, "b" * 40, at(9), True, 1, history=(Step(at(9), text),)),),
            *((text,), 1, Release(text, text, at(3), "failed", "sig.bad"), Ledger(text, 1, at(2))),
            *(Trust("verified", "", "A" * 40, text, 1, (Ending(text, at(-5), True),)), (Waiver(text, text, at(-1)),)),
        )
        for text in HOSTILE
    )
    return Status(HOSTILE[0], at(0), rows, Template("https://t.example", HOSTILE))


def _row(random: Random, number: int) -> Row:
    name = f"team-{number % 17}/service-{number:04}"
    url = f"https://git.example.org/{name}.git"
    if number % 97 == 13:
        return Row(name, url, code="fleet.unreachable", message="the repository did not answer")
    came = sorted(random.sample(range(1, 700), random.randint(1, 4)), reverse=True)
    last = min(len(VERSIONS) - 1, max(0, int((800 - came[-1]) / 100)))
    first = random.randint(0, last)
    ladder = sorted({first, last, *(random.randint(first, last) for _ in came)})
    steps = tuple(Step(at(days), VERSIONS[one]) for days, one in zip(came[-len(ladder) :], ladder, strict=False))
    drifted = random.choice([0] * 20 + [1, 3])
    layer = Layer(
        *("fastapi-service", steps[-1].version, "https://git.example.org/template.git", "b" * 40, steps[-1].at, True),
        *(len(VERSIONS) - 1 - VERSIONS.index(steps[-1].version), Standard(90, drifted), Seeded(30, number % 9)),
        *(drifted, steps),
    )
    failed = number % 89 == 7
    verdict, code, message = ("failed", "sig.bad", "the signature of a receipt is not of its bytes") if failed else (
        "unverifiable", "trust.unpinned", "nobody has pinned the owner of its policy in the fleet's list"
    ) if number % 41 == 3 else ("verified", "", "")  # fmt: skip
    waits = ("Makefile", "ops/release.mk") if number % 53 == 5 else ()
    days = random.randint(0, 200)
    return Row(
        *(
            name,
            url,
            "main",
            f"{number:040x}",
            at(days),
            at(0),
            verdict,
            code,
            message,
            (layer,),
            waits,
            int(bool(waits)),
        ),
        Release(name.rpartition("/")[2], f"1.{number % 30}.0", at(days), "failed" if failed else "verified"),
        Ledger(f"log.example/{name}", 10 + number, at(days), at(days), number % 3),
        Trust(
            "verified",
            "",
            "A" * 40,
            "production",
            1,
            (Ending("the signer's key", at(-(number % 700) - 2), number % 700 < 28),),
        ),
        (Waiver("Dockerfile", "team", at(-40)),) if number % 31 == 4 else (),
        Witnesses(3, number % 4, 10 + number) if number % 2 else None,
        round(5 + number % 51 / 10, 1),
        number % 3 > 0,
    )
