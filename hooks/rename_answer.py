"""A migration of copier.yml: a question has another name from this version on, and its answer keeps its value.

    rename_answer.py OLD NEW ANSWERS_FILE

Used in `_migrations` at the stage `before`, so that Copier reads the answer under the new name and asks nothing.
"""

import re
import sys
from pathlib import Path


def renamed(text: str, old: str, new: str) -> str:
    """Return the answers (YAML, a top-level key a line) with `old` called `new`; unchanged where `new` is answered."""
    if re.search(rf"^{new}:", text, re.MULTILINE):
        return text
    return re.sub(rf"^{old}:", f"{new}:", text, count=1, flags=re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Rename one answer in a file; return 0, or 2 where the arguments cannot be meant."""
    if len(arguments) != 3 or not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in arguments[:2]):
        print("usage: rename_answer.py OLD NEW ANSWERS_FILE", file=sys.stderr)
        return 2
    path = Path(arguments[2])
    text = path.read_text(encoding="utf-8")
    path.write_text(renamed(text, *arguments[:2]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
