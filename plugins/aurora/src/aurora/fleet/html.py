"""HTML out of texts that nobody vouches for: what is not markup already is escaped, wherever it stands.

>>> element("p", "a < b", element("b", "!"), title='"x"')
'<p title="&quot;x&quot;">a &lt; b<b>!</b></p>'
"""

from html import escape
from urllib.parse import urlsplit

VOID = {"br", "input", "link", "meta"}


class Markup(str):
    """Text that is markup; only `element` and files of this package make it."""

    __slots__ = ()


def element(name: str, /, *inside: object, **attributes: str | bool) -> Markup:
    """Return an element; `_` in an attribute's name is `-`, and at its end nothing (`for_`)."""
    shown = "".join(_attribute(key, value) for key, value in attributes.items() if value is not False)
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{join(*inside)}</{name}>")


def join(*parts: object) -> Markup:
    """Return parts one after the other."""
    return Markup("".join(one if isinstance(one, Markup) else escape(_seen(str(one))) for one in parts))


def link(url: str, text: str) -> Markup:
    """Return a link to a page of the web; any other address is only text."""
    try:
        split = urlsplit(url)
        web = split.scheme in ("http", "https") and bool(split.hostname) and not split.username and not split.password
    except ValueError:
        web = False
    return element("a", text, href=url, rel="noopener noreferrer") if web else join(text)


def _attribute(name: str, value: str | bool) -> str:
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{escape(_seen(str(value)))}"'


def _seen(text: str) -> str:
    """Return text in which nothing is invisible, or turns what is beside it around."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
