"""Entries of a kustomization that change nothing: kustomize says no word about a patch that matches nothing."""

from pathlib import Path

import yaml

from k8s_render import kustomize

LISTS = ("resources", "components", "patches", "images", "replicas", "labels", "configMapGenerator")


def parts(folder: Path) -> list[tuple[str, int]]:
    """Return every list entry of a kustomization that is there to change something."""
    content = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    return [(key, place) for key in LISTS for place in range(len(content.get(key, [])))]


def idle(folder: Path, built: Path, only: str | None = None) -> list[str]:
    """Take each entry away in turn; return those without which the built overlay stays the same."""
    file = folder / "kustomization.yaml"
    whole, original = kustomize(built).stdout, file.read_text(encoding="utf-8")
    assert whole
    found = []
    for key, place in parts(folder):
        if only not in (None, key):
            continue
        content = yaml.safe_load(original)
        removed = content[key].pop(place)
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        if kustomize(built).stdout == whole:
            found.append(f"{key} {removed} changes nothing")
    file.write_text(original, encoding="utf-8")
    return found
