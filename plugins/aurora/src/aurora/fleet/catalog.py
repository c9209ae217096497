"""A fleet as entities of Backstage's catalog: a Component for each service, with what is known of its standard.

A service that has a `catalog-info.yaml` of its own says there what it is; a Location tells the catalog where it lies.
Every text is data: a document of JSON is one of YAML, and names are made of the letters that Backstage allows.
https://backstage.io/docs/features/software-catalog/descriptor-format
"""

import json
import re
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from aurora.fleet.row import Row, Status
from aurora.words import one_line

OURS = "vaultmesh.cloud"
LONGEST = 63
Entity = dict[str, Any]


def documents(status: Status) -> str:
    """Return the entities as one YAML stream."""
    return "".join(f"---\n{json.dumps(one, indent=2, ensure_ascii=False)}\n" for one in entities(status))


def entities(status: Status) -> list[Entity]:
    """Return the fleet's entities: the Components by name, and the Location of those that describe themselves."""
    places = {row.name: place for row in status.rows if row.catalog and (place := _own(row))}
    found = [_component(row, status) for row in status.rows if row.name not in places]
    if places:
        about = _metadata(f"{status.fleet}-services", f"Services of the fleet {one_line(status.fleet)}")
        spec = {"type": "url", "targets": sorted(places.values())}
        found.append({"apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": about, "spec": spec})
    return found


def _component(row: Row, status: Status) -> Entity:
    about = _metadata(row.name, f"{one_line(row.name)}: {row.state}")
    facts = {
        "state": row.state,
        "verdict": row.verdict,
        "code": row.code,
        "versions": " ".join(f"{one.layer}={one.version}" for one in row.layers),
        "behind": str(row.behind),
        "release": row.release.version if row.release else "",
        "at": status.at,
    }
    about["annotations"] = {f"{OURS}/{name}": one_line(value) for name, value in facts.items() if value}
    if web := _web(row.url):
        about["annotations"]["backstage.io/source-location"] = f"url:{web}/"
    about["labels"] = {f"{OURS}/state": row.state}
    spec = {"type": "service", "lifecycle": "production" if row.release else "experimental", "owner": "unknown"}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": about, "spec": spec}


def _metadata(name: str, title: str) -> Entity:
    return {"name": entity_name(name), "title": title}


def entity_name(name: str) -> str:
    """Return the name of an entity: letters, digits and single hyphens; another one for every other name.

    >>> entity_name("payments")
    'payments'
    >>> entity_name("shop/payments")
    'shop-payments-44d46151'
    """
    plain = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain == name and len(name) <= LONGEST:
        return name
    mark = sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain[: LONGEST - 9].strip('-') or 'service'}-{mark}"


def _web(url: str) -> str:
    """Return the page of a repository, "" where its address is not one of the web."""
    try:
        split = urlsplit(url)
        plain = split.scheme == "https" and bool(split.hostname) and split.username is None and not split.query
    except ValueError:
        return ""
    whole = plain and re.fullmatch(r"[!-~]{1,500}", url) and not split.fragment
    return url.removesuffix("/").removesuffix(".git") if whole else ""


def _own(row: Row) -> str:
    """Return where a service's own description lies, as a forge's pages have it."""
    web = _web(row.url)
    if not web or not re.fullmatch(r"[A-Za-z0-9._/-]*", row.branch):
        return ""
    between = "-/blob" if "gitlab" in (urlsplit(web).hostname or "") else "blob"
    return f"{web}/{between}/{row.branch or 'HEAD'}/catalog-info.yaml"
