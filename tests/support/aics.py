"""The programs of aics-witness and aics-tlog, and a witness of a test's own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collection import ROOT
from object_stores import serving
from remembrancer.tlog import VerifierKey
from tool_environment import private_environment

# reads {"note": ..., "proofs": {"OLD": [hex]}} and submits each; prints the lines of each answer, or why there are none
FEED = """
import json, sys
from aics_witness.feeder import WitnessClient, FeederError
client = WitnessClient(sys.argv[1], sys.argv[2])
for one in json.load(sys.stdin):
    try:
        lines = client.submit(one["note"], lambda old, new: [bytes.fromhex(h) for h in one["proofs"][str(old)]])
        print(json.dumps({"lines": lines}))
    except FeederError as error:
        print(json.dumps({"refused": type(error).__name__, "status": getattr(error, "status", 0)}))
"""


def folder() -> Path:
    """Where the programs are. Their packages ask for Python 3.12; what the tests call of them runs on 3.11 as well."""
    return private_environment("aics", ROOT / "tests/aurora/witness/aics.lock", "--ignore-requires-python") / "bin"


def run(program: str, *words: str, data: str = "") -> "subprocess.CompletedProcess[str]":
    command = [str(folder() / program), *words]
    return subprocess.run(command, input=data, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def aics_witness(base: Path, log: VerifierKey) -> Iterator[tuple[str, VerifierKey]]:
    """Serve an aics-witness that knows this log; yields its URL and its key."""
    config = ("--config", str(base / "witness.json"))
    made = run("aics-witness", "init", *config, "--name", "aics.example/w")
    assert made.returncode == 0, made.stdout + made.stderr
    key = next(word for word in made.stdout.replace('"', " ").split() if word.startswith("aics.example/w+"))
    added = run("aics-witness", "add-log", *config, "--origin", log.name, "--vkey", str(log))
    assert added.returncode == 0, added.stdout + added.stderr
    words = [str(folder() / "aics-witness"), "serve", *config, "--listen"]
    with serving(lambda port: [*words, f"127.0.0.1:{port}"]) as url:
        yield url, VerifierKey.parse(key)


def feed(url: str, key: VerifierKey, submissions: list[dict[str, object]]) -> list[dict[str, object]]:
    """Submit checkpoints to a witness as its feeder does, and return what became of each."""
    done = run("python", "-c", FEED, url, str(key), data=json.dumps(submissions))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
