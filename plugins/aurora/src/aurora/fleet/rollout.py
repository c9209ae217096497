"""A rollout: the plan's waves, one after the other, each service by a branch and a request.

Nothing is remembered here: what has been done is asked of the remote and of the forge each time. So a run that was
killed goes on, a second run opens nothing twice, and two runs at once do no harm. The push of the branch is the one
instant at which something happens, and it is asked for only where no branch of that name is.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from aurora.fleet import child
from aurora.fleet.forges.base import Request
from aurora.fleet.forges.known import Forges, Hosted
from aurora.fleet.forges.rest import Say
from aurora.fleet.listed import Fleet
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.plan import READY, Plan, Planned
from aurora.fleet.proposal import text
from aurora.fleet.shard import WHOLE, Shard
from aurora.fleet.template import Template, normal
from aurora.fleet.update import How, Receipt, Step, attempt, component_of, facts, steps, subject
from aurora.fleet.workplace import Bare, Heads, heads
from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected, RemembrancerError, Unverifiable, counted

GREEN, WAITING, RED = "green", "waiting", "red"


@dataclass(frozen=True, slots=True)
class Rolled:
    """One service of a wave: what was found or done, and where its request is.

    `state` is absent (nothing was done yet), pushed (there is a branch and no forge), open, merged or stopped; `checks`
    is the forge's word on an open request. `code` and `message` say why it is stopped.
    """

    name: str
    wave: int
    state: str
    url: str = ""
    checks: str = ""
    code: str = ""
    message: str = ""
    new: bool = False

    @property
    def light(self) -> str:
        """What the service says to the next wave: green, waiting or red."""
        if self.state == "merged" or (self.state == "open" and self.checks == "green"):
            return GREEN
        return RED if self.state == "stopped" or self.checks == "red" else WAITING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the services that it looked at, and the sentence why it ended before the last wave."""

    rows: tuple[Rolled, ...]
    ended: str = ""

    @property
    def exit_code(self) -> int:
        """1 where a service is red, else 0."""
        return 1 if any(row.light == RED for row in self.rows) else 0


