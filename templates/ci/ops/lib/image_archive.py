"""Rewrite a docker-archive so that one build's image is bit for bit the next one's.

buildah and podman give every build a random container id and host name and write both into the image's configuration,
which decides its digest although the layers are the same. Both go; layers, manifest and configuration stay, and what
else the archive holds (a copy of the configuration for docker before 1.10) goes too.
"""

import argparse
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import IO, Any

import service
from service import EXIT_USAGE, Trouble


def steady(config: dict[str, Any]) -> dict[str, Any]:
    """Return an image's configuration without what a build draws by chance."""
    kept = {name: value for name, value in config.items() if name != "container"}
    for part in ("config", "container_config"):
        if isinstance(kept.get(part), dict):
            kept[part] = {name: value for name, value in kept[part].items() if name != "Hostname"}
    return kept


def add(archive: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    """Add a read-only file of time 0."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o444
    archive.addfile(entry, content)


def rewrite(path: Path) -> str:
    """Rewrite an archive that holds one image in place; return the digest of the configuration.

    Raises:
        Trouble: the file is no docker-archive of one image.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tarfile.open(path, "r:") as old, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as new:
            (manifest,) = json.load(old.extractfile("manifest.json") or io.BytesIO())
            config = steady(json.load(old.extractfile(manifest["Config"]) or io.BytesIO()))
            for name in dict.fromkeys(manifest["Layers"]):
                add(new, name, old.getmember(name).size, old.extractfile(name) or io.BytesIO())
            text = json.dumps(config, separators=(",", ":"), sort_keys=True).encode()
            digest = hashlib.sha256(text).hexdigest()
            manifest["Config"] = f"{digest}.json"
            listing = json.dumps([manifest], separators=(",", ":"), sort_keys=True).encode()
            add(new, manifest["Config"], len(text), io.BytesIO(text))
            add(new, "manifest.json", len(listing), io.BytesIO(listing))
        temporary.replace(path)
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Trouble(f"{path.name} is not a docker-archive of one image", EXIT_USAGE) from error
    finally:
        temporary.unlink(missing_ok=True)
    return f"sha256:{digest}"


def main(arguments: list[str]) -> int:
    """Rewrite the archive and print the digest of its configuration; return 0."""
    parser = argparse.ArgumentParser(prog="ops/lib/image_archive.py", description="Make an image archive reproducible.")
    parser.add_argument("archive", type=Path)
    print(rewrite(parser.parse_args(arguments).archive))
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/image", main)
