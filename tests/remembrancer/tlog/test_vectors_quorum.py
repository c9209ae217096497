"""Known answers of another project for witness policies: all of these are refused, each for its own reason."""

import re
from typing import Any

import pytest

from remembrancer.errors import BadInput
from remembrancer.tlog import note
from remembrancer.tlog import quorum as witnesses
from tlog_support import vector

REFUSED = vector("formats-tlog-proof/policy_errors.json")["must_reject"]
VKEY = re.compile(r"\S+\+[0-9a-f]{8}\+\S+")


def _cosigner(_: re.Match[str]) -> str:
    return str(note.SignerKey.generate("witness.example", note.COSIGNATURE).verifier())


@pytest.mark.parametrize("case", REFUSED, ids=[f"{number}: {case['desc']}" for number, case in enumerate(REFUSED)])
def test_policies_that_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        witnesses.parse(case["policy"])
    # Their keys are note keys (0x01). With fresh cosigners' keys, only what the case is about is left to refuse.
    with pytest.raises(BadInput) as caught:
        witnesses.parse(VKEY.sub(_cosigner, case["policy"]))
    assert "cosignatures" not in caught.value.message
    assert "already listed" not in caught.value.message


def test_a_policy_with_fresh_keys_is_read() -> None:
    text = next(case["policy"] for case in REFUSED if case["desc"] == "negative threshold").replace("-1", "1")
    assert witnesses.parse(VKEY.sub(_cosigner, text)).required == "g1"
