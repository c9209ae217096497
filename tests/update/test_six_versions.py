"""Six versions, step by step and in one jump, end byte for byte and mode for mode where a fresh copy ends."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import small_template
from cli_support import Scratch
from collection import git
from small_template import COLOUR, PORT, Small
from update_support import contents, end_world, new_world, receipts, run, spawn, update

SERVICE = "fastapi-service"
LAST = "v6.0.0"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Files come, go, change, and get other names and modes; questions come and change their defaults."""
    made = small_template.begin(tmp_path_factory.mktemp("small") / "template")
    small_template.second(made)
    made.write("ops/check", "#!/bin/sh\nexec true\n")
    made.question("colour", COLOUR + "\nowner:\n  type: str\n  default: platform\n")
    made.change("README.md.jinja", "three", "three, owned by {{ owner }}")
    made.publish("v3.0.0")
    made.write("ops/check", "#!/bin/sh\nexec true\n", 0o755)
    made.rename("new-name.txt", "ops/third-name.txt")
    made.write("settings.txt", "a\nB\nC\nd\ne\nf\ng\nh\ni\n")
    made.publish("v4.0.0")
    made.remove("arriving.txt")
    (made.work / small_template.SERVICE / "linked.mk").symlink_to("ops/release.mk")
    made.question("port", PORT.replace("default: 8080", "default: 8081"))
    made.publish("v5.0.0")
    made.write("leaving.txt", "it is back\n")
    made.change("Makefile", "echo three", "echo THREE")
    made.publish(LAST)
    return made


@pytest.fixture(scope="module")
def service(template: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    scratch = new_world(spawn(template, tmp_path_factory.mktemp("spawned") / "my-svc", SERVICE, "v1.0.0"))
    yield scratch
    end_world(scratch)


def state(root: Path) -> dict[str, tuple[bytes, bool]]:
    """Return path to bytes and the permission to run, without the port, which the first version's answer fixed."""
    return {path: (data, bool((root / path).stat().st_mode & 0o100)) for path, data in contents(root).items()}


@pytest.mark.system
def test_six_versions_step_by_step_and_in_one_jump(template: Small, service: Scratch, tmp_path: Path) -> None:
    jump = service.copy()
    try:
        fresh = spawn(template, tmp_path / "my-svc", SERVICE, LAST, port=8080, commit=False)
        update(template, jump.root, SERVICE, LAST)
        for number in range(2, 7):
            update(template, service.root, SERVICE, f"v{number}.0.0")
            service.commit(f"[my-svc] chore: follow the standard to v{number}.0.0")
        assert state(service.root) == state(jump.root) == state(fresh)
        steps = receipts(service.root, "update")
        # all of them may be of one second: the chain is the order
        assert {(one["from"]["version"], one["template"]["version"]) for one in steps} == {
            (f"v{number}.0.0", f"v{number + 1}.0.0") for number in range(1, 6)
        }
        assert [one["conflicts"] for one in steps] == [[]] * 5
    finally:
        end_world(jump)


@pytest.mark.system
def test_recopy_of_what_is_recorded_writes_nothing(template: Small, service: Scratch) -> None:
    command = (sys.executable, "-m", "copier", "recopy", "--trust", "--defaults", "--overwrite", "--quiet")
    before = git(service.root, "rev-parse", "HEAD")
    done = run(service.root, *command, **template.variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("receipt: none, nothing was new")
    assert (git(service.root, "status", "--porcelain"), git(service.root, "rev-parse", "HEAD")) == ("", before)


@pytest.mark.system
@pytest.mark.reason("drift.mode")
def test_drift_judges_modes(service: Scratch) -> None:
    service.ok("init", "--dev", "--component", "my-svc")
    service.ok("seal")
    assert service.run("drift").status == 0
    (service.root / "ops/check").chmod(0o644)
    (service.root / "settings.txt").chmod(0o755)
    said = service.json("drift")
    assert said.codes == {"drift.mode"}
    named = {one["subject"] for one in said.report["findings"] if one["code"] == "drift.mode"}
    assert named == {"ops/check", "settings.txt"}
    git(service.root, "config", "core.fileMode", "false")
    assert service.run("drift").status == 0, "Git is told that modes mean nothing here"


@pytest.mark.system
def test_a_version_that_came_without_a_receipt_is_skipped_on_the_record(template: Small, tmp_path: Path) -> None:
    """Whoever records it later, or not at all: the next receipt begins where the record ends, and names the gap."""
    root = spawn(template, tmp_path / "my-svc", SERVICE, "v1.0.0")
    update(template, root, SERVICE, "v2.0.0")
    run(root, "rm", "-r", "ops/receipts/update")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "[my-svc] chore: an update without its receipt")
    command = (sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet", "--vcs-ref", "v2.0.0")
    idle = run(root, *command, **template.variables)
    assert "receipt: v2.0.0 has no receipt yet" in idle.stderr
    service = new_world(root)
    try:
        service.ok("record", "update", **template.variables)
        (later,) = receipts(service.root, "update")
        assert (later["from"]["version"], later["template"]["version"], later["conflicts"]) == ("v1.0.0", "v2.0.0", [])
    finally:
        end_world(service)
    update(template, root, SERVICE, "v3.0.0")
    (stated,) = receipts(root, "update")
    assert (stated["from"]["version"], stated["template"]["version"]) == ("v1.0.0", "v3.0.0")
    assert stated["skipped"] == ["v2.0.0"]
