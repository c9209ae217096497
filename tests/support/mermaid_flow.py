"""A strict reading of the part of Mermaid's flowcharts that the documents use: what it refuses, a page may not show.

It is narrower than Mermaid: every text with a character that Mermaid gives a meaning to has to stand in quotes.
"""

import re

HEADER = re.compile(r"(?:flowchart|graph) (?:LR|RL|TB|TD|BT)")
PLAIN = r"[^\[\](){}<>|\"`;%#&\\]+"
TEXT = rf'(?:"[^"\n]+"|{PLAIN})'
IDENTIFIER = r"(?!(?:end|subgraph|graph|flowchart|style|class|click|default|direction)\b)[A-Za-z][A-Za-z0-9_]*"
SHAPES = rf"\(\[{TEXT}\]\)|\[\({TEXT}\)\]|\(\({TEXT}\)\)|\[{TEXT}\]|\({TEXT}\)|\{{{TEXT}\}}"
NODE = rf"{IDENTIFIER}(?:{SHAPES})?"
NODES = rf"{NODE}(?: & {NODE})*"
WORDS = r'(?:"[^"\n]+"|(?:(?!--|==|-\.)[^\[\](){}<>|"`;%#&\\])+)'
LINK = rf"(?:-->|---|-\.->|==>|-- {WORDS} -->|== {WORDS} ==>|-\. {WORDS} \.->)(?:\|{TEXT}\|)?"
STATEMENT = re.compile(rf"{NODES}(?: {LINK} {NODES})*")
SUBGRAPH = re.compile(rf"subgraph {IDENTIFIER}(?: \[{TEXT}\])?")


def problems(picture: str) -> list[str]:
    """What is wrong with a flowchart: the lines that are no statement, and subgraphs without an end."""
    lines = [line.strip() for line in picture.strip().splitlines()]
    found = [] if lines and HEADER.fullmatch(lines[0]) else ["it does not begin with flowchart and a direction"]
    depth = 0
    for number, line in enumerate(lines[1:], 2):
        if SUBGRAPH.fullmatch(line):
            depth += 1
        elif line == "end":
            depth -= 1
            if depth < 0:
                found.append(f"line {number}: an end without a subgraph")
        elif line and not STATEMENT.fullmatch(line):
            found.append(f"line {number}: {line}")
    return [*found, *(["a subgraph without an end"] if depth > 0 else [])]


def pictures(document: str) -> list[str]:
    """Every Mermaid block of a Markdown document."""
    return re.findall(r"(?ms)^```mermaid\n(.*?)^```$", document)
