"""The guide for platform engineers does what it says: its commands, in its order, on a forge with five services."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aurora.fleet import listed
from cli_support import Scratch
from collection import ROOT, commit_all, git
from forges_double import TOKEN, Forge, serving
from quick_copier import quick_programs
from update_history import NEWEST, URL, History
from update_support import PROGRAMS, end_world, new_world, receipts, run

GUIDE = (ROOT / "docs/platform-engineer.md").read_text("utf-8")
SECTION = re.compile(r"^## [1-7]\. (.*?)\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN_TARGET = '\nours:\n\t@echo "billing"\n'
GREEN = "test:\n\t@true\n"
RED = 'test:\n\t@test ! -e SECURITY.md || { echo "FAILED tests/test_files.py::test_only_the_readme"; exit 1; }\n'
SERVICES = {
    "orders": {"Makefile": GREEN},
    "billing": {"Makefile": GREEN, "ops/release.mk": OWN_TARGET},
    "shop": {"Makefile": GREEN, "app.py": "print('shop')\n"},
    "mail": {"Makefile": "test:\n\t@! env | grep s3cret\n"},
    "stock": {"Makefile": RED},
}
BRANCH = "aurora/template-v4.3.0"


@dataclass
class Acme:
    """A home, the team's folders below it, and the forge with the services."""

    world: Scratch
    forge: Forge
    variables: dict[str, str]
    owners: dict[str, str]

    def pin(self) -> None:
        """Add to the list whom each service's policy belongs to, as people do after they have asked."""
        file = self.world.base / "platform/fleet.toml"
        fleet = listed.read(file)
        listed.write(file, fleet.having(one._replace(trust=self.owners[one.name]) for one in fleet.services))

    def merge(self, path: str) -> None:
        """Merge a request as its team does, and seal what came as its pipeline does."""
        bare = self.forge.folder / f"{path}.git"
        git(bare, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
        next(one for one in self.forge.requests if one.path == path).state = "merged"
        clone = self.world.base / "pipeline"
        git(self.world.base, "clone", "--quiet", str(bare), str(clone))
        self.world.ok("seal", "--root", str(clone))
        commit_all(clone, "[ci] chore: seal the update")
        git(clone, "push", "--quiet", "origin", "HEAD")
        shutil.rmtree(clone)


@pytest.fixture
def acme(history: History, generated: Callable[[str, str], Path], tmp_path: Path) -> Iterator[Acme]:
    """Five services of the CI layer on a forge, each with a ledger; a clone of the templates; the team's repository."""
    world = new_world(generated("ci", NEWEST))
    shutil.copytree(history.bare, tmp_path / "bare.git")
    mine = History(tmp_path / "bare.git", tmp_path / "cache")
    owners: dict[str, str] = {}
    with serving(Forge("github", tmp_path / "hosted")) as forge:
        for name, files in SERVICES.items():
            service = Path(shutil.copytree(world.root, world.base / name, symlinks=True))
            world.ok("init", "--dev", "--component", name, "--root", str(service))
            owners[f"acme/{name}"] = str(world.json("trust", "show", "--root", str(service)).report["data"]["owner"])
            for path, text in files.items():
                with (service / path).open("a") as file:
                    file.write(text)
            commit_all(service, f"[{name}] feat: ours")
            git(service, "push", "--quiet", str(forge.add(f"acme/{name}")), "HEAD:refs/heads/main")
            shutil.rmtree(service)
        git(world.base, "clone", "--quiet", str(mine.bare), "templates")
        git(world.base, "init", "--quiet", "--initial-branch", "main", "platform")
        rewritten = [
            (f"{forge.folder}/", f"http://{forge.host}/"),
            (f"{forge.folder}/", "https://github.com/"),
            (str(mine.bare), URL),
        ]
        text = "".join(f'[url "{to}"]\n\tinsteadOf = {url}\n' for to, url in rewritten)
        user = '[user]\n\tname = Platform\n\temail = platform@example.com\n[safe]\n\tdirectory = "*"\n'
        (world.home / ".gitconfig").write_text(text + user)
        home = {name: value for name, value in world.environment().items() if name in {"HOME", "LC_ALL"}}
        config = {"GIT_CONFIG_GLOBAL": str(world.home / ".gitconfig"), "COPIER_CACHE_DIR": str(mine.cache)}
        token = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": forge.api}
        place = {"XDG_CACHE_HOME": str(world.home / "cache"), "PATH": f"{quick_programs(tmp_path / 'env')}:{PROGRAMS}"}
        yield Acme(world, forge, {**home, **config, **token, **place}, owners)
    end_world(world)


@pytest.mark.system
@pytest.mark.reason("fleet.conflicts", "fleet.tests-failed")
def test_the_guide_runs_as_it_stands(acme: Acme) -> None:
    sections = [BLOCK.findall(text) for _, text in SECTION.findall(GUIDE)]
    assert len(sections) == 7
    said: list[str] = []
    folder = acme.world.base
    for number, blocks in enumerate(sections, 1):
        for kind, text in blocks:
            if kind == "text":
                assert text in said[-1], said[-1]
                continue
            if (number, len(acme.forge.requests)) == (4, 1):
                acme.merge("acme/orders")
            # status exits with 1 while somebody has drifted, and with 3 while nobody is pinned
            script = text.replace("aurora fleet status", "aurora fleet status || true")
            done = run(folder, "sh", "-euc", f"{script}\npwd", **acme.variables)
            assert done.returncode == 0, done.stdout + done.stderr
            assert TOKEN not in done.stdout + done.stderr
            *printed, last = done.stdout.splitlines(keepends=True)
            said.append("".join(printed))
            folder = Path(last.strip())
        if number == 1:
            acme.pin()
        if number == 4:
            acme.merge("acme/shop")
            acme.merge("acme/mail")
    done = run(folder, "sh", "-euc", "aurora fleet status --format json || true", **acme.variables)
    rows = {row["name"].removeprefix("acme/"): row["state"] for row in json.loads(done.stdout)["services"]}
    assert rows == {**dict.fromkeys(("billing", "mail", "orders", "shop"), "current"), "stock": "behind"}, done.stdout
    assert sorted(one.path for one in acme.forge.requests) == ["acme/mail", "acme/orders", "acme/shop"]
    assert any('+ours:\n+\t@echo "billing"\n' in one for one in said)
    for name in SERVICES:
        service = acme.world.base / "last" / name
        git(acme.world.base, "clone", "--quiet", str(acme.forge.folder / f"acme/{name}.git"), str(service))
        if name == "stock":
            assert receipts(service, "update") == []
            continue
        (stated,) = receipts(service, "update")
        assert (stated["from"]["version"], stated["template"]["version"]) == (NEWEST, "v4.3.0")
        assert stated["conflicts"] == (["ops/release.mk"] if name == "billing" else [])
        assert (service / "SECURITY.md").is_file()
        audit = acme.world.run("verify-audit", "--root", str(service))
        assert audit.status == 0, audit.out
    print(said[-1])
