"""Changes of valid input that stay close to its format: of bytes, of ranges, and of whole words and quoted texts."""

import re
from collections.abc import Callable, Sequence
from random import Random

MOST_EDITS = 4
_TOKEN = re.compile(rb'"[^"\n]*"|[A-Za-z0-9+/=_.:-]+|\s+|.', re.DOTALL)


def mutate(number: int, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Return the mutation with this number of one of the seeds; the same number always gives the same bytes."""
    random = Random(number)
    data = random.choice(seeds)
    for _ in range(random.randint(1, MOST_EDITS)):
        data = random.choice(EDITS)(random, data, seeds, words)
    return data


def _range(random: Random, data: bytes) -> tuple[int, int]:
    low = random.randint(0, len(data))
    return low, min(len(data), low + int(2 ** random.uniform(0, 9)))


def _byte(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    low = random.randint(0, len(data))
    return data[:low] + bytes([random.randrange(256)]) + data[low + 1 :]


def _bit(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    if not data:
        return data
    low = random.randrange(len(data))
    return data[:low] + bytes([data[low] ^ 1 << random.randrange(8)]) + data[low + 1 :]


def _cut(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    low, high = _range(random, data)
    return data[:low] + data[high:]


def _duplicate(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    low, high = _range(random, data)
    return data[:high] + data[low:high] * random.randint(1, 3) + data[high:]


def _splice(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    low, high = _range(random, other)
    place = random.randint(0, len(data))
    return data[:place] + other[low : high if random.random() < 0.5 else len(other)] + data[place:]


def _word(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    low = random.randint(0, len(data))
    return data[:low] + random.choice(words) + data[low:]


def _token(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Put a word of the format, or another token, in the place of a token; quotes stay half of the time."""
    tokens = _TOKEN.findall(data)
    if not tokens:
        return data
    place = random.randrange(len(tokens))
    new = random.choice(words) if random.random() < 0.7 else random.choice(tokens)
    if tokens[place][:1] == b'"' and random.random() < 0.5:
        new = b'"' + new.strip(b'"') + b'"'
    tokens[place] = new
    return b"".join(tokens)


def _drop(random: Random, data: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Take out a line, or swap it with the one before it."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    if random.random() < 0.5:
        del lines[place]
    else:
        lines[place], lines[place - 1] = lines[place - 1], lines[place]
    return b"\n".join(lines)


Edit = Callable[[Random, bytes, Sequence[bytes], Sequence[bytes]], bytes]
# whole tokens twice: most of the readers are of text
EDITS: tuple[Edit, ...] = (_byte, _bit, _cut, _duplicate, _splice, _word, _token, _token, _drop)
