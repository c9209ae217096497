"""Which releases the template has, as its own repository says: so a service can be told how far behind it is."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora import git
from aurora.files import write_whole
from aurora.fleet.listed import Fleet
from remembrancer.clock import Clock, SystemClock, rfc3339

_TAG = re.compile(r"refs/tags/(v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*))", re.ASCII)


class Releases(NamedTuple):
    """The releases of the template, oldest first, and when they were asked for; nothing that is a pre-release."""

    versions: tuple[str, ...]
    at: str


def sync_template(cache: Path, fleet: Fleet, clock: Clock | None = None) -> Releases | None:
    """Ask the template's repository for its releases, and keep them; None for a fleet that names no template.

    Raises EnvironmentTrouble(env.git).
    """
    if not fleet.template:
        return None
    listed = git.must(Path.cwd(), "ls-remote", "--tags", "--refs", "--", fleet.place(fleet.template))
    found = (_TAG.fullmatch(line.partition("\t")[2]) for line in listed.decode("utf-8", "replace").splitlines())
    tags = {match[1]: tuple(map(int, match.groups()[1:])) for match in found if match}
    done = Releases(tuple(sorted(tags, key=lambda tag: tags[tag])), rfc3339((clock or SystemClock()).now()))
    write_whole(_template(cache, fleet), json.dumps(done._asdict()).encode())
    return done


def releases(cache: Path, fleet: Fleet) -> Releases | None:
    """Return the template's releases as the last sync found them; None where it found none."""
    try:
        said = json.loads(_template(cache, fleet).read_bytes())
        return Releases(tuple(map(str, said["versions"])), str(said["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _template(cache: Path, fleet: Fleet) -> Path:
    return cache / "templates" / f"{sha256(fleet.place(fleet.template).encode()).hexdigest()[:32]}.json"
