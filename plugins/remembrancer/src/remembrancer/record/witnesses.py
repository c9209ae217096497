"""Witnesses in the trust policy: which there are, and how many of them must have cosigned a checkpoint.

The policy holds a witness policy as c2sp.org/tlog-policy writes it. What is published is taken as it is; a command that
changes it keeps every line that it need not touch, so that a person can compare the two.
"""

import re

from remembrancer.errors import BadInput
from remembrancer.tlog import quorum
from remembrancer.tlog.quorum import Quorum
from remembrancer.trust.policy import Policy

MAX_TEXT = 1 << 16  # bytes of a published witness policy
_GROUP = "required"
_NAME = re.compile(r"[^\s#\x00-\x1f\x7f][^\s\x00-\x1f\x7f]{0,99}")
_URL = re.compile(r"https?://[!-~]{1,2000}")
_NUMBER = re.compile("[1-9][0-9]{0,2}", re.ASCII)


def with_witness(current: Policy, name: str, vkey: str, url: str) -> Policy:
    """Return the policy with one more witness, of which no quorum asks yet unless its group names it.

    `vkey` is the witness's verifier key (types 0x04 and 0x06), `url` its submission prefix (c2sp.org/tlog-witness).
    Raises BadInput(input.name, input.url, input.witness, policy.malformed).
    """
    if not _NAME.fullmatch(name) or name in quorum.KEYWORDS:
        raise BadInput("input.name", f"not a name for a witness: {name[:60]!r}", "Give a word without spaces.")
    if not _URL.fullmatch(url):
        raise BadInput("input.url", f"a witness's address is http(s)://host/path, {url[:80]!r} is not")
    if any(char.isspace() for char in vkey):
        raise BadInput("input.witness", "a witness's key is one word: <name>+<key id>+<base64>")
    line = f"witness {name} {vkey} {url}\n"
    lines = current.quorum.text.splitlines(keepends=True)
    at = next(number for number, one in enumerate(lines) if one.split()[:1] == ["quorum"])
    found = quorum.parse("".join([*lines[:at], line, *lines[at:]]))
    if name in found.unusable:
        raise BadInput("input.witness", f"the witness {name} cannot be used: {found.unusable[name]}")
    return current._replace(quorum=found)


def with_quorum(current: Policy, required: str) -> Policy:
    """Return the policy that requires a quorum of its witnesses: a number, `all`, `any`, `none`, or a name in it.

    Numbers and words are about all listed witnesses; a name is that of one of them or of a group that is defined.
    Raises BadInput(input.name, policy.weak).
    """
    known = current.quorum
    names = [*known.witnesses, *known.unusable]
    counts = required in {"all", "any"} or _NUMBER.fullmatch(required) is not None
    if not counts and required not in {"none", *names, *known.groups}:
        defined = ", ".join([*names, *known.groups]) or "nothing"
        how = "Give a number, all, any, none, or a name that is defined."
        raise BadInput("input.name", f"the witness policy does not define {required[:60]!r}, only {defined}", how)
    if counts and not names:
        how = "Add one first: remembrancer trust add --witness NAME --key VKEY --url URL"
        raise BadInput("policy.weak", "the policy lists no witness", how)
    if _NUMBER.fullmatch(required) and int(required) > len(names):
        raise BadInput("policy.weak", f"{required} of {len(names)} listed witnesses cannot be had")
    kept = [
        line
        for line in known.text.splitlines(keepends=True)
        if line.split()[:1] != ["quorum"] and not (counts and line.split()[:1] == ["group"])
    ]
    group = next(name for name in (_GROUP, f"{_GROUP}-{len(names)}", f"{_GROUP}-witnesses") if name not in names)
    lines = (
        [f"group {group} {required} {' '.join(names)}\n", f"quorum {group}\n"] if counts else [f"quorum {required}\n"]
    )
    return current._replace(quorum=_possible(quorum.parse("".join([*kept, *lines]))))


def published(current: Policy, data: bytes) -> Policy:
    """Return the policy with a published witness policy, byte for byte, in place of its own.

    Raises BadInput(policy.malformed, policy.weak).
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadInput(
            "policy.malformed", "witness policy: the file is not UTF-8 text, and the policy that would hold it is"
        ) from None
    return current._replace(quorum=_possible(quorum.parse(text)))


def _possible(found: Quorum) -> Quorum:
    """Return a quorum that its usable witnesses can reach; raises BadInput(policy.weak)."""
    if not found.satisfied_by(found.witnesses):
        unusable = "; ".join(f"{name}: {why}" for name, why in found.unusable.items())
        message = f"the witnesses that can be used here are not enough for the quorum {found.required}"
        raise BadInput("policy.weak", f"{message} ({unusable})" if unusable else message)
    return found
