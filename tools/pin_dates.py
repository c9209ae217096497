"""Keep the day on which each pin of a lock file came here, and say which pins are old; no network is asked.

tools/pin_dates.py          write tools/pin_dates.json: new pins get today's date, gone ones leave (make lock does it)
tools/pin_dates.py --old    name the pins that have been here for more than a year, and the Kubernetes that services get
"""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATES = ROOT / "tools" / "pin_dates.json"
YEAR = 365
LOCKS = ([".lock"], [".lock", ".jinja"])
PIN = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")


def lock_files(root: Path = ROOT) -> list[Path]:
    """Return every lock file for Python packages that is here, links to others aside."""
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "dist"))]
    found = [*root.glob("*.lock*"), *(path for folder in folders for path in folder.rglob("*.lock*"))]
    return sorted(path for path in found if path.suffixes[-2:] in LOCKS and path.is_file() and not path.is_symlink())


def pins(root: Path = ROOT) -> set[str]:
    """Return each pin of every lock file, as `name==version`."""
    found = set()
    for path in lock_files(root):
        found |= {f"{name.lower()}=={version}" for name, version in PIN.findall(path.read_text(encoding="utf-8"))}
    return found


def renewed(known: Mapping[str, str], wanted: set[str], today: date) -> dict[str, str]:
    """Return pin to day: the known one, today's for a new pin, none for one that is gone."""
    return {pin: known.get(pin, today.isoformat()) for pin in sorted(wanted)}


def old(known: Mapping[str, str], today: date) -> list[str]:
    """Return the pins that came more than a year ago, oldest first, each with its day."""
    aged = sorted((day, pin) for pin, day in known.items() if (today - date.fromisoformat(day)).days > YEAR)
    return [f"{pin} since {day}" for day, pin in aged]


def known_dates() -> dict[str, str]:
    """Return what is written down, nothing where there is no file yet."""
    return dict(json.loads(DATES.read_text(encoding="utf-8"))) if DATES.is_file() else {}


def main(arguments: list[str]) -> int:
    """Write the dates, or name old pins; return 0."""
    today = datetime.now(UTC).date()
    if arguments == ["--old"]:
        found = old(known_dates(), today)
        print("\n".join(found) or "no pin is older than a year")
        sys.path.insert(0, str(ROOT / "ops" / "lib"))
        from shared import CLUSTER  # noqa: PLC0415, I001 - it leads to the tools of templates/ci, this repository's own
        from health_lines import cluster  # noqa: PLC0415

        print(cluster(CLUSTER).message)
        return 0
    DATES.write_text(json.dumps(renewed(known_dates(), pins(), today), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
