"""What a user, a shell or a hook has set changes nothing that the generators and the tools under ops/ make."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci_render import call, environment, repository
from collection import ROOT, git, render, snapshot
from newcomer import prepared
from wheels import from_wheels

HOSTILE = {
    "core.excludesFile": "{home}/ignore",
    "core.autocrlf": "true",
    "core.commentChar": ";",
    "core.hooksPath": "{home}/hooks",
    "commit.gpgSign": "true",
    "tag.gpgSign": "true",
    "gpg.program": "/bin/false",
    "log.showSignature": "true",
    "init.templateDir": "{home}/template",
    "status.showUntrackedFiles": "no",
    "diff.noprefix": "true",
    "diff.relative": "true",
    "color.ui": "always",
    "i18n.logOutputEncoding": "UTF-16",
}


def hostile(home: Path, names: Sequence[str]) -> Path:
    """Write a user's settings into a home; return it."""
    for folder in ("hooks", "template/info", "template/hooks"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "ignore").write_text("bin/\nlib/\n*.asc\n*.lock\n*.json\n")
    (home / "template/info/exclude").write_text("ops/\n")
    for hook in (home / "hooks/pre-commit", home / "template/hooks/commit-msg"):
        hook.write_text("#!/bin/sh\necho a hook of the user refuses >&2\nexit 1\n")
        hook.chmod(0o755)
    settings = {"user.name": "T", "user.email": "t@example.com"} | {name: HOSTILE[name] for name in names}
    for name, value in settings.items():
        git(home, "config", "--file", str(home / ".gitconfig"), name, value.format(home=home))
    return home


def alone(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment whose settings come from that home."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("SSL_", "PIP_CERT", "REQUESTS_"))}
    cache = {"XDG_CACHE_HOME": str(home.parent / ".cache")} | from_wheels()
    path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    return kept | cache | path | variables


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
    # the first asks for the user's own comment character; the second runs all its programs through evidence.py
    assert bare == ["commit_msg.py", "gates.py"]
    for path in sorted((ROOT / "templates/ci/ops/bin").iterdir()):
        text = path.read_text("utf-8")
        if "$(git " in text or "\ngit " in text or "  git " in text:
            assert "git.sh" in text, path.name
