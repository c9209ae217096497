"""The plan of a rollout: each update tried before anybody is bothered, and a file that says what came of it.

The same fleet, template and version give the same file, byte for byte: no times, no machine, sorted by name. It holds
digests of all that a rollout relies on: the commit that each update began with, the template's commit, and the tree
that came of both. It carries no signature: a rollout looks up again whatever it can, and is told the file's digest by
whoever wants to be sure of the rest, which is the command of the tests and the order of the services.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from aurora.files import packaged, read_given
from aurora.fleet import child
from aurora.fleet.forges.known import Forges
from aurora.fleet.forges.rest import Say
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.shard import WHOLE, Shard
from aurora.fleet.template import Template
from aurora.fleet.update import How, Step, Tried, attempt
from aurora.fleet.waves import assign, parse
from aurora.fleet.workplace import Bare, heads
from aurora.git import is_branch
from remembrancer.errors import BadInput, EnvironmentTrouble, RemembrancerError

SCHEMA = "https://vaultmesh.cloud/schema/aurora-fleet-plan/v1"
MAX_FILE = 256_000_000  # bytes; a service has about 1 kB
READY, CURRENT, BLOCKED = "ready", "current", "blocked"
_OBJECT = re.compile("[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Planned:
    """One service of a plan. Its wave is 0 unless it is ready; `code` and `message` say why it is blocked."""

    name: str
    url: str
    state: str
    branch: str = ""
    base: str = ""
    component: str = ""
    layers: tuple[Step, ...] = ()
    tree: str = ""
    wave: int = 0
    code: str = ""
    message: str = ""
    conflicts: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: the template's URL, version and commit, whether that is a tag, the tests' command, the services.

    `first` are the names that go before all others, `listed` is the digest of the list, `shard` whose services it has.
    """

    template: str
    version: str
    commit: str
    tag: bool
    tests: tuple[str, ...]
    waves: str
    services: tuple[Planned, ...]
    first: tuple[str, ...] = ()
    listed: str = ""
    shard: str = str(WHOLE)

    @property
    def branch(self) -> str:
        """The branch that a rollout pushes in every service."""
        return branch_of(self.version)

    @property
    def last(self) -> int:
        """The number of the last wave, 0 where nothing is ready."""
        return max((one.wave for one in self.services), default=0)

    def document(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        services = [{**asdict(one), "layers": [step._asdict() for step in one.layers]} for one in self.services]
        head = {"url": self.template, "version": self.version, "commit": self.commit, "tag": self.tag}
        return {
            "schema": SCHEMA,
            "template": head,
            "branch": self.branch,
            "tests": list(self.tests),
            "waves": self.waves,
            "first": list(self.first),
            "listed": self.listed,
            "shard": self.shard,
            "services": services,
        }

    def format(self) -> bytes:
        """Return the file's bytes."""
        return (json.dumps(self.document(), indent=1, sort_keys=True) + "\n").encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the file, which every request names."""
        return sha256(self.format()).hexdigest()


def branch_of(version: str) -> str:
    """Return the branch of a version's rollout."""
    return f"aurora/template-{version}"


def make(
    fleet: Fleet,
    template: Template,
    waves: str,
    how: How,
    *,
    forges: Forges,
    first: Sequence[str] = (),
    shard: Shard = WHOLE,
    cache: Path | None = None,
    jobs: int = 1,
    say: Say = lambda _: None,
) -> Plan:
    """Try every service's update and put those that came out well into waves, the names in `first` before all others.

    With a shard only its services are tried, and the waves are those of them alone until `joined` counts them anew. The
    mirrors of a cache save what is fetched. A repository that cannot be reached is a row.

    Raises BadInput(input.field), EnvironmentTrouble(env.copier).
    """
    parse(waves)
    first = tuple(dict.fromkeys(first))
    if strange := {*first} - {one.name for one in fleet.services}:
        raise BadInput("input.field", f"{min(strange)} is not in the fleet")

    def one(service: Service) -> Planned:
        mirror = cache and Mirrors(cache).folder(fleet, service)
        row = _planned(fleet, service, template, how, forges, mirror=mirror)
        say(f"{row.name}: {row.state}" + (f", {row.message} [{row.code}]" if row.code else ""))
        return row

    with child.threads(jobs) as pool:
        rows = tuple(pool.map(one, (service for service in fleet.services if shard.takes(service.name))))
    url, version, commit = template.url, template.version, template.commit
    services = numbered(rows, waves, first)
    return Plan(url, version, commit, template.tag, how.tests, waves, services, tuple(first), fleet.digest, str(shard))


def numbered(rows: Sequence[Planned], waves: str, first: Sequence[str]) -> tuple[Planned, ...]:
    """Return the services with their waves, which follow from the names of those that are ready."""
    ready = [row.name for row in rows if row.state == READY]
    order = sorted(ready, key=lambda name: (first.index(name) if name in first else len(first), name))
    at = assign(order, parse(waves))
    return tuple(replace(row, wave=at.get(row.name, 0)) for row in rows)


def _planned(
    fleet: Fleet, service: Service, template: Template, how: How, forges: Forges, *, mirror: Path | None
) -> Planned:
    url = fleet.place(service.url)
    row = Planned(service.name, service.url, BLOCKED, service.branch)
    try:
        more = forges.for_git(url)
        there = heads(url, service.branch, branch_of(template.version), more)
        row = replace(row, branch=there.branch, base=there.commit)
        with Bare(url, (there.branch,), more, mirror) as bare:
            if bare.tip(there.branch) != there.commit:
                raise EnvironmentTrouble("env.git", f"{there.branch} moved while it was read")
            return _row(row, attempt(bare, there.branch, there.commit, template, how))
    except RemembrancerError as error:
        if error.code in ("env.copier", "input.field"):
            raise
        code = "fleet.unreachable" if error.code == "env.git" and not row.base else error.code
        return replace(row, code=code, message=error.message)


def _row(row: Planned, tried: Tried) -> Planned:
    return replace(
        row,
        state=BLOCKED if tried.code else READY if tried.commit else CURRENT,
        component=tried.component,
        layers=tried.steps,
        tree=tried.tree,
        code=tried.code,
        message=tried.message,
        conflicts=tried.conflicts,
        failed=tried.failed,
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan."""
    return packaged("fleet-plan.schema.json")


def read(path: Path) -> Plan:
    """Return the plan in a file. Raises BadInput(fleet.plan, input.file), EnvironmentTrouble(env.io)."""
    return loads(read_given(path, MAX_FILE, "Write one with `aurora fleet plan`."))


def loads(data: bytes) -> Plan:
    """Return the plan in a file's bytes, which are those that `format` gives. Raises BadInput(fleet.plan)."""
    try:
        said = json.loads(data) if len(data) <= MAX_FILE else {}
        head = said["template"]
        services = tuple(_service(row) for row in said["services"])
        words, first = tuple(_texts(said["tests"])), tuple(_texts(said["first"]))
        template = (head["url"], head["version"], head["commit"], head["tag"])
        plan = Plan(*template, words, said["waves"], services, first, said["listed"], said["shard"])
        _check(plan, data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BadInput) as error:
        raise BadInput("fleet.plan", f"the plan is malformed: {str(error)[:200]}") from None
    return plan


def _service(row: Mapping[str, Any]) -> Planned:
    layers = tuple(Step(**step) for step in row["layers"])
    lists = {name: tuple(_texts(row[name])) for name in ("conflicts", "failed")}
    return Planned(**{**row, "layers": layers, **lists})


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if not isinstance(value, str):
            raise TypeError("a list has something that is not a text")
        yield value


def _check(plan: Plan, data: bytes) -> None:
    """Raise ValueError for what no plan says, where a rollout would rely on it."""
    if plan.format() != data:
        raise ValueError("it is not as aurora wrote it")
    texts = [plan.template, plan.version, plan.commit, plan.waves, plan.listed, plan.shard]
    if not all(isinstance(one, str) for one in texts) or type(plan.tag) is not bool:
        raise ValueError("the template is not described")
    shard = Shard.parse(plan.shard)
    names = [one.name for one in plan.services]
    if not all(isinstance(name, str) for name in names) or names != sorted({*names}):
        raise ValueError("the services are not sorted by name")
    for one in plan.services:
        _check_service(one)
    if strays := [name for name in names if not shard.takes(name)]:
        raise ValueError(f"{strays[0]} is not of the share {shard}")
    if numbered(plan.services, plan.waves, plan.first) != plan.services:
        raise ValueError(f"the services are in other waves than {plan.waves} gives")


def _check_service(one: Planned) -> None:
    fields = ("url", "branch", "base", "component", "tree", "code", "message")
    if any(not isinstance(getattr(one, field), str) for field in fields):
        raise ValueError(f"{one.name} has a field that is not a text")
    if any(not isinstance(text, str) for step in one.layers for text in step):
        raise ValueError(f"{one.name} has a layer with a field that is not a text")
    if one.state not in (READY, CURRENT, BLOCKED) or type(one.wave) is not int or one.wave < 0:
        raise ValueError(f"{one.name} has no state")
    if (one.state == BLOCKED) != bool(one.code):
        raise ValueError(f"{one.name} is blocked and does not say why, or the other way round")
    if one.state == READY and not (
        is_branch(one.branch) and _OBJECT.fullmatch(one.base) and _OBJECT.fullmatch(one.tree)
    ):
        raise ValueError(f"{one.name} has no branch, or no digests")
