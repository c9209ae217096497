"""What Copier runs after a copy or an update: write the receipt and its manifest blob.

Called from copier.yml with the operation and one JSON object. It runs in Copier's own environment, so it imports only
the standard library and, from the template source beside it, the part of the Remembrancer that needs nothing else.
Where the plugin has been removed it says so in one line and succeeds: L1 works without L2.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent
PLUGIN = SOURCE / "plugins" / "remembrancer" / "src"
LATER = "Run 'ops/bin/remembrancer record' to write it later."


def public_source(source: str) -> str:
    """Return a template source as it may be recorded: without credentials, and never a path of this machine.

    A URL loses what stands before its host, except the user of an SSH address; anything else is reduced to its name.
    """
    url = re.fullmatch(r"(?P<git>git\+)?(?P<scheme>https?|ssh|git)://(?:(?P<user>[^/@]*)@)?(?P<rest>.+)", source)
    if url:
        user = "git@" if url["scheme"] == "ssh" and (url["user"] or "").split(":")[0] == "git" else ""
        return f"{url['scheme']}://{user}{url['rest']}"
    if re.fullmatch(r"(gh|gl):[\w.-]+/[\w.-]+", source) or re.fullmatch(r"git@[\w.-]+:[\w./-]+", source):
        return source
    return f"local:{Path(source.rstrip('/')).name or 'template'}"


def predicate(root: Path, call: dict[str, Any], blob: str, lines: list[bytes]) -> dict[str, Any]:
    """Return what a spawn and an update state alike: source, answers and manifest."""
    import manifest  # noqa: PLC0415  # only once the interpreter is known to have tomllib
    from remembrancer import clock, merkle  # noqa: PLC0415

    return {
        "recordedAt": clock.rfc3339(clock.SystemClock().now()),
        "component": call["component"],
        "layer": call["layer"],
        "version": call["version"],
        "template": {"source": public_source(call["source"]), "commit": call["commit"], "version": call["ref"]},
        "answers": {"path": call["answers_file"], "sha256": manifest.sha256_file(root / call["answers_file"])},
        "manifest": {"sha256": blob, "root": merkle.root(lines).hex(), "files": len(lines)},
    }


def spawn(root: Path, call: dict[str, Any]) -> str:
    """Write the manifest blob and the spawn receipt below `root`; return the receipt's path relative to it.

    Raises:
        manifest.ManifestError: the second render failed.
        RemembrancerError, OSError: the receipt could not be written.
    """
    import manifest  # noqa: PLC0415
    from remembrancer import receipt, store  # noqa: PLC0415

    known = manifest.template_paths(SOURCE / "templates" / call["layer"])
    present = sorted(path for path in known if (root / path).is_file())
    on_disk = manifest.digests(root, present)
    rendered = on_disk
    if manifest.existed_before(root, present, int(call["started"])):
        rendered = manifest.render_again(call["source"], call["commit"], root, call["answers_file"])
    lines = manifest.lines(rendered, on_disk, HERE / "ownership.toml")
    target = store.Store(root)
    blob = target.write_blob(manifest.blob(lines))
    statement = receipt.build("spawn", [(call["component"], blob)], predicate(root, call, blob, lines))
    return target.write_receipt(statement).relative_to(root).as_posix()


def update(root: Path, call: dict[str, Any]) -> str:
    """Write the manifest blob and the update receipt; return its path, or "" where nothing was new.

    The receipt names the files with conflict markers. While it names any it stays pending, until
    `remembrancer record update --resolved` has hashed the files again (DESIGN section 3).

    Raises:
        manifest.ManifestError: the new version could not be rendered, or the old one is not known.
        RemembrancerError, OSError: the receipt could not be written.
    """
    import manifest  # noqa: PLC0415
    from remembrancer import receipt, store  # noqa: PLC0415

    old = manifest.git(SOURCE, "rev-parse", "--verify", "--quiet", f"{call['from']}^{{commit}}")
    if not old:
        raise manifest.ManifestError(
            f"the version {call['from']!r} that this update starts from is not in the template"
        )
    if old == call["commit"] and not manifest.git(root, "status", "--porcelain", "--", call["answers_file"]):
        return ""
    rendered = manifest.render_again(call["source"], call["commit"], root, call["answers_file"])
    on_disk = manifest.digests(root, sorted(rendered))
    lines = manifest.lines(rendered, on_disk, HERE / "ownership.toml")
    target = store.Store(root)
    blob = target.write_blob(manifest.blob(lines))
    stated = predicate(root, call, blob, lines)
    stated["from"] = {"commit": old, "version": call["from"]}
    stated["conflicts"] = manifest.conflicts(root, sorted(rendered))
    statement = receipt.build("update", [(call["component"], blob)], stated)
    return target.write_receipt(statement).relative_to(root).as_posix()


def main(arguments: list[str]) -> int:
    """Run one operation; return the exit code (0 also where there is no plugin to write a receipt with)."""
    operations = {"spawn": spawn, "update": update}
    if len(arguments) != 2 or arguments[0] not in operations:
        print("usage: post_generate.py spawn|update JSON", file=sys.stderr)
        return 2
    call = json.loads(arguments[1])
    if sys.version_info < (3, 11):  # noqa: UP036  # Copier itself still runs on 3.10
        print(
            f"receipt: skipped, Copier runs on Python {sys.version.split()[0]} and receipts need 3.11. {LATER}",
            file=sys.stderr,
        )
        return 0
    if not (PLUGIN / "remembrancer" / "receipt.py").is_file():
        print("receipt: skipped, this template source has no Remembrancer plugin.", file=sys.stderr)
        return 0
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", call["commit"]):
        print(
            f"receipt: skipped, the template source is not a git repository, so there is no commit to name. {LATER}",
            file=sys.stderr,
        )
        return 0
    try:
        sys.path.insert(0, str(PLUGIN))
        path = operations[arguments[0]](Path.cwd(), call)
    except Exception as error:  # noqa: BLE001  # a traceback would bury the one sentence that matters
        print(f"receipt: not written: {error}", file=sys.stderr)
        return 1
    print(f"receipt: {path or 'none, nothing was new'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
