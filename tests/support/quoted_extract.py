"""The commands that a Markdown document quotes: in fenced and indented blocks of shell, and as inline code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHELLS = {"sh", "bash", "console", "shell"}
# An indented block or inline code counts as a command when it begins like one of these.
BEGINNING = re.compile(
    r"(?:make|remembrancer|aurora|copier|kubectl|git|aws|eksctl|helm|docker|trivy|pip|curl) \S"
    r"|ops/(?:bin|aws|k8s)/[\w./-]*\w(?: |$)|\./\w"
)
FILE = re.compile(r"\S+\.(?:md|ya?ml|json|toml|py|mk|lock|jinja)|\S+/")
# History is not followed, templates are read where they are rendered, and data of tests and benchmarks is no document.
ELSEWHERE = ("ops/receipts/", "templates/", "tests/", "benchmarks/")
FENCE = re.compile(r"(?ms)^ *(```+)([a-z]*)[^\n]*\n(.*?)^ *\1 *$")
HEREDOC = re.compile(r"(?ms)<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n.*?^\2$")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
KEYWORDS = {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "!", "{", "}", "exec", "sudo", "time"}
ENDS = {"&&", "||", ";", "|", "&", "\n", "(", ")"}


@dataclass(frozen=True, slots=True)
class Quoted:
    """One simple command: where it stands and its words; `inline` ones may leave arguments out."""

    document: str
    line: int
    words: tuple[str, ...]
    inline: bool

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {shlex.join(self.words)}"


def documents(root: Path, names: list[str]) -> list[Path]:
    """The Markdown files among these names; what the ledger holds is history and is not followed."""
    chosen = [name for name in names if name.endswith(".md") and not name.startswith(ELSEWHERE)]
    return [root / name for name in sorted(chosen) if (root / name).is_file() and Path(name).name != "CHANGELOG.md"]


def pictures(document: str) -> list[str]:
    """Every Mermaid block of a Markdown document."""
    return re.findall(r"(?ms)^```mermaid\n(.*?)^```$", document)


def substitutions(script: str) -> tuple[str, list[str]]:
    """Take every $(...) out of a script: what is left, and the scripts that stood inside, outer ones first."""
    inside: list[str] = []
    while (start := script.find("$(")) >= 0:
        depth, end = 1, start + 2
        while end < len(script) and depth:
            depth += {"(": 1, ")": -1}.get(script[end], 0)
            end += 1
        inside.append(script[start + 2 : end - 1])
        script = script[:start] + "SUBSTITUTED" + script[end:]
    return script, inside


def simple_commands(script: str) -> Iterator[list[str]]:
    """Every simple command of a script without keywords, assignments and redirections. Raises ValueError."""
    script, inside = substitutions(HEREDOC.sub(r"\3", script))
    lexer = shlex.shlex(script, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    tokens = [*lexer, "\n"]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token in ENDS or set(token) <= set("();|&\n"):
            if words and words[0] not in {"for", "case"}:
                yield words
            words = []
        elif set(token) <= set("<>&") or (set(tokens[place]) <= set("<>&") and token in {"1", "2"}):
            place += set(token) <= set("<>&")
        elif words or (token not in KEYWORDS and not ASSIGNMENT.fullmatch(token)):
            words.append(token)
    for script_inside in inside:
        yield from simple_commands(script_inside)


def without_comments(block: str) -> str:
    """A block without comments: a # that begins a word, and the rest of its line; a quote before it keeps it."""
    lines = []
    for line in block.split("\n"):
        place = re.search(r"(?:^|\s)#(?=\s|$)", line)
        quoted = place is not None and line[: place.start()].count('"') % 2
        lines.append(line if place is None or quoted else line[: place.start()])
    return "\n".join(lines).replace("\\\n", " ")


def blocks(text: str) -> Iterator[tuple[int, str, bool]]:
    """Every piece of shell in a document: its line, the script, whether it is inline."""
    for match in FENCE.finditer(text):
        if match[2] in SHELLS:
            script = match[3]
            prompts = re.findall(r"(?m)^\$ (.*)$", script)
            yield text.count("\n", 0, match.start()) + 2, "\n".join(prompts) if prompts else script, False
    plain = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in re.finditer(r"(?m)(?:^    \S.*\n(?:^      .*\n)*)+", plain):
        yield from (
            (plain.count("\n", 0, match.start() + at.start()) + 1, at[0], False)
            for at in re.finditer(r"(?m)^    (\S.*(?:(?<=\\)\n.*)*)$", match[0])
            if BEGINNING.match(at[1]) or re.match(r"\w+=\$\(", at[1])
        )
    for match in re.finditer(r"(`+)(?! )([^`]+?)\1", plain):
        if BEGINNING.match(match[2]) and not FILE.fullmatch(match[2]):
            yield plain.count("\n", 0, match.start()) + 1, match[2].replace("\\|", "|").replace("\n", " "), True


def quoted(path: Path, name: str) -> list[Quoted]:
    """Every simple command that a document quotes."""
    found = []
    for line, block, inline in blocks(path.read_text(encoding="utf-8")):
        for words in simple_commands(without_comments(block)):
            found.append(Quoted(name, line, tuple(word for word in words if word not in {"…", "..."}), inline))
    return found
