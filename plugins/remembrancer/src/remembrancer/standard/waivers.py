"""The list of accepted differences, ops/trust/waivers.toml: strict reading, and one canonical way of writing.

Pure. A waiver counts only together with its receipt in the log; taking it out of the list ends it.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput
from remembrancer.paths import TRUST
from remembrancer.receipt.fields import DIGEST, LINE, PATH, FieldError
from remembrancer.standard.drift import Waiver
from remembrancer.trust import toml as toml_text

FILE = f"{TRUST}/waivers.toml"
_MEMBERS = {"path", "sha256", "owner", "reason", "expires"}
_HEAD = """\
# Files of the standard that may differ, and until when. `remembrancer record waiver` adds an entry and its receipt;
# an entry without a receipt in the ledger does not count, and one that is removed here has ended.
"""


def parse(data: bytes) -> dict[str, Waiver]:
    """Return the waivers by path. Raises BadInput(input.waivers) for anything else than a list of complete entries."""
    try:
        document = toml_text.loads(data)
    except ValueError as error:
        raise BadInput("input.waivers", f"{FILE} is not TOML: {error}") from None
    entries = document.get("waiver", [])
    if document.keys() - {"waiver"} or not isinstance(entries, list):
        raise BadInput("input.waivers", f"{FILE} may hold [[waiver]] entries only")
    found: dict[str, Waiver] = {}
    for number, entry in enumerate(entries, 1):
        waiver = _entry(entry, f"entry {number}")
        if waiver.path in found:
            raise BadInput("input.waivers", f"{FILE} lists {waiver.path} twice")
        found[waiver.path] = waiver
    return found


def _entry(entry: object, where: str) -> Waiver:
    if not isinstance(entry, dict) or entry.keys() != _MEMBERS:
        raise BadInput("input.waivers", f"{where} of {FILE} must have exactly {', '.join(sorted(_MEMBERS))}")
    expires = entry["expires"]
    if not isinstance(expires, datetime) or expires.tzinfo is None:
        raise BadInput("input.waivers", f"{where} of {FILE}: expires must be a time such as 2026-01-02T03:04:05Z")
    try:
        PATH.check(entry["path"], "path")
        DIGEST.check(entry["sha256"], "sha256")
        LINE.check(entry["owner"], "owner")
        LINE.check(entry["reason"], "reason")
        until = rfc3339(expires)
    except FieldError as error:
        raise BadInput("input.waivers", f"{where} of {FILE}: {error}") from None
    except OverflowError:
        raise BadInput("input.waivers", f"{where} of {FILE}: expires is no time in UTC") from None
    return Waiver(entry["path"], entry["sha256"], entry["owner"], entry["reason"], until)


def write(waivers: Iterable[Waiver]) -> bytes:
    """Return the file's bytes, sorted by path; `parse` reads them back."""
    parts = [_HEAD]
    for one in sorted(waivers):
        # without control characters, which no field may hold, a JSON string is a TOML basic string too
        lines = [
            f"{name} = {json.dumps(getattr(one, name), ensure_ascii=False)}"
            for name in ("path", "sha256", "owner", "reason")
        ]
        parts.append("\n".join(["", "[[waiver]]", *lines, f"expires = {one.expires}", ""]))
    return "".join(parts).encode()
