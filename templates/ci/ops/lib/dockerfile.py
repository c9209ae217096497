"""What a Dockerfile guarantees, read from its instructions: a team may write its own, these properties stay.

Each function returns "" when the property holds, else one sentence on what is missing.
"""

import re
from typing import NamedTuple

PRIVATE = (".git", ".venv", ".env")
USER = re.compile(r"1000(:1000)?")


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined, its comments gone."""

    name: str
    text: str


def instructions(text: str) -> list[Instruction]:
    """Return every instruction, in order."""
    joined = re.sub(r"\\[ \t]*\n", " ", re.sub(r"(?m)^[ \t]*#.*\n?", "", text))
    found = []
    for line in joined.splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            found.append(Instruction(name.upper(), rest.strip()))
    return found


def final_stage(text: str) -> list[Instruction]:
    """Return the instructions of the stage that becomes the image."""
    found = instructions(text)
    starts = [place for place, instruction in enumerate(found) if instruction.name == "FROM"]
    return found[starts[-1] :] if starts else []


def fit_for_production(text: str) -> str:
    """Several stages, an unprivileged user, and packages by hash alone."""
    found, final = instructions(text), final_stage(text)
    if sum(instruction.name == "FROM" for instruction in found) < 2:
        return "the image is built in one stage, so it holds the tools that built it"
    if not any(instruction.name == "COPY" and "--from=" in instruction.text for instruction in final):
        return "the image's last stage takes nothing from the one before"
    users = [instruction.text for instruction in final if instruction.name == "USER"]
    if not users or not USER.fullmatch(users[-1]):
        return "the image does not run as user 1000 (USER 1000:1000 in its last stage)"
    installs = (one.text for one in found if one.name == "RUN" and re.search(r"\bpip\b.*\binstall\b", one.text))
    if any("--require-hashes" not in text for text in installs):
        return "the image installs packages without their hashes (pip install --require-hashes)"
    return ""


def health_checked(text: str, port: int | None) -> str:
    """The image asks /health itself, at the service's own port."""
    checks = [instruction.text for instruction in final_stage(text) if instruction.name == "HEALTHCHECK"]
    if not checks or checks[-1].upper() == "NONE":
        return "the image has no HEALTHCHECK"
    address = f":{port}/health" if port else "/health"
    return "" if address in checks[-1] else f"the image's HEALTHCHECK does not ask {address}"


def keeps_private_files_out(ignored: str) -> str:
    """What .dockerignore has to name, or to leave out with everything else."""
    lines = [line.strip() for line in ignored.splitlines()]
    for name in PRIVATE:
        if f"!{name}" in lines or not {name, f"**/{name}", "*"} & set(lines):
            return f"the image may get {name} (.dockerignore)"
    return ""
