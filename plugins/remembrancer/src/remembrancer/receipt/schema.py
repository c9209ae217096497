"""The published JSON Schemas, one per kind of receipt, made from the table that parsing uses.

`python -m remembrancer.receipt.schema` writes them to `schemas/` beside this module. A schema says nothing about the
canonical encoding (key order, indentation, 1.0 against 1) nor about digests that must be equal; docs/formats.md does.
"""

import json
from pathlib import Path
from typing import Any

from remembrancer.receipt.kinds import KINDS, STATEMENT_TYPE, SUBJECT, Kind

FOLDER = Path(__file__).parent / "schemas"


def schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind's receipts."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{kind.predicate_type}/schema.json",
        "title": f"{kind.name} receipt",
        "description": kind.meaning,
        "type": "object",
        "properties": {
            "_type": {"const": STATEMENT_TYPE},
            "predicateType": {"const": kind.predicate_type},
            "subject": {"type": "array", "items": SUBJECT.schema(), "minItems": 1, "maxItems": 1},
            "predicate": kind.predicate.schema(),
        },
        "required": ["_type", "predicate", "predicateType", "subject"],
        "additionalProperties": False,
    }


def rendered() -> dict[str, str]:
    """Return file name to text of every published schema."""
    return {f"{name}.json": json.dumps(schema(kind), indent=2) + "\n" for name, kind in KINDS.items()}


def main() -> None:
    """Write the schemas."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
