"""Which repositories belong to a fleet: those of its sources that have this template's answers.

What is found is added to the list that is there. Entries and pins that people have reviewed stay as they are; one that
is not found any more is named and stays too, until somebody takes it out.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count
from typing import NamedTuple

from aurora.fleet.forges.rest import Say
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.sources import Candidate, Read, Source, Unread
from aurora.fleet.template import normal
from aurora.fleet.urls import identity, split
from remembrancer.errors import RemembrancerError, counted
from remembrancer.standard.generations import ANSWERS, MAX_BYTES, answers_said

AT_ONCE = 4  # questions to one forge; more of them meet its second rate limit
ENDING = ("fleet.rate-limit", "fleet.forge-limit")  # what the next repository would only meet again


class Discovery(NamedTuple):
    """What came of it: the fleet with what is new in it, names of new and vanished entries, and what was left out."""

    fleet: Fleet
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    others: int
    unread: tuple[Unread, ...]

    @property
    def exit_code(self) -> int:
        """1 where there is something that no list may have, else 4 where a repository was not read, else 0."""
        codes = {one.code for one in self.unread}
        return 1 if codes & {"fleet.forge-offer", "fleet.list"} else 4 if codes else 0


def discover(fleet: Fleet, sources: Sequence[Source], *, say: Say = lambda _: None) -> Discovery:
    """Return the fleet with the repositories of the sources that follow its template (any, where it names none).

    One that cannot be read or listed is named, and the others go on. Raises EnvironmentTrouble(fleet.forge,
    fleet.forge-access, fleet.forge-limit, fleet.rate-limit) where a forge does not list them.
    """
    found: dict[str, Candidate] = {}
    unread: list[Unread] = []
    seen = set[str]()
    others = 0

    def judge(one: Candidate | Unread) -> tuple[Candidate | Unread, bool | Unread]:
        if isinstance(one, Unread):
            return one, one
        try:
            return one, follows(one.read, fleet.template)
        except RemembrancerError as error:
            if error.code in ENDING:
                raise
            return one, Unread(one.name, error.code, error.message)

    for source in sources:
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for one, belongs in pool.map(judge, source.candidates):
                if isinstance(belongs, Unread):
                    unread.append(belongs)
                if isinstance(one, Unread):
                    continue
                if belongs is False:
                    others += 1
                    continue
                seen |= one.identities
                if belongs is True:
                    found.setdefault(identity(one.url), one)
                    say(f"{one.name} follows the template")
    here = {fleet.identity(one.url) for one in fleet.services}
    new = _named({one.name for one in fleet.services}, [one for one in found.values() if not one.identities & here])
    absent = [one for one in fleet.services if fleet.identity(one.url) not in seen]
    gone = tuple(one.name for one in absent if any(each.covers(one.url) for each in sources))
    whole = fleet.having([*fleet.services, *new])
    return Discovery(whole, tuple(sorted(one.name for one in new)), gone, others, tuple(unread))


def _named(names: set[str], found: Iterable[Candidate]) -> list[Service]:
    """Return entries for what was found, each with a name that nobody else has."""
    new = []
    for one in sorted(found, key=lambda one: (one.name, one.url)):
        host = split(one.url)[0].replace(":", "-").strip("[]")
        further = (f"{one.name}-{again}" for again in count(2))
        name = next(form for form in chain((one.name, f"{host or 'local'}/{one.name}"), further) if form not in names)
        names.add(name)
        new.append(Service(name, one.url))
    return new


def follows(read: Read, template: str) -> bool:
    """Say whether a repository has an answers file of this collection, and of this template where one is named."""
    for name in ANSWERS.values():
        data = read(name)
        said = answers_said(name, data.decode("utf-8", "replace")) if data and len(data) <= MAX_BYTES else None
        if said and (not template or normal(said.source) == normal(template)):
            return True
    return False


def summary(done: Discovery) -> list[str]:
    """Return the lines that people read."""
    lines = [f"new: {name}" for name in done.new]
    lines += [
        f"vanished: {name} is not found any more; its entry stays until somebody takes it out" for name in done.vanished
    ]
    lines += [f"unread: {one.name}: {one.message} [{one.code}]" for one in done.unread]
    others = f", {counted(done.others, 'repository', 'repositories')} without this template" if done.others else ""
    return [*lines, f"{counted(len(done.fleet.services), 'service')} in the fleet, {len(done.new)} new{others}"]
