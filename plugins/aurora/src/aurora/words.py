"""Other people's words, for a terminal or for a document: always on one line, and printable."""


def escaped(text: str) -> str:
    """Return text as a terminal may show it: whole, with an escape for each character that is not printable.

    >>> escaped("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def masked(text: str) -> str:
    """Return text as a name in a plan or a request: as long as before, with ? for what is not printable."""
    return "".join(char if char.isprintable() else "?" for char in text)


def one_line(text: str, longest: int = 500) -> str:
    """Return text as a sentence in a row: with a space for what is not printable, and not longer than this."""
    shown = "".join(char if char.isprintable() else " " for char in text[: longest + 1].replace("\ufffd", "?"))
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
