"""Git over a network: after its deadline nothing of a call is left, whatever Git has started."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from aurora import git
from remembrancer.errors import RemembrancerError


def test_a_call_that_never_ends_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that Git starts holds the pipes that are read to their end; ending Git alone would wait for it."""
    monkeypatch.setattr(git, "DEADLINE", 1.0)
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    begun = time.monotonic()
    with pytest.raises(RemembrancerError, match="took longer than 1 seconds"):
        git.must(tmp_path, "ls-remote", "ssh://git.example.org/x.git")
    assert time.monotonic() - begun < 20
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text().strip()],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        if not state or state.startswith("Z"):
            return
        threading.Event().wait(0.05)
    pytest.fail(f"the program that Git started is still {state}")


def test_without_git_the_environment_is_at_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RemembrancerError) as caught:
        git.must(tmp_path, "version")
    assert caught.value.code == "env.git"
