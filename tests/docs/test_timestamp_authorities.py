"""docs/timestamp-authorities.md says what the tests measure."""

from pathlib import Path

import pytest

from remembrancer.reasons import REASONS
from shapes_table import DOCUMENT, filled
from tsa_shapes import SHAPES, Shape
from tsa_tools import openssl, rfc3161_client

each = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.what)


def test_the_table_is_up_to_date() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert filled(document) == document
    assert all(shape.what in document for shape in SHAPES)


def test_every_decision_has_a_reason() -> None:
    assert {shape.decision for shape in SHAPES} - {""} <= REASONS.keys()


@each
@pytest.mark.filterwarnings("ignore")
def test_rfc3161_client_says_what_the_table_says(shape: Shape) -> None:
    assert rfc3161_client(shape.honest(), shape.authority, nonce=None) == ("client" in shape.accepted_by)


@pytest.mark.system
@each
def test_openssl_says_what_the_table_says(shape: Shape, tmp_path: Path) -> None:
    assert openssl(shape.honest(), shape.authority, tmp_path) == ("openssl" in shape.accepted_by)


def test_nothing_is_verified_that_openssl_refuses() -> None:
    assert [shape.what for shape in SHAPES if not shape.decision and "openssl" not in shape.accepted_by] == []
