"""Fixtures that more than one part uses."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import collection as collection_support
from cli_support import forget_release
from collection import render, snapshot
from guide import blocks
from once import Shared
from own_path import own_path
from production_support import forget_production
from quick_copier import forget_checkouts
from reasons_met import WHOLE, ReasonsMet
from warm_copier import cool

# the files that take longest, so that no worker is left alone with one at the end
FIRST = (
    "tests/spawn/test_from_nothing.py",
    "tests/spawn/test_variants.py",
    "tests/collection/test_release_system.py",
    "tests/templates/test_cluster.py",
    "tests/aurora/fleet/test_scale.py",
    "tests/templates/test_ci_release.py",
    "tests/update/test_update_parts.py",
    "tests/update/test_platform_guide.py",
    "tests/spawn/test_generators.py",
    "tests/templates/test_ci_real.py",
    "tests/templates/test_service_collector.py",
    "tests/templates/test_image_system.py",
    "tests/templates/test_ci_trivy.py",
    "tests/templates/test_assistant_clients.py",
    "tests/aurora/fleet/test_rollout.py",
    "tests/remembrancer/hooks/test_commits.py",
    "tests/templates/test_ops_bin_gates.py",
    "tests/collection/",
    "tests/update/",
    "tests/templates/",
    "tests/aurora/",
)
MARK = "mark.system"
# a busy machine is slow, which is no fault of what is tested; each test as a whole has its deadline
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Watch which reason codes are met; what the tests start finds this Python at once."""
    os.environ["PATH"] = own_path(os.environ["PATH"])
    # a container's Python may write no bytecode, and then hundreds of programs would compile the same modules
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # pip may need a proxy of the network; the servers of the tests are on this machine
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", "127.0.0.1", "::1")))
    # a run in the background ignores interruptions, and so would the programs that tests start and interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()
    config.pluginmanager.register(ReasonsMet(config))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Let no worker import a file of which it runs nothing; each of them would import hundreds.

    What a file of system tests says of the reason codes that it meets is counted in `make test`: such a file stays.
    """
    expression = config.getoption("markexpr")
    if expression not in ("system", WHOLE) or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text("utf-8")
    if expression == "system":
        return MARK not in text or None
    return ("\npytestmark = pytest.mark.system\n" in text and "mark.reason(" not in text) or None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Let each worker begin with other files, so that it finds most of the others compiled by its neighbours."""
    report = yield
    worker, count = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if isinstance(collector, pytest.Dir) and report.result:
        first = len(report.result) * int(worker.removeprefix("gw")) // count
        report.result = [*report.result[first:], *report.result[:first]]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin; the order within a file stays. A system test is marked in its own file."""
    for path in {item.path for item in items if item.get_closest_marker("system")}:
        assert MARK in path.read_text("utf-8"), f"{path} has system tests, and does not mark them itself"
    names = {item.path: item.nodeid.partition("::")[0] for item in items}
    place = {
        path: (next((at for at, first in enumerate(FIRST) if name.startswith(first)), len(FIRST)), name.split("/"))
        for path, name in names.items()
    }
    items.sort(key=lambda item: place[item.path])


def pytest_collection_finish() -> None:
    """Take what was collected, objects that stay to the end, out of every search for garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def release_once() -> Iterator[None]:
    """Remove what `cli_support.released`, `production_support.production`, `quick_copier` and `warm_copier` keep."""
    yield
    forget_release()
    forget_production()
    forget_checkouts()
    cool()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """What the workers of this run make once for all."""
    base = tmp_path_factory.getbasetemp()
    collection_support.SHARED = Shared((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared")
    return collection_support.SHARED


@pytest.fixture(scope="session")
def collection(shared: Shared) -> Path:
    """This collection as a clean git repository with one commit and one tag; tests do not write into it."""
    return shared.made(lambda folder: snapshot(folder / "vaultmesh"), "collection") / "vaultmesh"


@pytest.fixture(scope="session")
def service(collection: Path, shared: Shared) -> Path:
    """A complete service with default answers, rendered once; tests do not write into it."""
    answers = {"component": "my-svc"}
    return shared.made(lambda folder: render(collection, folder / "my-svc", **answers), "service") / "my-svc"


@pytest.fixture
def commands(request: pytest.FixtureRequest) -> list[str]:
    """The blocks of the section of docs/years.md that the marker of the test names: `section("The first day")`."""
    mark = request.node.get_closest_marker("section")
    assert mark, "which section?"
    return blocks(*mark.args)