class Rollout:
    """Carries a plan out. Takes the plan, the fleet as it is listed now, the template, the forges, and how to try.

    With a shard only its services are carried out and reported; the next wave waits for all of the one before.
    """

    def __init__(
        self,
        plan: Plan,
        fleet: Fleet,
        template: Template,
        forges: Forges,
        how: How,
        *,
        despite: Collection[str] = (),
        shard: Shard = WHOLE,
        cache: Path | None = None,
        jobs: int = 1,
        say: Say = lambda _: None,
    ) -> None:
        """Raises BadInput(fleet.plan, input.field), Rejected(fleet.template-moved)."""
        if plan.shard != str(WHOLE):
            why = f"the plan is of the share {plan.shard}; join all shares with `aurora fleet merge`"
            raise BadInput("fleet.plan", why)
        if not plan.tag:
            raise BadInput("fleet.plan", f"{plan.version} is a branch of the template; only a tag is rolled out")
        if template.commit != plan.commit:
            why = f"{plan.version} was {plan.commit[:12]} when the plan was made and is {template.commit[:12]} now"
            raise Rejected("fleet.template-moved", why)
        if strange := {*despite} - {one.name for one in plan.services}:
            raise BadInput("input.field", f"{min(strange)} is not in the plan")
        self._plan, self._template, self._forges = plan, template, forges
        self._cache = cache
        self._fleet, self._listed = fleet, {one.name: one for one in fleet.services}
        self._how = how._replace(tests=plan.tests)
        self._despite, self._shard, self._jobs, self._say = despite, shard, jobs, say

    def run(self, wave: int | None = None) -> Outcome:
        """Carry out one wave, or as many as the answers of the forges allow.

        Raises BadInput(input.field) for a wave that the plan does not have; for one wave also Rejected(fleet.wave-red),
        Unverifiable(fleet.wave-waiting) when an earlier one is not green.
        """
        if wave is None:
            return self._all()
        if not 1 <= wave <= self._plan.last:
            raise BadInput("input.field", f"the plan has {counted(self._plan.last, 'wave')}, so no wave {wave}")
        for number in range(1, wave):
            light, why = self._light(self._wave(number, act=False))
            if light == RED:
                raise Rejected("fleet.wave-red", f"wave {number} is red: {why}")
            if light == WAITING:
                raise Unverifiable("fleet.wave-waiting", f"wave {number} is not done: {why}")
        return Outcome(self._mine(self._wave(wave, act=True)))

    def _all(self) -> Outcome:
        rows: list[Rolled] = []
        for number in range(1, self._plan.last + 1):
            found = self._wave(number, act=True)
            rows += self._mine(found)
            light, why = self._light(found)
            if light != GREEN and number < self._plan.last:
                return Outcome(tuple(rows), f"wave {number + 1} waits for wave {number}: {why}")
        return Outcome(tuple(rows))

    def _mine(self, rows: Sequence[Rolled]) -> tuple[Rolled, ...]:
        return tuple(row for row in rows if self._shard.takes(row.name))

    def _light(self, rows: Sequence[Rolled]) -> tuple[str, str]:
        """Return what a wave says to the next one, and why."""
        counting = [row for row in rows if row.name not in self._despite]
        for light in (RED, WAITING):
            if names := [row.name for row in counting if row.light == light]:
                return light, f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"
        return GREEN, ""

    def _wave(self, number: int, *, act: bool) -> list[Rolled]:
        services = [one for one in self._plan.services if one.state == READY and one.wave == number]
        with child.threads(self._jobs) as pool:
            return list(pool.map(lambda one: self._row(one, act=act and self._shard.takes(one.name)), services))

    def _row(self, service: Planned, *, act: bool) -> Rolled:
        row = Rolled(service.name, service.wave, "stopped")
        try:
            listed = self._listed.get(service.name)
            if listed is None or listed.url != service.url:
                why = f"{service.name} is not in the list of the fleet any more, or has another URL there"
                raise BadInput("fleet.plan", why)
            if listed.branch and listed.branch != service.branch:
                why = f"{service.name} is planned for {service.branch}, and the list of the fleet says {listed.branch}"
                raise BadInput("fleet.plan", why)
            url = self._fleet.place(listed.url)
            row = self._one(service, url, self._forges.of(url), act=act)
        except RemembrancerError as error:
            row = replace(row, code=error.code, message=error.message)
        if act:
            self._say(f"{row.name}: {row.state}" + (f", {row.message} [{row.code}]" if row.code else ""))
        return row

    def _one(self, service: Planned, url: str, hosted: Hosted | None, *, act: bool) -> Rolled:
        row = Rolled(service.name, service.wave, "absent")
        base, branch = service.branch, self._plan.branch
        if hosted and (request := hosted.forge.request(hosted.path, branch, base)):
            return self._asked(row, request)
        more = self._forges.for_git(url)
        try:
            # the list's word and not the plan's: "" is the remote's default
            there = heads(url, self._listed[service.name].branch, branch, more)
        except EnvironmentTrouble as error:
            raise EnvironmentTrouble("fleet.unreachable", error.message) from None
        if there.branch != base:
            why = f"{there.branch} is the default branch, and the plan is for {base}"
            raise Rejected("fleet.base-moved", why)
        branches = (base, branch) if there.other else (base,)
        if there.commit == service.base and not there.other and not act:
            return row
        with Bare(url, branches, more, self._mirror(service)) as bare:
            if there.other:
                return self._pushed(row, service, bare, there, hosted, act=act)
            if there.commit != service.base:
                return self._moved(row, bare, there)
            return self._begin(row, service, bare, url, hosted)

    def _asked(self, row: Rolled, request: Request, *, new: bool = False) -> Rolled:
        if request.state == "closed":
            why = "its request was closed without a merge"
            return replace(row, state="stopped", url=request.url, code="fleet.declined", message=why)
        return replace(row, state=request.state, url=request.url, checks=request.checks, new=new)

    def _mirror(self, service: Planned) -> Path | None:
        return self._cache and Mirrors(self._cache).folder(self._fleet, self._listed[service.name])

    def _moved(self, row: Rolled, bare: Bare, there: Heads) -> Rolled:
        """Say of a base that is another one whether it follows the version already."""
        found = steps(bare, there.commit)
        if found and all(step.version == self._plan.version for step, *_ in found):
            return replace(row, state="merged")
        why = f"{there.branch} is {there.commit[:12]} now, and the plan began with another commit"
        raise Rejected("fleet.base-moved", why)

    def _pushed(
        self, row: Rolled, service: Planned, bare: Bare, there: Heads, hosted: Hosted | None, *, act: bool
    ) -> Rolled:
        """Go on with a branch that is there: one of an earlier run, perhaps with somebody's commits behind it."""
        made = self._ours(service, bare, there.other)
        if not made:
            why = f"there is a branch {self._plan.branch} that is not what the plan gives"
            raise Rejected("fleet.branch-taken", why)
        if bare.holds(there.commit, made):
            return replace(row, state="merged")
        if not hosted:
            return replace(row, state="pushed")
        if not act:
            return row
        layers = steps(bare, service.base)
        _described(service, component_of(layers), tuple(step for step, *_ in layers))
        return self._propose(row, service, hosted, facts(bare, service.base, made))

    def _ours(self, service: Planned, bare: Bare, tip: str) -> str:
        """Return the commit on a branch that is what the plan gives, "" for none among the newest hundred."""
        for _ in range(100):
            parents = bare.parents(tip)
            if parents == [service.base]:
                return tip if bare.tree(tip)[1] == service.tree else ""
            if not parents:
                break
            tip = parents[0]
        return ""

    def _begin(self, row: Rolled, service: Planned, bare: Bare, url: str, hosted: Hosted | None) -> Rolled:
        tried = attempt(bare, service.branch, service.base, self._template, self._how)
        if tried.code:
            return replace(row, state="stopped", code=tried.code, message=tried.message)
        _described(service, tried.component, tried.steps)
        if tried.tree != service.tree:
            raise Rejected("fleet.result-differs", "the update gives another tree than when the plan was made")
        more = self._forges.for_git(url)
        with ExitStack() as stack:
            # foreign code has run meanwhile, as this user: what is pushed is a commit by its name, from a new copy
            fresh = stack.enter_context(Bare(url, (service.branch,), more, self._mirror(service)))
            if fresh.tip(service.branch) != service.base:
                raise Rejected("fleet.base-moved", f"{service.branch} moved during the update")
            fresh.take(bare, tried.commit)
            if not fresh.push(tried.commit, self._plan.branch):
                return self._one(service, url, hosted, act=True)  # another run was quicker
        if not hosted:
            return replace(row, state="pushed", new=True)
        return self._propose(row, service, hosted, tried.receipts)

    def _propose(self, row: Rolled, service: Planned, hosted: Hosted, receipts: Sequence[Receipt]) -> Rolled:
        title = subject(service.component, self._plan.version)
        words = text(self._plan, service, receipts)
        request = hosted.forge.propose(hosted.path, self._plan.branch, service.branch, title, words)
        return self._asked(row, request, new=True)


def _described(service: Planned, component: str, layers: tuple[Step, ...]) -> None:
    """Refuse a plan whose words about a service, which its request repeats, are not the service's own."""
    if (service.component, service.layers) != (component, layers):
        raise BadInput("fleet.plan", f"{service.name} has another component or other layers than the plan says")


def check_template(plan: Plan, url: str, others: Collection[str]) -> None:
    """Refuse a plan of another template than the one that was asked for: its code would run, and be pushed.

    Raises BadInput(fleet.plan).
    """
    if normal(plan.template) not in {normal(one) for one in (url, *others)}:
        raise BadInput("fleet.plan", f"the plan is of the template {plan.template[:200]!r}, and not of {url}")
