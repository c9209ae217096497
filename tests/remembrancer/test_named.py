"""`named.NamedTuple` does what `typing.NamedTuple` does."""

import copy
import pickle
import runpy
import sys
import typing
from collections.abc import Callable
from typing import Any

import pytest

from remembrancer import named
from remembrancer.named import NamedTuple


class Ours(NamedTuple):
    """A point."""

    x: int
    y: int = 2
    name: str = "p"

    @property
    def sum(self) -> int:
        return self.x + self.y


class Theirs(typing.NamedTuple):
    """A point."""

    x: int
    y: int = 2
    name: str = "p"

    @property
    def sum(self) -> int:
        return self.x + self.y


QUESTIONS: dict[str, Callable[[Any], object]] = {
    "positions": lambda kind: tuple(kind(1, 3, "q")),
    "names": lambda kind: tuple(kind(name="q", x=1)),
    "both": lambda kind: tuple(kind(1, name="q")),
    "defaults": lambda kind: tuple(kind(1)),
    "attributes": lambda kind: (kind(1).x, kind(1).name, kind(1).sum),
    "equal": lambda kind: (kind(1) == (1, 2, "p"), kind(1) == kind(2), kind(1) < kind(2)),
    "hash": lambda kind: hash(kind(1)),
    "replaced": lambda kind: (type(kind(1)._replace(y=5)) is kind, tuple(kind(1)._replace(y=5))),
    "made": lambda kind: (type(kind._make([1, 2, "r"])) is kind, tuple(kind._make([1, 2, "r"]))),
    "as a dict": lambda kind: kind(1)._asdict(),
    "shown": lambda kind: repr(kind(1)).replace(kind.__name__, ""),
    "fields": lambda kind: (kind._fields, kind._field_defaults, kind.__match_args__, kind.__doc__),
    "annotations": typing.get_type_hints,
    "pickled": lambda kind: (pickle.loads(pickle.dumps(kind(1))), type(pickle.loads(pickle.dumps(kind(1)))) is kind),
    "copied": lambda kind: (copy.copy(kind(1)), copy.deepcopy(kind(1))),
    "a tuple": lambda kind: (issubclass(kind, tuple), kind.__slots__, hasattr(kind(1), "__dict__")),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_as_the_standard_one(question: str) -> None:
    ask = QUESTIONS[question]
    assert ask(Ours) == ask(Theirs)


def test_a_pattern_takes_it_apart() -> None:
    match Ours(1, 3):
        case Ours(x, y=3):
            assert x == 1
        case other:
            pytest.fail(f"did not match: {other}")


def missing(kind: Any) -> None:
    kind()


def too_many(kind: Any) -> None:
    kind(1, 2, "p", 4)


def twice(kind: Any) -> None:
    kind(1, x=2)


def unknown(kind: Any) -> None:
    kind(1, z=2)


def written(kind: Any) -> None:
    kind(1).x = 2


def added(kind: Any) -> None:
    kind(1).z = 2


@pytest.mark.parametrize("wrong", [missing, too_many, twice, unknown, written, added])
@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_is_wrong_is_refused(wrong: Callable[[Any], None], kind: Any) -> None:
    with pytest.raises(AttributeError if wrong in {written, added} else TypeError):
        wrong(kind)


def test_where_annotations_are_lazy_it_is_the_standard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """PEP 649: a class body of Python 3.14 holds no `__annotations__`, and every class would lose its fields."""
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    assert runpy.run_path(str(named.__file__))["NamedTuple"] is typing.NamedTuple
