"""Make remembrancer/memory/related.bin: what words mean, from a small embedding model, for programs without one.

    python -m benchmarks._related [--to FILE]

Every word of related_words.txt (a word and how many summaries of packages on PyPI had it, October 2026) goes through
all-MiniLM-L6-v2 (Apache-2.0; benchmarks/strangers.lock) by itself. The vectors are reduced to 96 principal components
(as model2vec does), one for each stem, and the nearest stems of each are listed. Another BLAS may round another way.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks._minilm import MiniLM
from remembrancer.memory.related import FILE, HEAD, NEAREST, SIZE
from remembrancer.memory.stems import of_words
from remembrancer.memory.words import STOP

WORDS = Path(__file__).with_name("related_words.txt")
LEAST = 0.3  # how near (cosine) another word has to be
RARE = 0.003  # a word's weight in a sum is RARE / (RARE + its frequency): Arora et al. 2017
SCALE = 30.0  # of a vector's numbers, so that they fit a signed byte


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._related", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--to", type=Path, default=FILE, metavar="FILE")
    parser.add_argument(
        "--vectors", type=Path, metavar="FILE", help="Keep the model's vectors there; they take minutes."
    )
    options = parser.parse_args()
    lines = [line.split() for line in WORDS.read_text(encoding="utf-8").splitlines()]
    words, counts = [word for word, _ in lines], np.array([float(count) for _, count in lines])
    if options.vectors and options.vectors.exists():
        vectors = np.load(options.vectors)
    else:
        vectors = MiniLM().embed(words, batch=128)
        if options.vectors:
            np.save(options.vectors, vectors)
    centred = vectors - vectors.mean(0)
    reduced = centred @ np.linalg.svd(centred, full_matrices=False)[2][:SIZE].T
    first: dict[str, int] = {}  # the commonest word of each stem stands for it
    for place, (word, stems) in enumerate(zip(words, of_words(words), strict=True)):
        if word not in STOP and len(stems) == 1:
            first.setdefault(stems[0], place)
    order = sorted(first)
    places = [first[stem] for stem in order]
    chosen = reduced[places]
    unit = (chosen / np.linalg.norm(chosen, axis=1, keepdims=True)).astype(np.float32)
    near = np.zeros((len(order), NEAREST), dtype="<u2")
    how = np.zeros((len(order), NEAREST), dtype="u1")
    for place, one in enumerate(unit):
        cosine = unit @ one
        cosine[place] = -1
        best = np.argsort(-cosine, kind="stable")[:NEAREST]
        near[place] = best
        how[place] = np.clip(np.round((cosine[best] - LEAST) / (1 - LEAST) * 255), 0, 255)
    weight = RARE / (RARE + counts[places] / counts.sum())
    weighted = chosen * weight[:, None]
    numbers = np.clip(np.round(weighted * SCALE * SIZE**0.5), -127, 127).astype("i1")
    print(f"{len(order)} stems, {(abs(numbers) == 127).mean():.5f} of the numbers at their bound")
    names = "\n".join(f"{stem} {words[place]}" for stem, place in zip(order, places, strict=True)).encode()
    head = HEAD.pack(len(order), len(names))
    options.to.write_bytes(head + names + numbers.tobytes() + near.tobytes() + how.tobytes())


if __name__ == "__main__":
    main()
