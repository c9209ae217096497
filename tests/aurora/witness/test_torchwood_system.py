"""Torchwood, which nobody here wrote, reads what a witness and a log of logs made: cosignatures and proofs."""

import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

import witness_support as log
from aurora import orglog
from aurora.logs import Log
from aurora.witness import request
from aurora.witness.request import Submission
from remembrancer.ledger.files import LedgerFiles
from remembrancer.paths import LEDGER
from remembrancer.tlog import SignerKey, append
from witness_peers import program

pytestmark = pytest.mark.system


def asked(*questions: dict[str, Any]) -> list[str]:
    """Return what torchwood says to each question, "" when it is satisfied."""
    encoded = [
        {key: b64encode(value).decode() if isinstance(value, bytes) else value for key, value in one.items()}
        for one in questions
    ]
    words = [program("torchverify")]
    done = subprocess.run(words, input=json.dumps(encoded), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def policy(key: SignerKey, *witnesses: SignerKey) -> str:
    """Return a tlog-policy that wants this log and all of these witnesses."""
    lines = [f"log {key.verifier()}", *(f"witness w{n} {one.verifier()}" for n, one in enumerate(witnesses))]
    group = [f"group all-of-them all {' '.join(f'w{n}' for n in range(len(witnesses)))}"] if witnesses else []
    return "\n".join([*lines, *group, f"quorum {'all-of-them' if witnesses else 'none'}", ""])


def test_it_accepts_the_cosignatures_of_both_types(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    for old, new in ((0, 3), (3, 300)):
        said = request.read(log.step(old, new), log.LOGS)
        assert isinstance(said, Submission)
        assert state.submit(said).status == 200
    (known,) = state.known()
    strangers = [SignerKey.from_seed(log.NAME, bytes(32), number) for number in (4, 6)]
    wanted = [policy(log.KEY, *log.WITNESS), *(policy(log.KEY, one) for one in log.WITNESS)]
    assert asked(*({"Policy": one, "Checkpoint": known.note} for one in wanted)) == ["", "", ""]
    refused = asked(
        *({"Policy": policy(log.KEY, one), "Checkpoint": known.note} for one in strangers),
        {"Policy": wanted[0], "Checkpoint": log.note(300)},
        {"Policy": wanted[0], "Checkpoint": known.note.replace(b"\n300\n", b"\n301\n")},
    )
    assert all(refused), refused


def test_it_accepts_the_proof_that_a_checkpoint_is_in_a_log_of_logs(tmp_path: Path) -> None:
    org = SignerKey.from_seed("log.example/all", bytes(range(1, 33)))
    logs: dict[str, Log] = {}
    sources = {}
    for number in range(5):
        key = SignerKey.from_seed(f"log.example/{number}", bytes([number]) * 32)
        growth = append(lambda _: b"", 0, log.entries(3, str(number)))
        for path, data in {**growth.files, "checkpoint": log.note(3, str(number), key)}.items():
            place = tmp_path / str(number) / LEDGER / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        logs[key.name] = Log(key.name, (key.verifier(),))
        sources[key.name] = LedgerFiles(tmp_path / str(number))
    (tmp_path / "org").mkdir()
    assert orglog.update(tmp_path / "org", org, logs, sources).size == 5
    leaf, bundle = orglog.prove(tmp_path / "org", logs, "log.example/3")
    said = {"Policy": policy(org), "Proof": bundle.format()}
    right, wrong = asked({**said, "Entry": leaf.note}, {**said, "Entry": leaf.note + b"x"})
    assert (right, bool(wrong)) == ("", True)
