"""docs/forged-proofs.md says what the tests measure."""

from forgeries_table import DOCUMENT, filled
from pgp_forgeries import FORGERIES as SIGNATURES
from remembrancer.reasons import REASONS
from tsa_forgeries import FORGERIES as TIMESTAMPS


def test_the_tables_are_up_to_date() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert filled(document) == document
    assert all(forgery.what in document for forgery in (*TIMESTAMPS, *SIGNATURES))


def test_every_code_has_a_reason() -> None:
    assert {forgery.code for forgery in (*TIMESTAMPS, *SIGNATURES)} <= REASONS.keys()
