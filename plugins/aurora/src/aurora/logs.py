"""Which logs are looked at, under which keys, and where they are: the `log` lines of a c2sp.org/tlog-policy file.

The file is the operator's own word, never something that a log says about itself:

>>> from remembrancer.tlog import SignerKey
>>> key = SignerKey.from_seed("example.com/log", bytes(32)).verifier()
>>> logs = parse(f"# ours\\nlog {key} https://git.example.com/log.git\\n")
>>> logs["example.com/log"].url, logs["example.com/log"].keys == (key,)
('https://git.example.com/log.git', True)
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aurora.files import read_given
from remembrancer.errors import BadInput
from remembrancer.tlog import VerifierKey
from remembrancer.tlog.key import COSIGNATURE

MAX_FILE = 10_000_000  # bytes

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Log(NamedTuple):
    """A log by its origin, the keys that sign for it (one at least), and where it is ("" where nobody says it)."""

    origin: str
    keys: tuple[VerifierKey, ...]
    url: str = ""


def parse(text: str) -> Mapping[str, Log]:
    """Return the logs in a tlog-policy file by their origins, which are their keys' names.

    Several lines of one origin are several keys of one log, as after a rotation; a URL counts from the first that has
    one. Lines of witnesses, groups and quorums are passed over. Raises BadInput(witness.logs) for anything else.
    """
    logs: dict[str, Log] = {}
    publics: set[bytes] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if _CONTROL.search(line):
            raise _malformed(number, "control characters are not allowed, and a line ends with a line feed alone")
        items = line.replace("\t", " ").split(" ")
        match [item for item in items if item]:
            case [] | ["witness" | "group" | "quorum", *_]:
                continue
            case ["log", *words] if not _is_text("".join(words)):
                raise _malformed(number, "the key or the URL is not UTF-8 text")
            case ["log", vkey] | ["log", vkey, _] as words:
                key = _key(vkey, number)
                if key.public in publics:
                    raise _malformed(number, "the key is already listed")
                publics.add(key.public)
                known = logs.get(key.name, Log(key.name, ()))
                url = known.url or (words[2] if len(words) == 3 else "")
                logs[key.name] = Log(key.name, (*known.keys, key), url)
            case [first, *_] if first.startswith("#"):
                continue
            case _:
                raise _malformed(number, "not a line of a tlog-policy file")
    return logs


def read(path: Path) -> Mapping[str, Log]:
    """Return the logs that a file names; raises as `parse` and `text_of`, BadInput(witness.logs) if there is none."""
    logs = parse(text_of(path))
    if not logs:
        raise BadInput("witness.logs", f"{path} names no log")
    return logs


def text_of(path: Path) -> str:
    """Return the text of a tlog-policy file. Raises BadInput(input.file, witness.logs), EnvironmentTrouble(env.io)."""
    data = read_given(path, MAX_FILE)
    if len(data) > MAX_FILE:
        raise BadInput("witness.logs", f"{path} has more than {MAX_FILE} bytes")
    return data.decode("utf-8", "surrogateescape")  # names and comments are octets, of which UTF-8 is only recommended


def _is_text(said: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in said)


def _key(vkey: str, number: int) -> VerifierKey:
    try:
        key = VerifierKey.parse(vkey)
    except ValueError as error:
        raise _malformed(number, str(error)) from None
    if key.algorithm == COSIGNATURE:  # 0x06 may be a log's: tlog-checkpoint recommends it for new logs
        raise _malformed(number, f"the key of {key.name} is a witness's")
    return key


def _malformed(number: int, why: str) -> BadInput:
    return BadInput("witness.logs", f"line {number} of the logs: {why}")
