"""What Copier runs after a copy or an update: write the receipt and its manifest blob.

Called from copier.yml with the operation and one JSON object. It runs in Copier's own environment, so it imports only
the standard library and, from the template source beside it, the part of the Remembrancer that needs nothing else.
Where the plugin has been removed it says so in one line and succeeds: L1 works without L2.
"""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import running

if TYPE_CHECKING:
    from provenance import Start

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent
PLUGIN = SOURCE / "plugins" / "remembrancer"
LATER = "Run 'ops/bin/remembrancer record' to write it later."


def predicate(root: Path, call: dict[str, Any], blob: str, lines: list[bytes]) -> dict[str, Any]:
    """Return what a spawn and an update state alike: source, answers and manifest."""
    import manifest  # noqa: PLC0415  # only once the interpreter is known to have tomllib
    import provenance  # noqa: PLC0415
    from remembrancer import clock  # noqa: PLC0415
    from remembrancer.receipt.source import public_source  # noqa: PLC0415
    from remembrancer.repository import store  # noqa: PLC0415
    from remembrancer.tlog import merkle  # noqa: PLC0415

    template = {"source": public_source(call["source"]), "commit": call["commit"], "version": call["ref"]}
    tag = provenance.signed_tag(SOURCE, call["ref"], call["commit"])
    if tag:
        template["tagSignature"] = store.Store(root).write_blob(tag)
    return {
        "recordedAt": clock.rfc3339(provenance.moment(root, call["layer"], clock.SystemClock().now())),
        "component": call["component"],
        "layer": call["layer"],
        "version": call["version"],
        "template": template,
        "answers": {"path": call["answers_file"], "sha256": manifest.sha256_file(root / call["answers_file"])},
        "manifest": {"sha256": blob, "root": merkle.root(lines).hex(), "files": len(lines)},
    }


def spawn(root: Path, call: dict[str, Any]) -> str:
    """Write the manifest blob and the spawn receipt below `root`; return the receipt's path, "" where nothing was new.

    Raises:
        manifest.ManifestError: the second render failed.
        RemembrancerError, OSError: the receipt could not be written.
    """
    import manifest  # noqa: PLC0415
    import provenance  # noqa: PLC0415
    from remembrancer.receipt import statement as receipt  # noqa: PLC0415
    from remembrancer.repository import store  # noqa: PLC0415

    known = manifest.template_paths(SOURCE / "templates" / call["layer"])
    present = sorted(path for path in known if (root / path).is_file())
    on_disk = manifest.digests(root, present)
    rendered, runnable = on_disk, manifest.executables(root, present)
    if manifest.existed_before(root, present, int(call["started"])):
        with manifest.rendering(SOURCE, call, root) as fresh:
            rendered = manifest.tree(fresh)
            runnable = manifest.executables(fresh, rendered)
    lines = manifest.lines(rendered, on_disk, HERE / "ownership.toml", runnable)
    target = store.Store(root)
    last = provenance.newest(root, call["layer"])
    if last is not None and manifest.states(target, last, call, root, lines):
        return ""  # `copier recopy` of what is recorded
    blob = target.write_blob(manifest.blob(lines))
    statement = receipt.build("spawn", [(call["component"], blob)], predicate(root, call, blob, lines))
    return target.write_receipt(statement).relative_to(root).as_posix()


