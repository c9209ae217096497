"""The generators as a user on a fresh machine meets them."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import environment
from collection import ROOT, VERSION, commit_all, git, snapshot
from newcomer import bare, generate, prepared, with_remembrancer
from source import misnamed


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("generators") / "vault mesh ü")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def cached_home(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the runs that only need Copier; test_from_nothing makes its environment for real."""
    return prepared(tmp_path_factory.mktemp("home"), clone)


def test_without_the_plugin_it_ends_after_the_tests(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    git(tmp_path, "clone", "--quiet", str(clone), str(source))
    git(source, "rm", "-r", "--quiet", "plugins")
    # what the service's own tests are worth is shown with the plugin; here only the order of the steps matters
    (source / "templates/fastapi-service/Makefile").write_text(
        "test:\n\t@echo tested > .venv-was-here; rm .venv-was-here\n"
    )
    commit_all(source, "[spawn] test: no plugin")
    target = tmp_path / "my-svc"
    done = generate(source, cached_home, "fastapi-service", str(target))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing was recorded: this source has no Remembrancer plugin." in done.stdout
    assert git(target, "status", "--porcelain") == ""


@pytest.mark.parametrize("layer", ["k8s", "ci"])
def test_a_layer_in_a_new_folder(clone: Path, cached_home: Path, tmp_path: Path, layer: str) -> None:
    target = tmp_path / "orders"
    git(tmp_path, "init", "--quiet")
    done = generate(clone, cached_home, layer, str(target))
    assert done.returncode == 0, done.stderr
    assert f"it is a repository inside the one at {tmp_path}" in done.stdout
    assert done.stdout.endswith("/orders\n  git show --stat\n")
    assert git(target, "status", "--porcelain") == ""
    assert (target / f".copier-answers.{layer}.yml").is_file()
    assert (target / ".git/hooks/pre-commit").exists() == (layer == "ci")


def test_no_clock_runs_over_the_questions_on_a_terminal(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    """Every question is answered with Enter, as soon as the terminal has been quiet for a moment."""
    ours, theirs = pty.openpty()
    command = [str(clone / "generators/k8s.sh"), str(tmp_path / "orders")]
    process = subprocess.Popen(
        command, env=bare(cached_home, TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.3)
        if not ready:
            os.write(ours, b"\r")
            continue
        try:
            part = os.read(ours, 65536)
        except OSError:  # what a terminal says when nobody has it open any more
            break
        if b"\x1b[6n" in part:
            os.write(ours, b"\x1b[1;1R")  # where the cursor is
        shown += part
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    text = shown.decode()
    assert "Which cloud runs it?" in text, "questions were asked"
    assert re.search(r"prepare Copier( … \d+ s|.*\(\d)", text), "a clock runs where nothing is asked"
    assert not re.search(r"render k8s \S+ … \d+ s", text)


def brownfield(tmp_path: Path) -> Path:
    repo = tmp_path / "shop"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch", "main")
    (repo / "app.py").write_text("print('mine')\n")
    (repo / "README.md").write_text("# Shop\n")
    commit_all(repo, "[shop] feat: begin")
    return repo


@pytest.mark.parametrize("layer", [pytest.param("k8s", marks=pytest.mark.system), "ci"])
def test_a_layer_in_a_repository_needs_consent_and_keeps_every_byte(
    clone: Path, cached_home: Path, tmp_path: Path, layer: str
) -> None:
    repo = brownfield(tmp_path)
    plan = generate(clone, cached_home, layer, str(repo), "--plan")
    assert plan.returncode == 0, plan.stderr
    assert re.search(r"^  add +\S", plan.stdout, re.MULTILINE)
    assert git(repo, "status", "--porcelain") == ""

    refused = generate(clone, cached_home, layer, str(repo))
    assert refused.returncode == 2
    assert "agree with --yes" in refused.stderr
    assert git(repo, "status", "--porcelain") == ""

    done = generate(clone, cached_home, layer, str(repo), "--yes")
    assert done.returncode == 0, done.stderr
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "diff", "--diff-filter=MDRT", "--name-only", "HEAD~1") == ""
    again = generate(clone, cached_home, layer, str(repo), "--yes")
    assert again.returncode == 2
    assert "already there" in again.stderr


def test_a_plan_that_nobody_reads_to_the_end_is_no_trouble_to_look_at(
    clone: Path, cached_home: Path, tmp_path: Path
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    command = [str(clone / "generators/ci.sh"), str(brownfield(tmp_path)), "--plan"]
    with os.fdopen(theirs, "w") as nobody:
        done = subprocess.run(
            command, env=bare(cached_home), stdout=nobody, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, "Exception" in done.stderr) == (4, False), done.stderr


def test_a_clash_is_refused_before_anything_is_written(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    repo = brownfield(tmp_path)
    mine = repo / "ops/k8s/base/deployment.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("kind: Mine\n")
    commit_all(repo, "[shop] feat: own manifests")
    done = generate(clone, cached_home, "k8s", str(repo), "--yes")
    assert done.returncode == 2
    assert "1 of your files would change" in done.stderr
    assert "clash" in done.stdout
    assert git(repo, "status", "--porcelain") == ""


def test_a_layer_over_a_complete_service_is_refused(
    clone: Path, cached_home: Path, tmp_path: Path, service: Path
) -> None:
    import shutil

    repo = tmp_path / "svc"
    shutil.copytree(service, repo)
    git(repo, "init", "--quiet")
    commit_all(repo, "[svc] feat: begin")
    done = generate(clone, cached_home, "k8s", str(repo), "--yes")
    assert done.returncode == 2
    assert "complete service" in done.stderr


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("component=../x", "the answer for component was refused. The component is a DNS-1123 label"),
        ("description={{7*7}}", "the answer for description was refused. The description is one line"),
        ("ci=jenkins", "'jenkins' is not in"),
        ("port=abc", "invalid literal"),
        ("nonsense", "--data takes NAME=VALUE"),
        ("layer=k8s", "chosen by the name of the generator"),
        ("componet=x", "there is no question 'componet'; did you mean 'component'?"),
        ("test_command=x", "there is no question 'test_command'"),
        ("gpu=yes", "gpu is true or false, not 'yes'"),
    ],
)
def test_a_refused_answer_is_one_sentence(
    clone: Path, cached_home: Path, tmp_path: Path, data: str, sentence: str
) -> None:
    target = tmp_path / "out"
    done = generate(clone, cached_home, "fastapi-service", str(target), "--data", data)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("my-svc", 2, "my-svc lies inside the collection; name a folder beside it: ../my-svc"),
        ("templates/x", 2, "lies inside the collection"),
        ("/proc/none", 4, "a file could not be written. No such file or directory: '/proc/none'"),
    ],
)
def test_a_place_where_nothing_can_be_made(
    clone: Path, cached_home: Path, target: str, status: int, sentence: str
) -> None:
    done = generate(clone, cached_home, "fastapi-service", target)
    assert (done.returncode, sentence in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize("layer", ["fastapi-service", "k8s", "ci"])
def test_help_names_the_questions_that_the_layer_has(clone: Path, home: Path, layer: str) -> None:
    shown = generate(clone, home, layer, "--help").stdout
    assert f"  ./generators/{layer}.sh ../my-" in shown
    named = set(re.findall(r"[a-z0-9_]+", shown.partition("for --data:")[2]))
    asked = {"fastapi-service": {"description", "ci"}, "k8s": {"health_path", "gpu"}, "ci": {"test_command", "ci"}}
    assert named & set().union(*asked.values()) == asked[layer] | ({"gpu"} if layer == "fastapi-service" else set())


def narrow_path(tmp_path: Path, *without: str) -> str:
    """A PATH that has every program of the real one but the named ones."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for entry in os.environ["PATH"].split(":"):
        for program in Path(entry).iterdir() if Path(entry).is_dir() else []:
            link = folder / program.name
            if program.name not in without and not link.exists() and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


@pytest.mark.parametrize("program", ["git", "make", "gpg"])
def test_a_missing_program_is_one_sentence(clone: Path, home: Path, tmp_path: Path, program: str) -> None:
    python = subprocess.run(
        ["sh", "-c", "command -v python3"], capture_output=True, text=True, check=True
    ).stdout.strip()
    done = generate(
        clone, home, "fastapi-service", str(tmp_path / "out"), PATH=narrow_path(tmp_path, program), PYTHON=python
    )
    assert done.returncode == 4
    package = {"gpg": "gnupg"}.get(program, program)
    assert f"{program} was not found; install it: apt-get install {package}" in done.stderr
    assert "[1/" not in done.stderr, "it is said before two minutes of work"
    assert not (tmp_path / "out").exists()


def test_a_python_without_its_module_for_environments_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.missing(signing=True) == []
    monkeypatch.setattr(environment, "find_spec", lambda module: None if module == "ensurepip" else "there")
    (said,) = environment.missing()
    assert said.startswith(f"{sys.executable} cannot make environments; install its module: apt-get install python3.")


def test_no_python_is_one_sentence(clone: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(
            subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        )
    done = generate(clone, home, "fastapi-service", str(tmp_path / "out"), PATH=str(folder))
    assert done.returncode == 4
    assert "Python 3.11 or newer was not found" in done.stderr


def test_a_failing_test_leaves_nothing(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    git(tmp_path, "clone", "--quiet", str(clone), str(source))
    makefile = source / "templates/fastapi-service/Makefile"
    tools = ".venv/requirements-dev.lock:\n\t@mkdir .venv; cp requirements-dev.lock .venv\n"
    makefile.write_text(f"test:\n\t@echo a test failed; exit 1\n{tools}")
    commit_all(source, "[spawn] test: failing")
    with_remembrancer(cached_home, source)
    target = tmp_path / "my-svc"
    done = generate(source, cached_home, "fastapi-service", str(target))
    assert done.returncode == 4
    assert "the service's own tests failed" in done.stderr
    assert "a test failed" in done.stderr
    assert not target.exists()


def test_a_signal_leaves_nothing(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    target = tmp_path / "not" / "yet" / "my-svc"
    run = subprocess.Popen(
        [str(clone / "generators/fastapi-service.sh"), str(target)],
        cwd=clone,
        env=bare(cached_home),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (target / ".git").exists() and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGTERM)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert not (tmp_path / "not").exists()


def test_the_origin_is_recorded_without_credentials(clone: Path, cached_home: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    git(tmp_path, "clone", "--quiet", str(clone), str(source))
    git(source, "remote", "set-url", "origin", "https://me:s3cr3t-t0ken@git.example.com/platform/vaultmesh")
    target = tmp_path / "orders"
    (source / "templates/k8s/edited").write_text("not committed")
    done = generate(source, cached_home, "k8s", str(target))
    assert done.returncode == 0, done.stderr
    assert "Note: This clone has changes that are not committed" in done.stdout
    assert not (target / "edited").exists()
    assert (
        "_src_path: git+https://git.example.com/platform/vaultmesh" in (target / ".copier-answers.k8s.yml").read_text()
    )
    for tracked in git(target, "ls-files").splitlines():
        assert b"s3cr3t-t0ken" not in (target / tracked).read_bytes()


def test_scripts_are_executable() -> None:
    for name in ("fastapi-service", "k8s", "ci"):
        assert os.access(ROOT / f"generators/{name}.sh", os.X_OK)


@pytest.mark.parametrize("by_path", [False, True])
def test_a_service_of_a_clone_without_an_origin_can_be_updated(
    clone: Path, cached_home: Path, tmp_path: Path, *, by_path: bool
) -> None:
    source = tmp_path / "our templates"
    git(tmp_path, "clone", "--quiet", str(clone), str(source))
    (source / "plugins/remembrancer/pyproject.toml").unlink()  # nothing is recorded here, only rendered
    (source / "templates/fastapi-service/Makefile").write_text(
        (source / "templates/fastapi-service/Makefile")
        .read_text()
        .replace("test: $(INSTALLED)", "test:\n\t@echo tested\n\nwas: $(INSTALLED)")
    )
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace(f'version = "{VERSION}"', 'version = "4.1.1"'))
    commit_all(source, "[spawn] test: quick")
    git(source, "tag", "v4.1.1")
    target = tmp_path / "my-svc"
    done = generate(source, cached_home, "fastapi-service", str(target), *(["--local-source"] if by_path else []))
    assert done.returncode == 0, done.stderr
    answers = (target / ".copier-answers.yml").read_text()
    assert f"_src_path: git+{source.as_uri() if by_path else 'local:our-templates'}\n" in answers
    assert "vaultmesh.invalid/" not in answers

    (source / "templates/fastapi-service/ruff.toml").write_text("# a newer standard\n")
    commit_all(source, "[spawn] test: newer")
    git(source, "tag", "v4.1.2")
    python = next((cached_home / ".cache/vaultmesh").glob("generator-*/bin"))
    names = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.com"}
    names |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.com"}
    more = {} if by_path else {"REMEMBRANCER_SOURCE": source.as_uri()}
    done = subprocess.run(
        ["make", "update", "ARGS=--defaults"],
        cwd=target,
        env=bare(cached_home, PATH=f"{python}:{os.environ['PATH']}", **names, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (target / "ruff.toml").read_text() == "# a newer standard\n"
    assert "_commit: v4.1.2" in (target / ".copier-answers.yml").read_text()


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("v4.1.1", ""),
        ("4.1.1", ""),
        ("nightly", ""),
        ("v4.2.0", "the tag v4.2.0 is on a commit that says 4.1.1; take it away"),
        ("v4.1.1-rc.1", "the tag v4.1.1-rc.1 is on a commit that says 4.1.1"),
    ],
)
def test_a_tag_that_disagrees_with_its_tree_is_refused(tmp_path: Path, tag: str, said: str) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "vaultmesh-dev"\nversion = "4.1.1"\n')
    commit_all(tmp_path, "[spawn] test: begin")
    git(tmp_path, "tag", tag)
    found = misnamed(tmp_path)
    assert found.startswith(said)
    assert bool(found) is bool(said)
