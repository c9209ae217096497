"""What authorities of the real world write: verified, or refused with the true reason; and no forgery of it passes."""

import pytest

from remembrancer.errors import Rejected
from remembrancer.timestamp.checks import check_response
from remembrancer.timestamp.response import as_response
from tsa_shapes import FORGERS, SHAPES, Shape
from tsa_support import DIGEST, NOW

each = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.what)


@each
@pytest.mark.filterwarnings("error")
def test_an_honest_response_has_the_verdict_that_the_table_gives(shape: Shape) -> None:
    response = shape.honest()
    if not shape.decision:
        for _ in range(2):  # the second time only a part of the second opinion is asked
            facts = check_response(response, DIGEST, shape.authority, shape.nonce)
            assert facts.gen_time.replace(microsecond=0) == NOW
        return
    with pytest.raises(Rejected) as refusal:
        check_response(response, DIGEST, shape.authority, shape.nonce)
    assert refusal.value.code == shape.decision
    assert "\n" not in refusal.value.message


@each
@pytest.mark.parametrize("forger", FORGERS)
def test_its_forged_twin_is_refused(shape: Shape, forger: str) -> None:
    response = as_response(shape.forged(forger))
    with pytest.raises(Rejected) as refusal:
        check_response(response, DIGEST, shape.authority, shape.nonce)
    assert refusal.value.code in REFUSED[forger] | {shape.decision}


@each
@pytest.mark.parametrize("forger", FORGERS)
def test_its_forged_twin_is_refused_after_an_honest_one(shape: Shape, forger: str) -> None:
    """Whatever is remembered of an authority's certificate, a later token is judged by itself."""
    if not shape.decision:
        check_response(shape.honest(), DIGEST, shape.authority, shape.nonce)
    with pytest.raises(Rejected):
        check_response(as_response(shape.forged(forger)), DIGEST, shape.authority, shape.nonce)


REFUSED = {
    "another time": {"time.signature"},
    "another signature": {"time.signature"},
    "an authority of the same name": {"time.untrusted-root"},
    "another imprint": {"time.imprint-mismatch"},
    # some shapes carry a signer of their own, which this forger's then is not
    "a certificate that is not for timestamping": {"time.certificate", "time.signer"},
}


def test_a_bare_token_is_taken_where_a_response_is_made_of_it() -> None:
    bare = next(shape for shape in SHAPES if "bare" in shape.what)
    facts = check_response(as_response(bare.honest()), DIGEST, bare.authority, bare.nonce)
    assert facts.gen_time == NOW


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x00", b"text", b"\x30\x03\x06\x01\x00"])
def test_what_is_no_token_stays_what_it_is(data: bytes) -> None:
    assert as_response(data) == data
