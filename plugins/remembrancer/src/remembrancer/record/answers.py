"""What an operator decides before production begins, and the file of answers that programs give it in.

Nothing here asks the network or gpg: that is `record.authorities` and `record.production`.
"""

from pathlib import Path
from typing import Any

from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.system.digests import read_given
from remembrancer.trust import toml

_ANSWERS: dict[str, type] = {
    "component": str,
    "domain": str,
    "owner": str,
    "signers": list,
    "log-key-file": str,
    "authority": list,
}
_AUTHORITY: dict[str, type] = {
    "name": str,
    "url": str,
    "roots": list,
    "intermediates": list,
    "policy-oids": list,
    "allow-ess-v1": bool,
    "self-asserted": bool,
}


class Listed(NamedTuple):
    """A timestamp authority that the operator names: its name in the policy, where it answers, its roots (PEM).

    `intermediates` help to build its chain, `policy_oids` are the only token policies that are accepted (none: any),
    `allow_ess_v1` accepts an attribute with SHA-1, and `self_asserted` says that the signer runs it.
    """

    name: str
    url: str
    roots: tuple[Path, ...]
    intermediates: tuple[Path, ...] = ()
    policy_oids: tuple[str, ...] = ()
    allow_ess_v1: bool = False
    self_asserted: bool = False


class Answers(NamedTuple):
    """What is known of a production that is to begin; what is None or empty has not been said."""

    component: str | None = None
    domain: str | None = None
    owner: str | None = None
    signers: tuple[str, ...] = ()
    log_key_file: Path | None = None
    authorities: tuple[Listed, ...] = ()

    def over(self, other: "Answers") -> "Answers":
        """Return these answers, and the other's where these say nothing."""
        return self._replace(**{name: theirs for name, theirs in other._asdict().items() if not getattr(self, name)})


def read_answers(file: Path) -> Answers:
    """Read a file of answers (TOML, at most 1 MiB); the paths in it begin at its own folder.

    Raises BadInput(input.file, input.terms): an unknown name and a value of another type are refused.
    """
    try:
        values = toml.loads(read_given(file, toml.MAX_BYTES))
    except ValueError as error:
        raise _bad(file, f"is not TOML ({str(error)[:100]})") from error
    given = _typed(file, values, _ANSWERS, "")
    log_key_file = given.get("log-key-file")
    return Answers(
        component=given.get("component"),
        domain=given.get("domain"),
        owner=given.get("owner"),
        signers=_texts(file, given, "signers"),
        log_key_file=file.parent / log_key_file if log_key_file else None,
        authorities=tuple(_listed(file, row, number) for number, row in enumerate(given.get("authority", []), 1)),
    )


def _listed(file: Path, row: object, number: int) -> Listed:
    where = f" in [[authority]] {number}"
    if not isinstance(row, dict):
        raise _bad(file, f"has no table{where}")
    given = _typed(file, row, _AUTHORITY, where)
    if missing := [name for name in ("name", "url", "roots") if not given.get(name)]:
        raise _bad(file, f"has no {' and no '.join(missing)}{where}")
    return Listed(
        name=given["name"],
        url=given["url"],
        roots=tuple(file.parent / one for one in _texts(file, given, "roots", where)),
        intermediates=tuple(file.parent / one for one in _texts(file, given, "intermediates", where)),
        policy_oids=_texts(file, given, "policy-oids", where),
        allow_ess_v1=given.get("allow-ess-v1", False),
        self_asserted=given.get("self-asserted", False),
    )


def _typed(file: Path, values: dict[str, Any], types: dict[str, type], where: str) -> dict[str, Any]:
    for name, value in values.items():
        if name not in types:
            raise _bad(file, f"has an unknown name {name[:60]!r}{where}")
        if type(value) is not types[name]:
            raise _bad(file, f"must have a value of type {types[name].__name__} for {name}{where}")
    return values


def _texts(file: Path, given: dict[str, Any], name: str, where: str = "") -> tuple[str, ...]:
    values = given.get(name, [])
    if not all(isinstance(one, str) and one for one in values):
        raise _bad(file, f"must list texts for {name}{where}")
    return tuple(values)


def _bad(file: Path, why: str) -> BadInput:
    return BadInput("input.terms", f"{file} {why}")
