"""What a user, a shell or a hook has set changes nothing that the generators and the tools under ops/ make."""

import re
import subprocess
from pathlib import Path

import pytest

from ci_render import call, environment, repository
from collection import ROOT, git, render, snapshot
from newcomer import prepared
from user_settings import HOSTILE, alone, hostile
from wheels import from_wheels


def content(repo: Path) -> dict[str, str]:
    """Return mode and object of every committed file, records aside: they hold the time."""
    listing = git(repo, "ls-tree", "-r", "HEAD").splitlines()
    pairs = (line.split("\t") for line in listing)
    return {path: facts for facts, path in pairs if not path.startswith("ops/receipts/")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("settings") / "vaultmesh")


@pytest.fixture(scope="module")
def base(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose cache holds Copier; test_from_nothing makes its environment for real."""
    return prepared(tmp_path_factory.mktemp("base"), clone)


@pytest.fixture(scope="module")
def plain(clone: Path, base: Path) -> dict[str, dict[str, str]]:
    """What each layer's generator commits for somebody who has set nothing."""
    made = {}
    for layer in ("ci", "k8s"):
        home = hostile(base / f"plain-{layer}", ())
        generate(clone, layer, base / f"made-{layer}/orders", alone(home))
        made[layer] = content(base / f"made-{layer}/orders")
    return made


def generate(clone: Path, layer: str, target: Path, env: dict[str, str]) -> None:
    """Run a generator, which has to end well and leave nothing uncommitted."""
    done = call([clone / f"generators/{layer}.sh", target, "--defaults"], clone.parent, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(target, "status", "--porcelain") == ""
    outside = git(target, "ls-files", "--others").splitlines()
    assert [path for path in outside if not path.startswith("ops/receipts/.local/")] == []


@pytest.mark.parametrize("layer", ["ci", "k8s"])
def test_the_users_settings_change_nothing_that_is_made(
    clone: Path, base: Path, tmp_path: Path, plain: dict[str, dict[str, str]], layer: str
) -> None:
    home = hostile(base / f"home-{layer}", list(HOSTILE))
    generate(clone, layer, tmp_path / "orders", alone(home))
    assert content(tmp_path / "orders") == plain[layer]


@pytest.mark.parametrize("layer", ["ci", "k8s"])
def test_a_hooks_variables_lead_to_no_other_repository(
    clone: Path, base: Path, tmp_path: Path, plain: dict[str, dict[str, str]], layer: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    repository(other)
    mine = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_WORK_TREE": ".", "GIT_PREFIX": ""}
    home = hostile(base / "hook", ())
    for names in (["GIT_INDEX_FILE", "GIT_PREFIX"], ["GIT_DIR", "GIT_WORK_TREE"]):
        target = tmp_path / names[0] / "orders"
        generate(clone, layer, target, alone(home, **{name: str(other / mine[name]) for name in names}))
        assert content(target) == plain[layer], names
    assert git(other, "ls-files", "--stage") == ""
    assert git(other, "status", "--porcelain") == ""


def test_a_layer_joins_a_repository_under_such_settings(clone: Path, base: Path, tmp_path: Path) -> None:
    home = hostile(base / "joining", list(HOSTILE))
    repo = tmp_path / "shop"
    repo.mkdir()
    (repo / "app.py").write_text("x = 1\n")
    repository(repo)
    done = call([clone / "generators/ci.sh", repo, "--yes"], tmp_path, alone(home))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ops/bin/dist" in git(repo, "ls-files").splitlines()


def test_plain_copier_makes_programs_that_run(clone: Path, base: Path, tmp_path: Path) -> None:
    home = hostile(base / "copier", ["core.autocrlf"])
    python = next((base / ".cache/vaultmesh").glob("generator-*/bin/python"))
    command = [python, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", clone, tmp_path / "copied"]
    done = call(command, tmp_path, alone(home))
    assert done.returncode == 0, done.stderr
    done = call([tmp_path / "copied/ops/bin/dist", "--help"], tmp_path, alone(home))
    assert done.returncode == 0, done.stderr
    carriage = [path for path in (tmp_path / "copied").rglob("*") if path.is_file() and b"\r\n" in path.read_bytes()]
    assert carriage == []


def test_the_collection_itself_can_be_used_from_such_a_clone(clone: Path, base: Path, tmp_path: Path) -> None:
    home = hostile(base / "cloning", ["core.autocrlf"])
    assert call(["git", "clone", "--quiet", clone, "mine"], tmp_path, alone(home)).returncode == 0
    done = call([tmp_path / "mine/generators/k8s.sh", "--help"], tmp_path, alone(home))
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- the tools under ops/


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service as a git repository; tests copy it."""
    return repository(render(collection, tmp_path_factory.mktemp("tools") / "my-svc", component="my-svc", ci="both"))


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A clone that a test may change."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    return tmp_path / "my-svc"


def asked(repo: Path, env: dict[str, str]) -> list[tuple[int, str]]:
    """Return what the tools that ask git answer."""
    (repo / "M").write_text("[my-svc] feat: x\n\n#1 and ;1\n")
    commands = (["dist"], ["image", "facts"], ["commit-msg", "HEAD~1..HEAD"], ["commit-msg", "M"], ["bump", "--check"])
    answers = []
    for command in commands:
        done = call([repo / "ops/bin" / command[0], *command[1:]], repo, env)
        answers.append((done.returncode, done.stdout + done.stderr))
    (repo / "M").unlink()
    return [*answers, (0, (repo / "dist/build.env").read_text())]


def test_no_setting_of_a_users_own_changes_an_answer(repo: Path, tmp_path: Path) -> None:
    before = asked(repo, alone(hostile(tmp_path / "plain", ())))
    assert [code for code, _ in before] == [0] * 6, before
    assert asked(repo, alone(hostile(tmp_path / "home", list(HOSTILE)))) == before


def test_no_variable_of_another_repositorys_hook_does(repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    repository(other)
    home = hostile(tmp_path / "home", ())
    before = asked(repo, alone(home))
    mine = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_WORK_TREE": ".", "GIT_PREFIX": "."}
    assert asked(repo, alone(home, **{name: str(other / value) for name, value in mine.items()})) == before


def test_a_comment_begins_as_the_user_has_set(repo: Path, tmp_path: Path) -> None:
    home = hostile(tmp_path / "home", ["core.commentChar"])
    (repo / "M").write_text("; what git says about the change\n\n[my-svc] fix: right\n")
    assert call([repo / "ops/bin/commit-msg", "M"], repo, alone(home)).returncode == 0


def test_a_users_ignore_file_keeps_nothing_of_ours_out_of_their_commits(repo: Path, tmp_path: Path) -> None:
    env = alone(hostile(tmp_path / "home", ["core.excludesFile"]))
    ours = ("ops/trust/policy.toml.AB.asc", "ops/receipts/blobs/aa.lock", "ops/bin/mine", "ops/lib/mine.json")
    kept_out = ("ops/lib/__pycache__/x.pyc", "ops/.env", ".venv/x")
    for name in (*ours, *kept_out):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("x")
    assert call(["git", "add", "--all"], repo, env).returncode == 0
    assert set(git(repo, "diff", "--cached", "--name-only").splitlines()) == set(ours)


# ---------------------------------------------------------------- pip

FILL = '. "$0" && new_environment "$1" "$2"'
PINS = (ROOT / "templates/ci/ops/remembrancer.lock").read_text("utf-8")
ONE = PINS[
    (begin := PINS.index("\nclick==") + 1) : PINS.index(
        "\n", PINS.rindex("sha256:", begin, PINS.index("==", begin + 8))
    )
]


def filled(tmp_path: Path, lock: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Fill an environment from a lock file."""
    (tmp_path / "lock").write_text(lock + "\n")
    library = ROOT / "templates/ci/ops/lib/python.sh"
    command = ["sh", "-c", FILL, library, tmp_path / "made", tmp_path / "lock"]
    return call(command, tmp_path, environment(tmp_path, **from_wheels(), **variables))


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_USER": "1"},
        {"PIP_TARGET": "{tmp}/elsewhere", "PIP_PREFIX": "{tmp}/elsewhere", "PIP_NO_DEPS": "1", "PIP_DRY_RUN": "1"},
        {"PIP_CONFIG_FILE": "{tmp}/pip.conf"},
    ],
    ids=["user", "target", "pip.conf"],
)
def test_pip_fills_the_environment_that_was_asked_for(tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "pip.conf").write_text(
        f"[install]\nuser = true\ntarget = {tmp_path}/elsewhere\n[global]\ntimeout = 61\nroot = {tmp_path}/elsewhere\n"
    )
    done = filled(tmp_path, ONE, **{name: value.format(tmp=tmp_path) for name, value in variables.items()})
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import click, sys; print(click.__file__.startswith(sys.prefix))"
    said = subprocess.run([tmp_path / "made/bin/python", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"
    assert not (tmp_path / "elsewhere").exists()


def test_an_environment_that_lacks_a_pin_is_not_kept(tmp_path: Path) -> None:
    library = ROOT / "templates/ci/ops/lib/python.sh"
    (tmp_path / "lock").write_text(ONE + "\n")
    # pip that installs nothing and says nothing is what a setting in pip.conf makes of it
    script = '. "$0"; install_into() { :; }; new_environment "$1" "$2"'
    done = call(
        ["sh", "-c", script, library, tmp_path / "made", tmp_path / "lock"],
        tmp_path,
        environment(tmp_path),
    )
    assert done.returncode == 1
    assert "click is missing and not " in done.stderr
    assert "python -m pip config list" in done.stderr
    assert not (tmp_path / "made").exists()


def test_a_broken_environment_is_never_marked_ready(clone: Path, tmp_path: Path) -> None:
    """What a killed run or a half-working pip leaves is made again by the next."""
    home = hostile(tmp_path / "home", ())
    done = call([clone / "generators/k8s.sh", tmp_path / "a"], tmp_path, alone(home, PIP_FIND_LINKS=""))
    assert done.returncode == 4
    assert "Copier could not be installed; is a package index reachable?" in done.stderr
    assert not list((tmp_path / "cache/vaultmesh").glob("*"))
    assert not (tmp_path / "a").exists()


def test_every_call_of_git_is_a_neutral_one() -> None:
    """Who calls git on their own forgets the settings; the two ways are ops/lib/git.sh and ops/lib/neutral.py."""
    bare = []
    for folder in ("generators", "hooks", "templates/ci/ops/lib"):
        for path in sorted((ROOT / folder).glob("*.py")):
            text = path.read_text("utf-8")
            if '["git",' in text and "neutral" not in text and "clean_environment" not in text:
                bare.append(path.name)
    # what the user has set is what the first two ask; the third runs all its programs through evidence.py
    assert bare == ["before_update.py", "commit_msg.py", "gates.py"]
    for path in sorted((ROOT / "templates/ci/ops/bin").iterdir()):
        text = path.read_text("utf-8")
        if "$(git " in text or "\ngit " in text or "  git " in text:
            assert "git.sh" in text, path.name


# ---------------------------------------------------------------- the shell


def test_no_folder_that_cd_looks_in_first_is_taken_for_the_repository(repo: Path, tmp_path: Path) -> None:
    """With CDPATH exported, `cd` goes to another repository of the same form, or prints where it went."""
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(repo), str(other))
    home = hostile(tmp_path / "home", ())
    before = asked(repo, alone(home))
    for path in (str(other), "."):
        env = alone(home, CDPATH=path)
        assert asked(repo, env) == before
        done = call(["make", "--no-print-directory", "hooks"], repo, env)
        assert done.stdout == f"pre-commit, prepare-commit-msg and commit-msg are installed in {repo}/.git/hooks\n"
    assert not (other / ".git/hooks/commit-msg").exists()
    for place in ("generators", "ops", ".ci", "templates/ci/ops", "templates/k8s/ops"):
        for script in (path for path in sorted((ROOT / place).rglob("*")) if path.is_file()):
            text = script.read_text("utf-8", "replace")
            if text.startswith("#!/bin/sh"):
                found = re.findall(r"(?m)^.*\bcd (?!-P )(?:-- )?\"?\$[({].*$", re.sub(r"(?m)^ *#.*$", "", text))
                assert [line for line in found if "CDPATH='' cd" not in line] == [], script


def test_a_users_python_settings_are_not_for_our_tools(repo: Path, tmp_path: Path) -> None:
    home = hostile(tmp_path / "home", ())
    before = asked(repo, alone(home))
    env = alone(home, PYTHONHOME="/nowhere", PYTHONSAFEPATH="1", PYTHONOPTIMIZE="2", PYTHONWARNINGS="error")
    assert asked(repo, env) == before
    help_text = call([repo / "ops/bin/bump", "--help"], repo, env)
    assert (help_text.returncode, help_text.stderr) == (0, "")
    own = call([ROOT / "ops/bin/remembrancer", "--version"], tmp_path, env)
    assert own.returncode == 0, own.stderr
