"""Write a CycloneDX 1.6 SBOM of what the service installs, from requirements.lock alone; no network, same bytes twice.

Environment markers are kept as a property, because one lock file serves every platform.
"""

import argparse
import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

import service
from service import EXIT_USAGE, ROOT, Service, Trouble

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pins(lock: str) -> list[dict[str, Any]]:
    """Return one CycloneDX component for each pin in a lock file.

    Raises:
        Trouble: a line pins nothing, or a pin has no SHA-256.
    """
    result: list[dict[str, Any]] = []
    for line in lock.splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if found := HASH.search(text):
            if not result:
                raise Trouble("the lock file begins with a hash that belongs to no package", EXIT_USAGE)
            result[-1]["externalReferences"][0]["hashes"].append({"alg": "SHA-256", "content": found[1]})
            continue
        match = PIN.match(text)
        if not match:
            raise Trouble(f"the lock file has a line that pins nothing: {text[:60]!r}", EXIT_USAGE)
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        purl = f"pkg:pypi/{name}@{match[2]}"
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": match[2],
            "purl": purl,
            "externalReferences": [
                {"type": "distribution", "url": f"https://pypi.org/project/{name}/{match[2]}/", "hashes": []}
            ],
        }
        if match[3]:
            component["properties"] = [{"name": "vaultmesh:python-marker", "value": match[3].strip()}]
        result.append(component)
    for component in result:
        if not component["externalReferences"][0]["hashes"]:
            raise Trouble(f"{component['name']} has no SHA-256 in the lock file", EXIT_USAGE)
    return sorted(result, key=lambda component: (component["name"], component["version"]))


def document(found: Service, lock: bytes) -> dict[str, Any]:
    """Return the CycloneDX document; its serial number is derived from component, version and lock file."""
    version = service.version(found)
    parts = pins(lock.decode("utf-8"))
    root = f"pkg:generic/{found.component}@{version}"
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{root}#{hashlib.sha256(lock).hexdigest()}")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{unique}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": found.component,
                "version": version,
                "purl": root,
            },
        },
        "components": parts,
        "dependencies": [
            {"ref": root, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def main(arguments: list[str]) -> int:
    """Write dist/{component}-{version}.cdx.json and print its path; return 0."""
    parser = argparse.ArgumentParser(prog="ops/bin/sbom", description="Write a CycloneDX SBOM from requirements.lock.")
    parser.add_argument("--lock", type=Path, help="lock file (default: requirements.lock of the service)")
    parser.add_argument("--if-locked", action="store_true", help="do nothing where there is no lock file")
    parser.add_argument("--check", action="store_true", help="only check that every package is pinned with its hash")
    options = parser.parse_args(arguments)
    found = service.load()
    lock: Path = options.lock or found.folder / "requirements.lock"
    if options.if_locked and not lock.is_file():
        print("There is no requirements.lock, so no SBOM is recorded.")
        return 0
    if not lock.is_file():
        raise Trouble(f"{lock.name} was not found; name the lock file with --lock", EXIT_USAGE)
    text = json.dumps(document(found, lock.read_bytes()), indent=2) + "\n"
    if options.check:
        return 0
    target = Path("dist") / f"{found.component}-{service.version(found)}.cdx.json"
    (ROOT / target).parent.mkdir(exist_ok=True)
    (ROOT / target).write_text(text, encoding="utf-8")
    print(target)
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/sbom", main)
