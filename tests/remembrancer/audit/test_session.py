"""One session, and functions over it: what a front end without a command line has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, owner, receipts
from remembrancer.audit.session import Session
from remembrancer.errors import BadInput
from remembrancer.user.state import State

FRONT_END = """
import json, sys
from contextlib import nullcontext
from pathlib import Path

sys.modules["click"] = sys.modules["rich"] = None  # importing either of them fails

from remembrancer.audit.one_receipt import judge_receipt
from remembrancer.audit.session import Session
from remembrancer.audit.status import status
from remembrancer.audit.travel import export_proof, judge_proof
from remembrancer.audit.verdict import judge_artifact
from remembrancer.audit.whole import judge_everything
from remembrancer.record.finish import seal_after, sign, timestamp
from remembrancer.standard.judge import judge_drift

root, artifact, receipt = (Path(one) for one in sys.argv[1:])
session = Session(root)
proof = artifact.with_name(artifact.name + ".proof.json")
answers = {
    "verify": judge_artifact(session, artifact, full=False),
    "verify-full": judge_artifact(session, artifact, full=True),
    "verify-audit": judge_everything(session, kept=None, watched=lambda size: nullcontext(lambda done, size: None)),
    "receipt": judge_receipt(session, receipt).verdict,
    "export-proof": export_proof(session, artifact, None),
    "verify-proof": judge_proof(session, proof, artifact, None),
    "drift": judge_drift(session)[0],
}
size = status(session).log.view.size
_, sealed = sign(session, artifact, None, wait=True)
_, also = timestamp(session, artifact, None, wait=False)
print(json.dumps({
    "codes": {name: one.exit_code for name, one in answers.items()},
    "size": size,
    "pending": sealed.pending,
    "sealed": also.result.size,
    "nothing": seal_after(session, wait=False).result.size,
    "notices": session.notices,
}))
"""


def test_a_front_end_without_click_does_what_the_commands_do(scratch: Scratch) -> None:
    given = [str(scratch.root), str(scratch.root / ARTIFACT), str(receipts(scratch, "deploy")[0])]
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", FRONT_END, *given],
        env=scratch.environment(PYTHONPATH=paths),
        cwd=scratch.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for name, status in said["codes"].items():
        arguments = {"receipt": [given[2]], "verify-audit": [], "drift": [], "verify-proof": [f"{ARTIFACT}.proof.json"]}
        run = scratch.run(name, *arguments.get(name, [ARTIFACT]))
        assert run.status == status, (name, run.out, run.err)
    assert set(said["codes"].values()) == {0, 1}  # nothing here was generated, so drift has nothing to compare with
    assert said["sealed"] == said["nothing"] == said["size"] + 2
    assert said["pending"] == "pending until the next seal"
    assert said["notices"] == []


def test_who_is_trusted_comes_from_the_run_the_environment_or_the_pins(scratch: Scratch, tmp_path: Path) -> None:
    state = State(tmp_path)
    state.pin("A" * 40)
    assert Session(scratch.root, state=state, environ={}).pins().owners("") == ("A" * 40,)
    named = {"REMEMBRANCER_TRUST": f"{'b' * 40}, {'C' * 40}"}
    assert Session(scratch.root, state=state, environ=named).pins().owners("") == ("B" * 40, "C" * 40)
    mine = Session(scratch.root, owners=(owner(scratch),), state=state, environ=named)
    assert mine.pins().explicit == (owner(scratch),)
    assert mine.trusted().owner == owner(scratch)


def test_a_session_is_of_the_nearest_repository(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scratch.root / "dist")
    assert Session().root == scratch.root.resolve()
    monkeypatch.chdir("/")
    assert Session().within() is None
    with pytest.raises(BadInput, match="not inside a repository"):
        Session().root  # noqa: B018 - asking is the test
    with pytest.raises(BadInput, match="there is no folder"):
        Session(scratch.root / "nowhere").root  # noqa: B018
