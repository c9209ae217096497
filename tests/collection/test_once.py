"""What several workers ask for at once is made by one of them, and what broke off is made anew."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from once import Shared


def test_workers_that_ask_at_once_get_one_whole_folder(tmp_path: Path) -> None:
    made: list[Path] = []
    together = Barrier(4, timeout=20)

    def make(folder: Path) -> None:
        made.append(folder)
        for number in range(200):
            (folder / str(number)).touch()

    def ask(_: int) -> int:
        together.wait()
        return len(list(Shared(tmp_path).made(make, "tool", "1.0").iterdir()))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [200] * 4
    assert len(made) == 1


def test_what_broke_off_is_made_anew(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("the index did not answer")

    shared = Shared(tmp_path)
    with pytest.raises(OSError, match="did not answer"):
        shared.made(breaks, "tool")
    assert [path.name for path in shared.made(lambda folder: (folder / "whole").touch(), "tool").iterdir()] == ["whole"]
