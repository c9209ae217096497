"""A template of a handful of files with this collection's own hooks and migrations, in any number of versions."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from collection import ROOT, commit_all, git
from quick_copier import quick
from update_history import URL, block

SERVICE = "templates/fastapi-service"
PLUGIN = "plugins/remembrancer/src/remembrancer"
ROOMS = ("receipt", "repository", "system", "tlog")  # all that the hooks need
QUESTIONS = ("layer", "applied_layer", "started", "component", "advanced", "version")
PORT = """
port:
  type: int
  default: 8080
  validator: "{% if not 1024 <= port <= 65535 %}The port is from 1024 to 65535.{% endif %}"
"""
MIRROR = """
mirror:
  type: str
  default: ""
"""
COLOUR = """
colour:
  type: str
  default: green
  choices:
    - green
    - blue
    - red
"""
ANSWERS = """\
# made by copier
{{ dict(_copier_answers, layer=layer) | to_nice_yaml }}"""
FILES = {
    ".copier-answers.yml.jinja": ANSWERS,
    ".gitignore": ".env\n*.log\n",
    "Makefile": "run:\n\techo one\n\techo two\n\techo three\n\techo four\n\techo five\n",
    "README.md.jinja": "# {{ component }}\n\none\n\ntwo\n\nthree\n",
    "config.ini.jinja": "[server]\nport = {{ port }}\nmirror = {{ mirror }}\ncolour = {{ colour }}\n",
    "deploy.yaml.jinja": "kind: Service\nport: {{ port }}\n",
    "leaving.txt": "this file leaves in v2.0.0\nand has a second line\n",
    "old-name.txt": "this file gets another name\nwhich is all\nthat happens to it\n",
    "ops/release.mk": "release:\n\techo release\n",
    "ops/origin.json.jinja": '{"template": "{{ _copier_answers._src_path }}"}\n',
    "ops/run": "#!/bin/sh\nexec true\n",
    "settings.txt": "a\nb\nc\nd\ne\nf\ng\nh\n",
}


@dataclass
class Small:
    """A work tree in which the next version is made, and the bare repository that it is published to."""

    folder: Path
    url: str = URL
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variables = quick() | {
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"url.{self.bare}.insteadOf",
            "GIT_CONFIG_VALUE_0": self.url,
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            "COPIER_CACHE_DIR": str(self.folder / "cache"),
            "GIT_ALLOW_PROTOCOL": "file",
        }

    @property
    def bare(self) -> Path:
        return self.folder / "bare.git"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the template."""
        file = self.work / SERVICE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file of the template, or of the whole collection where the path begins with a slash."""
        file = self.work / path[1:] if path.startswith("/") else self.work / SERVICE / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new))

    def remove(self, path: str) -> None:
        """Remove a file of the template."""
        (self.work / SERVICE / path).unlink()

    def rename(self, path: str, to: str) -> None:
        """Give a file of the template another name."""
        (self.work / SERVICE / path).rename(self.work / SERVICE / to)

    def question(self, name: str, text: str) -> None:
        """Put another question in the place of one; without a text the question goes."""
        file = self.work / "copier.yml"
        old = file.read_text()
        file.write_text(old.replace(block(old, name), text.lstrip("\n")))

    def publish(self, tag: str) -> str:
        """Commit, tag (again) and push; return the commit."""
        git(self.work, "add", "--all", "--force")  # also what the template itself tells services to ignore
        commit = commit_all(self.work, f"[spawn] chore: {tag}")
        git(self.work, "tag", "--force", tag)
        git(self.work, "push", "--quiet", "--force", str(self.bare), "HEAD:refs/heads/main", f"refs/tags/{tag}")
        return commit

    def copy(self, folder: Path) -> "Small":
        """Return an independent copy."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Small(folder, self.url)


def begin(folder: Path) -> Small:
    """Make the template with its first version, v1.0.0."""
    made = Small(folder)
    for name in ("hooks", "templates/ci/ops/lib", *(f"{PLUGIN}/{room}" for room in ROOMS)):
        shutil.copytree(ROOT / name, made.work / name, ignore=shutil.ignore_patterns("__pycache__", "*.sh"))
    for path in (ROOT / PLUGIN).glob("*.py"):
        shutil.copy(path, made.work / PLUGIN / path.name)
    shutil.copy(ROOT / "plugins/remembrancer/pyproject.toml", made.work / "plugins/remembrancer/pyproject.toml")
    text = (ROOT / "copier.yml").read_text("utf-8")
    head = text[: text.index("\n# ------")]
    head = re.sub(r"^_exclude:\n(?: .*\n)*", '_exclude: ["__pycache__", "*.pyc"]\n', head, flags=re.MULTILINE)
    asked = [block(text, name) for name in QUESTIONS]
    (made.work / "copier.yml").write_text("\n".join([head, *asked, PORT, MIRROR, COLOUR]))
    for path, content in FILES.items():
        made.write(path, content, 0o755 if path == "ops/run" else 0o644)
    git(made.work, "init", "--quiet", "--initial-branch", "main")
    git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(made.bare))
    made.publish("v1.0.0")
    return made


def second(made: Small) -> None:
    """Make v2.0.0: files change, one is renamed, one goes, one comes."""
    made.change("Makefile", "echo two", "echo TWO")
    made.change("README.md.jinja", "two", "TWO")
    made.change("settings.txt", "b\n", "B\n")
    made.change("deploy.yaml.jinja", "kind: Service", "kind: Service # v2")
    made.remove("leaving.txt")
    made.rename("old-name.txt", "new-name.txt")
    made.write("arriving.txt", "new in v2.0.0\n")
    made.publish("v2.0.0")
