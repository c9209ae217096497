"""Schemas of operators' kinds, which no Kubernetes release knows; operator_schemas.json says where they come from."""

import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["schemas"]


def faults(item: dict[str, Any]) -> list[str]:
    """Return what the operator's schema refuses in an object; a kind without schema is a fault too."""
    schema = SCHEMAS.get(f"{item.get('apiVersion')} {item.get('kind')}")
    if schema is None:
        return [f"no schema for {item.get('apiVersion')} {item.get('kind')}"]
    return [f"{one.json_path}: {one.message}" for one in jsonschema.Draft202012Validator(schema).iter_errors(item)]
