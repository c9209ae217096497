"""The text of a pull or merge request: what its receipt states, for whoever has to decide."""

from collections.abc import Sequence

from aurora.fleet.plan import Plan, Planned
from aurora.fleet.update import Receipt


def text(plan: Plan, service: Planned, receipts: Sequence[Receipt]) -> str:
    """Return the request's text in Markdown; every value out of a repository is quoted as code."""
    tests = f"{_code(' '.join(plan.tests))} passed" if plan.tests else "not run"
    steps = [f"{_code(one.answers)}: {_code(one.version)} to {_code(plan.version)}" for one in service.layers]
    rows = [
        ("template", f"{_code(plan.template)} at {_code(plan.commit)}"),
        ("version", "<br>".join(steps)),
        *(("receipt", _receipt(one)) for one in receipts),
        ("conflicts", "none"),
        ("the service's own tests", tests),
        ("begun with", _code(service.base)),
        ("tree without receipts", _code(service.tree)),
        ("plan", f"SHA-256 {_code(plan.digest)}, wave {service.wave} of {plan.last}"),
    ]
    lines = [
        f"{_code(service.component or service.name)} follows the standard to {_code(plan.version)}. "
        "This was tried before it was proposed, and nothing waits for a manual merge.",
        "",
        "| fact | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        "`ops/bin/remembrancer drift` says after the merge and the seal which standard this is, and whether it is "
        "unmodified. The branch may be changed; a further run leaves it alone.",
        "",
    ]
    return "\n".join(lines)


def _receipt(one: Receipt) -> str:
    return f"{_code(one.path)}, SHA-256 {_code(one.sha256)}, from {_code(one.version)}, {one.files} files rendered"


def _code(value: str) -> str:
    plain = "".join(char if char.isprintable() and char not in "`|" else "?" for char in value)
    return f"`{plain}`" if plain else "none"
