"""A ledger that is sealed with the key of a real policy, for the tests of whoever holds that key."""

from pathlib import Path

from ledger_world import World, waiver
from remembrancer.trust.policy import Policy, parse
from remembrancer.verify.log import LogView, open_log
from worked_ledger import keys, policy_text

LOG, WITNESS = keys()
_BEGIN, _END = policy_text().index("witnesses"), policy_text().index("[require]")
POLICY: Policy = parse((policy_text()[:_BEGIN] + policy_text()[_END:]).encode())
WITNESSED: Policy = parse(policy_text().encode())


def sealed(root: Path, *reasons: str) -> World:
    """Return a ledger with one waiver for each reason, sealed at once."""
    world = World(root)
    grow(world, *reasons)
    return world


def grow(world: World, *reasons: str) -> None:
    """Record and seal one waiver for each reason."""
    world.record(*map(waiver, reasons))
    assert len(world.ledger.seal(LOG).sealed) == len(reasons)


def view(world: World) -> LogView:
    """Return the log as a verifier sees it."""
    data = world.ledger.checkpoint()
    assert data is not None
    return open_log(data, world.ledger.read, POLICY)
