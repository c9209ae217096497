"""A fleet on a forge of loopback, a template with two versions, and a Copier that takes no time.

The stand-in for Copier is a script of ten lines: it does what an update does to the answers file, to one file of the
standard and to the receipts. What the real one does is tested with the real one (tests/update, test_rollout_system.py).
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from aurora.cli.main import main
from cli_support import Outcome
from collection import IDENTITY, git
from forges_double import TOKEN, Forge, serving

TEMPLATE = "https://git.example.com/platform/templates.git"
ANSWERS = ".copier-answers.ci.yml"
# copier update --trust --defaults --quiet --vcs-ref VERSION -a ANSWERS
COPIER = """\
#!/bin/sh
set -eu
test ! -e copier-fails || { echo "no such luck"; exit 1; }
git ls-remote "$(sed -n 's/^_src_path: //p' "$8")" "$6" | grep -q .
sed -i.bak "s/^_commit: .*/_commit: $6/" "$8" && rm "$8.bak"
echo "standard $6" > standard.txt
mkdir -p ops/receipts/update/2026
test ! -e conflicting || left='"standard.txt"'
cat > "ops/receipts/update/2026/$(od -An -N8 -tx8 /dev/urandom | tr -d ' ').receipt" <<END
{"predicate": {"from": {"version": "v1.0.0", "commit": "1"}, "template": {"version": "$6", "commit": "2"},
 "manifest": {"files": 3}, "conflicts": [${left:-}]}}
END
"""
# the service's own tests: red after the update where the service says so, and always where a token can be seen
CHECK = """\
env | grep -q s3cret && exit 9
test ! -e failing || { echo "FAILED tests/test_a.py::test_standard - assert 1 == 2"; exit 1; }
touch left-behind
echo evil > standard.txt
git commit --quiet --all -m evil
"""


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


@dataclass
class World:
    """The folder of the platform team, the forge, and how the program is run there."""

    base: Path
    forge: Forge
    variables: dict[str, str]

    @property
    def fleet(self) -> Path:
        return self.base / "fleet.toml"

    def service(self, path: str, *marks: str, version: str = "v1.0.0", source: str = TEMPLATE) -> str:
        """Push a service with further empty files; return the commit."""
        bare = self.forge.add(path)
        name = path.rpartition("/")[2]
        answers = f"_commit: {version}\n_src_path: {source}\ncomponent: {name}\nlayer: ci\n"
        return self.commit(
            bare, {ANSWERS: answers, "check.sh": CHECK, "standard.txt": "standard v1.0.0\n", **dict.fromkeys(marks, "")}
        )

    def commit(self, bare: Path, files: dict[str, str], branch: str = "main") -> str:
        """Put a commit on a branch of a bare repository, as somebody's push does."""
        tip = self.forge.head(self.path(bare), branch)
        lines = [f"commit refs/heads/{branch}", "committer a <a@example.com> now", _data("[x] feat: ours")]
        lines += [f"from {tip}"] if tip else []
        for name, text in files.items():
            lines += [f"M 100644 inline {name}", _data(text)]
        command = ("git", "-C", str(bare), "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet")
        subprocess.run([*command, "--date-format=now"], input="\n".join([*lines, ""]).encode(), check=True)
        return self.forge.head(self.path(bare), branch)

    def path(self, bare: Path) -> str:
        return bare.relative_to(self.forge.folder).as_posix().removesuffix(".git")

    def bare(self, path: str) -> Path:
        return self.forge.folder / f"{path}.git"

    def list(self, *paths: str, more: str = "") -> None:
        """Write the list of the fleet."""
        rows = [f'[[service]]\nname = "{path}"\nurl = "{self.forge.url(path)}"\n' for path in sorted(paths)]
        self.fleet.write_text("\n".join([f'[fleet]\nname = "acme"\ntemplate = "{TEMPLATE}"\n', *rows, more]))

    def run(self, *words: str) -> Outcome:
        """Run `aurora fleet` in the team's folder, in this process."""
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        with contextlib.chdir(self.base), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            os.environ.update(self.variables)
            try:
                status = main(["fleet", *words])
            finally:
                os.environ.clear()
                os.environ.update(before)
        assert TOKEN not in out.getvalue() + err.getvalue()
        return Outcome(status, out.getvalue(), err.getvalue())

    def json(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--format", "json")
        assert done.report["exitCode"] == done.status
        return dict(done.report)

    def plan(self, *words: str) -> dict[str, Any]:
        """Plan v2.0.0 and return the plan's services by name."""
        done = self.run("plan", "--trust", "--to", "v2.0.0", "--tests", "sh check.sh", "--jobs", "2", *words)
        assert done.status == 0, done.err
        return {one["name"]: one for one in json.loads((self.base / "plan.json").read_bytes())["services"]}

    def rollout(self, *words: str) -> Outcome:
        return self.run("rollout", "plan.json", "--trust", "--jobs", "2", *words)

    def states(self, *words: str) -> dict[str, str]:
        """Roll out and return each service's code, or its state."""
        return {
            row["name"]: row["code"] or row["state"]
            for row in json.loads(self.rollout("--format", "json", *words).out)["services"]
        }


@cache
def _templates() -> "TemporaryDirectory[str]":
    """Return the template's repository to copy; it lives as long as this process."""
    made = TemporaryDirectory(prefix="templates-")
    folder = Path(made.name)
    git(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch", "main")
    tree = git(folder, "mktree")
    for version in ("v1.0.0", "v2.0.0"):
        commit = git(folder, "commit-tree", tree, "-m", version)
        git(folder, "update-ref", f"refs/tags/{version}", commit)
        git(folder, "update-ref", "refs/heads/main", commit)
    return made


@contextmanager
def world(base: Path, kind: str, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve a forge and make the template; nothing of the user's own configuration takes part."""
    templates = base / "templates.git"
    shutil.copytree(_templates().name, templates)
    program = base / "copier"
    program.write_text(COPIER)
    program.chmod(0o755)
    patch.setattr("aurora.fleet.update.copier", lambda: str(program))
    (base / "home").mkdir()
    (base / "team").mkdir()
    with serving(Forge(kind, base / "hosted")) as forge:
        rewritten = {f"{base}/hosted/": f"http://{forge.host}/", str(templates): TEMPLATE}
        text = "".join(f'[url "{to}"]\n\tinsteadOf = {url}\n' for to, url in rewritten.items())
        (base / "home/.gitconfig").write_text(f'{text}[safe]\n\tdirectory = "*"\n')
        token, api = {"github": ("GITHUB_TOKEN", "GITHUB_API_URL"), "gitlab": ("GITLAB_TOKEN", "CI_API_V4_URL")}[kind]
        identity = {name: value for name, value in IDENTITY.items() if "CONFIG" not in name}
        yield World(base / "team", forge, {**identity, "HOME": str(base / "home"), token: TOKEN, api: forge.api})
