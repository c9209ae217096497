"""What a user remembers: private, whole, and only ever growing; damage is said, not guessed around."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.user.state import State, fingerprint, state_dir

OWNER = "A" * 40


def test_where_it_lies() -> None:
    assert state_dir({"HOME": "/h"}) == Path("/h/.local/state/remembrancer")
    assert state_dir({"HOME": "/h", "XDG_STATE_HOME": "/s"}) == Path("/s/remembrancer")
    assert state_dir({"HOME": "/h", "XDG_STATE_HOME": "relative"}) == Path("/h/.local/state/remembrancer")


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    assert (state.pins(), state.newest_policy(OWNER, "o"), state.seen("o", "k")) == ({}, (0, ""), None)
    assert not (tmp_path / "s").exists()


def test_pins(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    state.pin(OWNER.lower(), "example.com/a")
    state.pin("B" * 64)
    assert state.pins() == {OWNER: ("example.com/a",), "B" * 64: ("",)}
    state.pin(OWNER, "example.com/b")
    state.pin(OWNER, "example.com/a")
    assert state.pins()[OWNER] == ("example.com/a", "example.com/b"), "one pin takes no other away"
    assert (state.unpin(OWNER), state.unpin(OWNER)) == (True, False)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "s/pins.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "A" * 16, "A" * 39, "A" * 41, "G" * 40, "0x" + "A" * 16])
def test_short_fingerprints_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a full OpenPGP fingerprint"):
        fingerprint(text)


def test_the_largest_checkpoint_stays(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.remember_checkpoint("o", "k", b"five", 5, "aa")
    state.remember_checkpoint("o", "k", b"three", 3, "bb")
    seen = state.seen("o", "k")
    assert seen is not None
    assert (seen.note, seen.size, seen.roots) == (b"five", 5, {3: "bb", 5: "aa"})
    assert state.seen("o", "other") is None


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"{}", b"\xff", b'{"note": 1, "size": "x", "roots": []}', b"[" * 100_000]
)
def test_damage_is_said(tmp_path: Path, data: bytes) -> None:
    state = State(tmp_path)
    state.remember_checkpoint("o", "k", b"five", 5, "aa")
    next((tmp_path / "checkpoints").iterdir()).write_bytes(data)
    with pytest.raises(EnvironmentTrouble) as caught:
        state.seen("o", "k")
    assert caught.value.code == "env.state"


@pytest.mark.parametrize("data", [b"{}", b'{"version": "1", "digest": "x"}', b'{"version": 1}'])
def test_a_remembered_policy_without_content_is_damage_and_not_a_first_meeting(tmp_path: Path, data: bytes) -> None:
    state = State(tmp_path)
    state.remember_policy(OWNER, "o", 3, "digest")
    next((tmp_path / "policies").iterdir()).write_bytes(data)
    with pytest.raises(EnvironmentTrouble) as caught:
        state.newest_policy(OWNER, "o")
    assert caught.value.code == "env.state"


@pytest.mark.parametrize("value", ["1", "null", "[]", "[1]", '{"a": 1}'])
def test_a_pin_that_cannot_be_read_is_damage(tmp_path: Path, value: str) -> None:
    state = State(tmp_path)
    for text in (f'{{"{OWNER}": {value}}}', '{"no fingerprint": ""}'):
        (tmp_path / "pins.json").write_text(text)
        with pytest.raises(EnvironmentTrouble) as caught:
            state.pins()
        assert caught.value.code == "env.state"


def _pin(folder: str, number: int) -> None:
    State(Path(folder)).pin(f"{number:040X}")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_pin, [str(tmp_path)] * 40, range(40)))
    assert len(State(tmp_path).pins()) == 40
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".new-")]


@pytest.mark.parametrize(
    "change",
    [
        {"roots": {}},
        {"roots": {"x": "00" * 32}},
        {"roots": {"8": "00" * 32, "9": None}},
        {"roots": {"8": "zz", "9": "00" * 32}},
        {"size": 8},
        {"size": True},
        {"size": -1},
        {"note": "\ud800"},
    ],
)
def test_a_remembered_checkpoint_of_another_form_is_damage(tmp_path: Path, change: dict[str, object]) -> None:
    state = State(tmp_path)
    state.remember_checkpoint("example.com/x", "00000000", b"note", 9, "00" * 32)
    (file,) = (tmp_path / "checkpoints").iterdir()
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **change}))
    with pytest.raises(EnvironmentTrouble) as caught:
        state.seen("example.com/x", "00000000")
    assert caught.value.code == "env.state"


def test_a_pipe_in_the_place_of_what_is_remembered_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pins.json")
    with pytest.raises(EnvironmentTrouble) as caught:
        State(tmp_path).pins()
    assert caught.value.code == "env.state"
