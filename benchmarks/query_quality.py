"""How often a question finds its decision, and how long an answer takes among ten thousand documents.

The questions in query_set/ are paraphrases written before the ranking; those of the tuned half were looked at while it
was built, those of the held-out half were not.
"""

import re
import shutil
import sys
import tempfile
import tomllib
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks._scratch import many
from benchmarks.measure import Row, alternate_cpu, run
from remembrancer.adr import form as adr
from remembrancer.memory.ask import ask
from remembrancer.memory.index import opened
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import parse, relative_path

SET = Path(__file__).with_name("query_set")
HIT_1, HIT_3 = 0.85, 0.95
DECISIONS, RECEIPTS_COUNT = 1_000, 9_000
LIMIT = 300
QUESTION = "why did we choose PostgreSQL for parcels?"
PROGRAM = [sys.executable, "-c", "import sys; from remembrancer.cli import main; sys.exit(main())", "query"]
FLOOR = [sys.executable, "-c", "import click, sqlite3"]


def hits(half: str) -> tuple[float, float, int]:
    """Return hit@1, hit@3 and the number of questions of a half ("tuned" or "held-out")."""
    questions = [one for one in _asked()["question"] if one["half"] == half]
    with tempfile.TemporaryDirectory(prefix="bench-query.") as folder:
        root = repository(Path(folder))
        with closing(opened(root, root / "cache")) as base:
            ranks = [_rank([one.path for one in ask(base, each["text"], 3)], each["adr"]) for each in questions]
    return sum(rank == 1 for rank in ranks) / len(ranks), sum(rank > 0 for rank in ranks) / len(ranks), len(ranks)


def answered_nonsense() -> list[str]:
    """Return the questions without an answer that got one all the same."""
    with tempfile.TemporaryDirectory(prefix="bench-query.") as folder:
        root = repository(Path(folder))
        with closing(opened(root, root / "cache")) as base:
            return [text for text in _asked()["nonsense"] if ask(base, text)]


def _asked() -> dict[str, Any]:
    return tomllib.loads((SET / "questions.toml").read_text(encoding="utf-8"))


def repository(root: Path) -> Path:
    """Lay the decisions of the evaluation set into a repository at `root`, and return it."""
    shutil.copytree(SET / "adr", root / adr.FOLDER)
    return root


def _rank(paths: list[str], number: int) -> int:
    """Return the place of a decision among the answers, 0 when it is not among them."""
    numbers = [int(found[1]) if (found := re.search(r"ADR-(\d+)-", path)) else 0 for path in paths]
    return numbers.index(number) + 1 if number in numbers else 0


def _fill(root: Path) -> None:
    """Add decisions made of the sentences of the others, and deploy receipts."""
    texts = [adr.read(path.name, path.read_bytes()) for path in sorted((SET / "adr").iterdir())]
    for number in range(len(texts) + 1, DECISIONS + 1):
        parts = {name: texts[(number * step) % len(texts)].fields[name] for step, name in enumerate(adr.PROMPTS, 3)}
        fields = {"Date": "2025-01-02", "Status": adr.ACCEPTED, **parts}
        title = f"{texts[number % len(texts)].title} in area {number}"
        data = adr.render(number, title, fields)
        (root / adr.FOLDER / adr.file_name(number, adr.slug_of(title))).write_bytes(data)
    (root / RECEIPTS / "deploy").mkdir()
    for data in islice(many(RECEIPTS_COUNT), RECEIPTS_COUNT):
        (root / RECEIPTS / relative_path(parse(data))).write_bytes(data)


def rows() -> list[Row]:
    """Judge both halves, and measure a warm answer as a whole process."""
    found = []
    for half in ("tuned", "held-out"):
        first, third, count = hits(half)
        floor = f"{count} questions, {half}"
        found.append(Row("the answer comes first (hit@1)", first, HIT_1, floor, at_most=False, unit=""))
        found.append(Row("it is among the first three (hit@3)", third, HIT_3, floor, at_most=False, unit=""))
    wrong = len(answered_nonsense())
    found.append(Row("nonsense that got an answer", wrong, 0, f"{len(_asked()['nonsense'])} questions", unit=""))
    with tempfile.TemporaryDirectory(prefix="bench-query.") as folder:
        root = repository(Path(folder, "repository"))
        _fill(root)
        env = {"HOME": folder, "PATH": "/usr/bin:/bin"}
        ask_it = partial(run, [*PROGRAM, QUESTION], cwd=root, env=env)
        ask_it()
        ours, floor_time = alternate_cpu(ask_it, partial(run, FLOOR, cwd=root, env=env), rounds=9)
    detail = f"{floor_time * 1000:.0f} ms for an interpreter importing click and sqlite3"
    what = f"a warm answer among {DECISIONS + RECEIPTS_COUNT:,} documents"
    found.append(Row(what, ours * 1000, LIMIT, "processor time of the whole process", detail=detail, unit="ms"))
    return found
