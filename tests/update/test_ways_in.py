"""README's plain Copier: a template named by `gh:`, the lines that trust it, and a receipt that is written later."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_support import end_agents, new_scratch
from collection import ROOT, commit_all, copier, git
from small_template import Small, begin, second
from update_support import receipts

pytestmark = pytest.mark.system

README = (ROOT / "README.md").read_text("utf-8")
(NAMED,) = set(re.findall(r"copier copy [^\n`]*?gh:([\w/-]+) my-svc", README))
ADDRESS = f"gh:{NAMED}"
(TRUST,) = re.findall(r"(?ms)^```yaml\n(trust:\n.*?)^```$", README)
COPY = ["copy", "--quiet", "--defaults", "--vcs-ref", "v1.0.0", ADDRESS]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables under which Git reads a bare repository where Copier looks for the forge's."""
    made = begin(tmp_path_factory.mktemp("forge") / "small")
    second(made)
    return Small(made.folder, f"https://github.com/{NAMED}.git").variables


@pytest.fixture
def settings(forge: dict[str, str], tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function from Copier's settings to the variables with which it reads them."""

    def written(text: str) -> dict[str, str]:
        path = tmp_path / "settings.yml"
        path.write_text(text)
        return forge | {"COPIER_SETTINGS_PATH": str(path)}

    return written


def test_the_lines_that_trust_are_enough_for_a_copy_and_an_update(
    settings: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    trusting = settings(TRUST)
    done = copier(*COPY, "my-svc", cwd=tmp_path, **trusting)
    assert done.returncode == 0, done.stderr
    service = tmp_path / "my-svc"
    (spawned,) = receipts(service, "spawn")
    assert spawned["template"]["source"] == ADDRESS
    git(service, "init", "--quiet", "--initial-branch", "main")
    commit_all(service, "[my-svc] feat: generate")
    done = copier("update", "--quiet", "--defaults", cwd=service, **trusting)
    assert done.returncode == 0, done.stderr
    (updated,) = receipts(service, "update")
    assert updated["template"]["version"] == "v2.0.0"


@pytest.mark.parametrize("line", TRUST.splitlines()[1:])
def test_copier_trusts_an_address_as_it_is_written(
    settings: Callable[[str], dict[str, str]], tmp_path: Path, line: str
) -> None:
    """So each line is there for a reason: `gh:` is no other way to write the address that it stands for."""
    full = f"https://github.com/{NAMED}.git"
    addresses = (ADDRESS, full)
    trusting = settings(f"trust:\n{line}\n")
    codes = {}
    for number, address in enumerate(addresses):
        codes[address] = copier(*COPY[:-1], address, f"svc-{number}", cwd=tmp_path, **trusting).returncode
    assert codes == {address: 0 if address.startswith(line.removeprefix("  - ")) else 4 for address in addresses}
    assert 0 in codes.values()


def test_a_copy_without_trust_is_recorded_later(forge: dict[str, str]) -> None:
    (sentence,) = re.findall(r"(?s)\nWithout it: .*?\.\n", README)
    told = [sentence.find(one) for one in ("copy --skip-tasks", "`git init`", "`ops/bin/remembrancer record spawn`")]
    assert min(told) > 0
    assert told == sorted(told)
    scratch = new_scratch()
    try:
        done = copier(*COPY, "--skip-tasks", "my-svc", cwd=scratch.base, **forge)
        assert done.returncode == 0, done.stderr
        service = scratch.base / "my-svc"
        assert receipts(service, "spawn") == []
        git(service, "init", "--quiet", "--initial-branch", "main")
        scratch.ok("record", "spawn", cwd=service, **forge)
        (spawned,) = receipts(service, "spawn")
        assert (spawned["template"]["source"], spawned["template"]["version"]) == (ADDRESS, "v1.0.0")
    finally:
        end_agents(scratch)
        scratch.remove()