def update(root: Path, call: dict[str, Any]) -> str:
    """Write the manifest blob and the update receipt; return its path, or "" where nothing was new.

    The receipt names the files that a person has to decide on: those with conflict markers, those that were changed
    here and that the new version no longer has, and the answers where one changed that nobody chose. While it names
    any it stays pending, until `remembrancer record update --resolved` has hashed the files again (DESIGN section 3).

    Raises:
        manifest.ManifestError: a version could not be rendered, or the old one is not known.
        RemembrancerError, OSError: the receipt could not be written.
    """
    import deciding  # noqa: PLC0415
    import fresh  # noqa: PLC0415
    import manifest  # noqa: PLC0415
    import provenance  # noqa: PLC0415
    import seen  # noqa: PLC0415
    from remembrancer.receipt import statement as receipt  # noqa: PLC0415
    from remembrancer.repository import store  # noqa: PLC0415

    start = provenance.start(root, SOURCE, call["layer"], call["from"])
    if start is None:
        raise manifest.ManifestError(
            f"the version {call['from']!r} that this update starts from is not in the template; "
            "docs/updating.md says what to do where a tag was deleted"
        )
    if start.commit == call["commit"] and not provenance.changed(root, start, call):
        if not start.recorded:
            print(
                f"receipt: {start.version} has no receipt yet, so it is not on the record that it came; "
                "run ops/bin/remembrancer record update",
                file=sys.stderr,
            )
        seen.noted("", ("", ""))  # nobody needs it
        return ""
    if start.moved:
        print(
            f"receipt: warning: {start.version} was {start.commit[:12]} when it was recorded and is {start.now[:12]} "
            "now; somebody moved the tag, so read what this update changes with care",
            file=sys.stderr,
        )
    with fresh.fresh(SOURCE, call, root) as new:
        open_questions = deciding.decide(root, SOURCE, call, start, new)
        on_disk = manifest.digests(root, sorted(new.files))
        lines = manifest.lines(new.files, on_disk, HERE / "ownership.toml", new.runnable)
    target = store.Store(root)
    blob = target.write_blob(manifest.blob(lines))
    stated = predicate(root, call, blob, lines)
    stated["from"] = _from(start)
    if hops := provenance.skipped(root, start, call["answers_file"]):
        stated["skipped"] = hops
        print(f"receipt: note: {', '.join(hops)} came without a receipt; this one says so", file=sys.stderr)
    stated["conflicts"] = sorted(open_questions)
    statement = receipt.build("update", [(call["component"], blob)], stated)
    path = target.write_receipt(statement, noted=False).relative_to(root).as_posix()
    tell(open_questions)
    return path


def _from(start: "Start") -> dict[str, str]:
    """Return where the update began: where the record ends, which is what Copier began with unless hops are missing."""
    if start.recorded or start.last is None:
        begin = {"commit": start.commit, "version": start.version}
        return begin | ({"movedTo": start.now} if start.moved else {})
    last = start.last.predicate["template"]
    return {"commit": last["commit"], "version": last["version"]}


def tell(open_questions: dict[str, list[str]]) -> None:
    """Say what a person has to look at and why, and what to do then."""
    for path, why in open_questions.items():
        for one in why:
            print(f"receipt: {path} {one}", file=sys.stderr)
    if open_questions:
        print(
            "receipt: pending until you have decided, then: ops/bin/remembrancer record update --resolved",
            file=sys.stderr,
        )


def main(arguments: list[str]) -> int:
    """Run one operation; return the exit code (0 also where there is no plugin to write a receipt with)."""
    if len(arguments) != 2 or arguments[0] not in {"spawn", "update"}:
        print("usage: post_generate.py spawn|update JSON", file=sys.stderr)
        return 2
    try:
        code = run(arguments[0], json.loads(arguments[1]))
    except KeyboardInterrupt:
        print(f"receipt: not written: stopped. {LATER}", file=sys.stderr)
        return 130
    if arguments[0] == "update" and code == 0:
        running.end(Path.cwd())
    return code


def run(name: str, call: dict[str, Any]) -> int:
    """Run one operation about what copier.yml says of this run; return the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  # Copier itself still runs on 3.10
        print(
            f"receipt: skipped, Copier runs on Python {sys.version.split()[0]} and receipts need 3.11. {LATER}",
            file=sys.stderr,
        )
        return 0
    if not (PLUGIN / "pyproject.toml").is_file():  # the same sign as in generators/release.py
        print("receipt: skipped, this template source has no Remembrancer plugin", file=sys.stderr)
        return 0
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", call["commit"]):
        print(
            f"receipt: skipped, the template source is not a git repository, so there is no commit to name. {LATER}",
            file=sys.stderr,
        )
        return 0
    try:
        sys.path.insert(0, str(PLUGIN / "src"))
        path = {"spawn": spawn, "update": update}[name](Path.cwd(), call)
    except Exception as error:  # noqa: BLE001  # a traceback would bury the one sentence that matters
        print(f"receipt: not written: {error}", file=sys.stderr)
        return 1
    print(f"receipt: {path or 'none, nothing was new'}", file=sys.stderr)
    from remembrancer.receipt.source import public_source  # noqa: PLC0415

    # a clone's own name is no path: the generator has said how a service with it is updated
    if public_source(call["source"]).startswith("local:") and not call["source"].startswith("git+local:"):
        print(
            f"receipt: note: {call['answers_file']} names the template by a path of this machine, which copier update "
            "finds nowhere else, and not even here if it is relative; copy from the template's URL to have updates",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
