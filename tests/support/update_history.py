"""A template repository with a past: older versions, told backwards in update/versions/*.toml, and the work tree."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collection import TAG, commit_all, git, snapshot
from quick_copier import quick

URL = "https://git.example.com/platform/templates.git"
VERSIONS = Path(__file__).parents[1] / "update" / "versions"
OLDEST, OLDER, NEWEST = "v3.8.0", "v3.9.0", TAG
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
MIGRATION = """\
  - version: {since}
    command:
      - "{{{{ _copier_python }}}}"
      - "{{{{ _copier_conf.src_path }}}}/hooks/rename_answer.py"
      - {was}
      - {now}
      - "{{{{ _copier_conf.answers_file }}}}"
    when: "{{{{ _stage == 'before' }}}}"
"""


@dataclass(frozen=True)
class History:
    """A bare repository with three tags, and the variables under which git and Copier reach it as URL."""

    bare: Path
    cache: Path

    @property
    def variables(self) -> dict[str, str]:
        return quick() | {
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"url.{self.bare}.insteadOf",
            "GIT_CONFIG_VALUE_0": URL,
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            "COPIER_CACHE_DIR": str(self.cache),
            "GIT_ALLOW_PROTOCOL": "file",
        }


def make(folder: Path) -> History:
    """Build the history below `folder`, publish it as a bare repository, and delete the clone it was made in."""
    work = snapshot(folder / "work")
    told = {tag: tomllib.loads((VERSIONS / f"{tag}.toml").read_text("utf-8")) for tag in (OLDEST, OLDER)}
    for renamed in told[OLDEST].get("answer", []):
        questions = work / "copier.yml"
        text, entry = questions.read_text("utf-8"), migration(renamed)
        assert "\n_migrations:\n" in text
        questions.write_text(text.replace("\n_migrations:\n", f"\n_migrations:\n{entry}"), "utf-8")
    state_version(work, NEWEST)
    trees = {NEWEST: tree(work)}
    for tag in (OLDER, OLDEST):
        older(work, told[tag])
        state_version(work, tag)
        trees[tag] = tree(work)
    parent: list[str] = []
    for tag in (OLDEST, OLDER, NEWEST):
        made = git(work, "commit-tree", trees[tag], *parent, "-m", f"[spawn] chore: {tag}")
        git(work, "tag", "--force", tag, made)
        parent = ["-p", made]
    git(work, "reset", "--quiet", "--hard", NEWEST)
    git(work, "repack", "-adq")
    bare = folder / "bare.git"
    git(folder, "clone", "--quiet", "--bare", str(work), str(bare))
    return History(bare, folder / "cache")


def state_version(work: Path, tag: str) -> None:
    """Let the tree state the version that its tag names; generators refuse a tag that says something else."""
    project = work / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{tag.removeprefix("v")}"', project.read_text()))


def tree(work: Path) -> str:
    """Return the id of the work tree as a git tree."""
    git(work, "add", "--all")
    return git(work, "write-tree")


def older(work: Path, told: dict[str, Any]) -> None:
    """Turn a version into the one before it."""
    for renamed in told.get("answer", []):
        questions = work / "copier.yml"
        questions.write_text(questions.read_text("utf-8").replace(migration(renamed), ""), "utf-8")
        rename_question(work, renamed["now"], renamed["was"])
    for path in told.get("added", []):
        (work / path).unlink()
    for deleted in told.get("deleted", []):
        path = work / deleted["path"]
        assert not path.exists(), f"{path} is there again; choose another name in update/versions/"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(deleted["text"], "utf-8")
    for renamed in told.get("renamed", []):
        (work / renamed["now"]).rename(work / renamed["was"])
    for edited in told.get("edited", []):
        path = work / edited["path"]
        lines = path.read_text("utf-8").splitlines()
        lines[edited["after"] : edited["after"]] = edited["was"]
        path.write_text("\n".join(lines) + "\n", "utf-8")
    for question in told.get("question", []):
        drop_question(work, question["name"], question["value"])


def block(text: str, name: str) -> str:
    """Return a question's block in copier.yml."""
    found = re.search(rf"^{name}:\n(?: .*\n|\n)*", text, re.MULTILINE)
    assert found, f"copier.yml has no question {name}"
    return found[0]


def jinja_files(work: Path) -> list[Path]:
    return [path for path in (work / "templates").rglob("*.jinja") if path.is_file() and not path.is_symlink()]


def drop_question(work: Path, name: str, value: str) -> None:
    """Take a question away; its value stands in the templates instead."""
    questions = work / "copier.yml"
    text = questions.read_text("utf-8")
    questions.write_text(text.replace(block(text, name), ""), "utf-8")
    for path in jinja_files(work):
        path.write_text(re.sub(rf"\{{\{{ {name}\b.*?\}}\}}", value, path.read_text("utf-8")), "utf-8")


def rename_question(work: Path, now: str, was: str) -> None:
    """Give a question another name, in copier.yml and in every expression of the templates."""

    def in_expressions(text: str) -> str:
        return EXPRESSION.sub(lambda match: re.sub(rf"\b{now}\b", was, match[0]), text)

    questions = work / "copier.yml"
    text = questions.read_text("utf-8")
    old = block(text, now)
    questions.write_text(text.replace(old, in_expressions(old).replace(f"{now}:", f"{was}:", 1)), "utf-8")
    for path in jinja_files(work):
        path.write_text(in_expressions(path.read_text("utf-8")), "utf-8")


def migration(renamed: dict[str, str]) -> str:
    """Return the entry of `_migrations` for a renamed question."""
    return MIGRATION.format(since=OLDER, was=renamed["was"], now=renamed["now"])


@dataclass(frozen=True)
class Draft:
    """A further version in the making, in a clone that may push."""

    folder: Path

    def publish(self, message: str, *tags: str) -> str:
        """Commit everything (with a message), tag the commit where it is not tagged yet, and push."""
        if message and tags:
            state_version(self.folder, tags[0])
        commit = commit_all(self.folder, message) if message else git(self.folder, "rev-parse", "HEAD")
        for tag in tags:
            if message:
                git(self.folder, "tag", "--force", tag)
            git(self.folder, "push", "--quiet", "--force", "origin", f"refs/tags/{tag}")
        git(self.folder, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
        return commit


def draft(history: History, folder: Path, begin: str) -> Draft:
    """Return a clone below a folder, at a version, in which a further version can be made."""
    work = folder / "draft"
    git(history.bare, "clone", "--quiet", str(history.bare), str(work))
    git(work, "checkout", "--quiet", "--detach", begin)
    return Draft(work)
