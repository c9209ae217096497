"""Git over a network: after its deadline nothing of a call is left, whatever Git has started."""

import random
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest

from aurora import git
from aurora.foreign.snapshot import Snapshot
from aurora.push import publish
from collection import commit_all
from collection import git as own
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


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A remote whose one file is 3 MiB that cannot be compressed."""
    own(tmp_path, "init", "--quiet", "large")
    (tmp_path / "large/file").write_bytes(random.Random(1).randbytes(3 << 20))
    commit_all(tmp_path / "large", "large")
    return tmp_path / "large"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process makes temporary folders, so that what is left behind is seen."""
    (tmp_path / "room").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "room"))
    monkeypatch.setenv(git.LIMIT, "1")
    return tmp_path / "room"


def refused(work: Callable[[], object]) -> RemembrancerError:
    with pytest.raises(RemembrancerError) as caught:
        work()
    return caught.value


def test_a_remote_that_sends_more_than_is_taken_is_refused_and_leaves_nothing(large: Path, room: Path) -> None:
    error = refused(lambda: Snapshot(str(large)))
    assert (error.code, error.exit_code) == ("env.oversized", 4)
    assert error.message == "git fetch met more than 1 MiB at once, or more memory than that is worth"
    assert list(room.iterdir()) == []


def test_the_limit_is_a_setting(large: Path, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(git.LIMIT, "8")
    with Snapshot(str(large)) as source:
        assert len(source.file("file")) == 3 << 20
    for wrong in ("0", "-1", "1.5", "many", "9" * 40, "\u0661"):
        monkeypatch.setenv(git.LIMIT, wrong)
        assert refused(lambda: Snapshot(str(large))).code == "input.field", wrong
    assert list(room.iterdir()) == []


def test_a_remote_that_talks_without_end_is_refused(
    tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is a file with the same limit, and never memory."""
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nexec yes 'a remote says much' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    error = refused(lambda: git.branch_of("ssh://git.example.org/x.git", "main"))
    assert error.code in ("env.oversized", "env.git")  # the program ends, and Git then says what it missed
    assert len(error.message) < 500
    assert list(room.iterdir()) == []


def test_an_answer_that_nobody_would_read_is_refused(
    tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MOST_SAID", 3)
    assert refused(lambda: git.must(tmp_path, "version")).code == "env.oversized"


def test_a_few_bytes_that_stand_for_much_memory_are_refused(
    tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delta says how long its result is: 40 bytes may ask for a gigabyte."""
    monkeypatch.setattr(git, "_MEMORY", 200_000)
    base = b"x" * 70_000
    delta = varied(len(base)) + varied(65_535 * 8000) + b"\xb0\xff\xff" * 8000
    packed = pack((3, b"", base), (7, sha1(b"blob 70000\0" + base).digest(), delta))
    own(tmp_path, "init", "--quiet", "--bare", "bomb.git")
    folder = tmp_path / "bomb.git"
    done = subprocess.run(
        [*git.limited(["git", "-C", str(folder), "index-pack", "--stdin"])],
        input=packed,
        capture_output=True,
        check=False,
    )
    assert len(packed) < 50_000
    assert git.is_oversized(done.returncode, done.stderr), done.stderr


def test_what_a_remote_says_is_not_why_a_call_ended() -> None:
    assert git.is_oversized(128, b"fatal: write error: File too large\n")
    assert not git.is_oversized(128, b"remote: Out of memory\nfatal: early EOF\n")
    assert not git.is_oversized(0, b"warning: File too large\n")


def varied(number: int) -> bytes:
    """Return a number as Git's deltas have it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def pack(*objects: tuple[int, bytes, bytes]) -> bytes:
    """Return a pack of objects: kind, what stands before the data, the data."""
    data = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, before, content in objects:
        size = len(content)
        head = [kind << 4 | size & 15]
        size >>= 4
        while size:
            head[-1] |= 128
            head.append(size & 127)
            size >>= 7
        data += bytes(head) + before + zlib.compress(content)
    return data + sha1(data).digest()


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_objects_may_be_named_by_either_hash(tmp_path: Path, kind: str) -> None:
    remote = tmp_path / "remote.git"
    own(tmp_path, "init", "--quiet", "--bare", f"--object-format={kind}", "remote.git")
    assert publish(str(remote), "b", "", {"f": b"1"}, "one")
    first = git.branch_of(str(remote), "b")
    assert publish(str(remote), "b", first, {"g/h": b"2"}, "two")
    assert not publish(str(remote), "b", first, {"f": b"3"}, "three")
    with Snapshot(str(remote), "refs/heads/b") as source:
        assert (source.file("f"), source.file("g/h")) == (b"1", b"2")
        assert len(source.commit) == {"sha1": 40, "sha256": 64}[kind]
