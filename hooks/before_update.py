"""What Copier runs before an update writes anything: stop, in a sentence, where it would take something away.

Copier overwrites untracked and ignored files, breaks off halfway where a file stands in a folder's place, and lets two
updates write into each other. Standard library only, for any Python that Copier itself runs on.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import running
from provenance import git, git_bytes

SOURCE = Path(__file__).resolve().parent.parent
SUFFIX = ".jinja"
RECEIPTS = "ops/receipts/"


class Stop(Exception):
    """The update is not begun; the message is one sentence, and what to do."""


def check(root: Path, call: Mapping[str, Any]) -> None:
    """Raise Stop where this update must not begin.

    Args:
        root: the service, as it was before.
        call: what copier.yml says about this run: `answers_file`, `data`, `source`, `commit`, `from`.
    """
    if trouble := _settings(root):
        raise Stop(trouble)
    if trouble := running.begin(root, str(call["from"]), str(call["commit"])):
        raise Stop(trouble)
    # an earlier migration may have renamed an answer
    others = (".", f":(exclude){call['answers_file']}")
    changed = git(root, "-c", "status.showUntrackedFiles=normal", "status", "--porcelain", "--", *others)
    if changed:
        names = ", ".join(line[2:].strip() for line in changed.splitlines()[:5])
        raise Stop(
            f"the work tree is not what is committed ({names}); "
            "commit or stash it, or wait for whoever is writing there, and run copier update --trust again"
        )
    layer = _layer(root / call["answers_file"])
    possible = paths(SOURCE / "templates" / layer) if layer else set()
    clashes = [*_in_the_way(root, possible)]
    strange = _not_in_git(root, possible - {call["answers_file"]})
    if clashes or strange:
        _narrow(root, call, clashes, strange)


def paths(template: Path) -> set[str]:
    """Return every path that the template can produce, POSIX and relative; see `manifest.template_paths`."""
    found: set[str] = set()
    for folder, _, names in os.walk(template, followlinks=True):
        relative = Path(folder).relative_to(template)
        for name in names:
            path = (relative / name).as_posix()
            found.add(path[: -len(SUFFIX)] if path.endswith(SUFFIX) else path)
    return {path for path in found if not path.startswith(RECEIPTS)}


def _settings(root: Path) -> str:
    """Return how to go on where a Git setting of the user's lets Copier, which asks as the user does, lose a change."""
    found: list[tuple[str, str, str]] = []
    # where Git looks when nothing is set
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git/ignore"
    ignored = _as_the_user("config", "--type=path", "core.excludesFile") or (usual if usual.is_file() else "")
    if ignored and (hidden := git(root, "ls-files", "--cached", "--ignored", f"--exclude-from={ignored}")):
        found.append(("core.excludesFile", "/dev/null", f" hides {', '.join(hidden.splitlines()[:3])}"))
    for name, harmless in (("status.showUntrackedFiles", ("normal", "all")), ("apply.whitespace", ("warn", "nowarn"))):
        if (said := _as_the_user("config", name)) and said not in harmless:
            found.append((name, harmless[0], f" is {said}"))
    if not found:
        return ""
    instead = "".join(f"GIT_CONFIG_KEY_{n}={one[0]} GIT_CONFIG_VALUE_{n}={one[1]} " for n, one in enumerate(found))
    return (
        f"Git's {' and '.join(name + how for name, _, how in found)}, so that Copier would lose changes of yours; "
        f"run make update, or GIT_CONFIG_COUNT={len(found)} {instead}copier update --trust"
    )


def _as_the_user(*words: str) -> str:
    """Return what Git says with this user's settings, or ""."""
    done = subprocess.run(["git", *words], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace").strip()


def _layer(answers: Path) -> str:
    said = re.search(r"^layer: ['\"]?([a-z0-9-]+)", answers.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return said[1] if said else ""


def _in_the_way(root: Path, possible: Iterable[str]) -> Iterable[str]:
    """Yield each path that is a folder where the version has a file, or a file where it has a folder."""
    folders = {parent.as_posix() for path in possible for parent in Path(path).parents if parent != Path()}
    yield from sorted(path for path in possible if (root / path).is_dir())
    yield from sorted(path for path in folders if os.path.lexists(root / path) and not (root / path).is_dir())


def _not_in_git(root: Path, possible: set[str]) -> list[str]:
    """Return the paths that are on disk and not in HEAD, ignored or not."""
    there = {path for path in possible if os.path.lexists(root / path)}
    listed = git_bytes(root, "ls-files", "--cached", "-z", "--", ".").decode("utf-8", "surrogateescape")
    return sorted(there - set(listed.split("\0")))


def _narrow(root: Path, call: Mapping[str, Any], clashes: list[str], strange: list[str]) -> None:
    """Raise Stop for what this version really renders with these answers, and would replace by something else."""
    import manifest  # noqa: PLC0415  # only where a sentence is about to be said

    rendered: dict[str, str] | None
    try:
        rendered = manifest.render_again(SOURCE, call, root)
    except manifest.ManifestError:
        rendered = None
    if rendered is not None:
        folders = {parent.as_posix() for path in rendered for parent in Path(path).parents}
        clashes = [path for path in clashes if path in rendered or path in folders]
        strange = [path for path in strange if path in rendered]
        recorded = _recorded(root, call)
        strange = [
            path
            for path in strange
            if not (root / path).is_file()
            or manifest.sha256_file(root / path) not in (rendered[path], recorded.get(path))
        ]
    if clashes:
        raise Stop(
            f"{', '.join(clashes)}: the new version has a file where a folder is here, or a folder where a file is; "
            "give it another name, commit that, and run copier update --trust again"
        )
    if strange:
        raise Stop(
            f"Git does not have {', '.join(strange)}, and the new version would replace it; "
            "move it away or commit it (git add --force), and run copier update --trust again"
        )


def _recorded(root: Path, call: Mapping[str, Any]) -> Mapping[str, str]:
    """Return path to digest as the present version was rendered, as far as a receipt tells."""
    import deleted_upstream  # noqa: PLC0415
    import provenance  # noqa: PLC0415

    sys.path.insert(0, str(SOURCE / "plugins" / "remembrancer" / "src"))
    try:
        last = provenance.newest(root, _layer(root / call["answers_file"]))
        return {} if last is None else {path: one[0] for path, one in deleted_upstream.lines_of(root, last).items()}
    except Exception:  # noqa: BLE001  # without a receipt, or without the plugin, nothing is excused
        return {}


def main(arguments: list[str]) -> int:
    """Check before an update; return 0, or 1 where it must not begin."""
    if len(arguments) != 1:
        print("usage: before_update.py JSON", file=sys.stderr)
        return 2
    call = json.loads(arguments[0])
    try:
        check(Path.cwd(), call)
    except Stop as error:
        git(Path.cwd(), "checkout", "--quiet", "HEAD", "--", call["answers_file"])  # an answer that was renamed already
        print(f"update: stopped before anything was written: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("update: stopped before anything was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
