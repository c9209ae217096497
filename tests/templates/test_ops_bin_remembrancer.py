"""ops/bin/remembrancer: which Remembrancer it runs, and how it makes one once.

A stand-in for Python plays venv and pip here, so that every failure can be had at will; the generator's tests install
the real one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ci_render import CI, call, environment, program
from collection import ROOT, VERSION, commit_all, git

# Stands for Python: its version is new enough, `-m venv` makes a folder, `-m pip` notes what it was asked for.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  --version) echo "Python 3.11.9" ;;
  *ensurepip*) exit 0 ;;
  *cache_tag*) echo "${TAG:-cpython-311}" ;;
  *"-m venv "*)
    [ -z "${FAIL_VENV:-}" ] || { echo "no ensurepip"; exit 1; }
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
    ;;
  *"-m pip --python "*" install "*)
    made=${*#*--python } made=${made%%/bin/python*}
    echo "$*" >>"$NOTES"
    case "$*" in
      *--require-hashes*) [ -z "${FAIL_LOCK:-}" ] || { echo "hash mismatch"; exit 1; }; sleep "${SLOW:-0}" ;;
      */plugins/*)
        [ -z "${FAIL_PLUGIN:-}" ] || { echo "no builder"; exit 1; }
        {
          echo '#!/bin/sh'
          echo "[ \\"\\$1\\" = --version ] && echo remembrancer ${MADE:-VERSION} && exit 0"
          echo 'echo "made $*"; exit 3'
        } >"$made/bin/remembrancer"
        chmod +x "$made/bin/remembrancer"
        cp "$made/bin/remembrancer" "$made/bin/aurora"
        ;;
    esac
    ;;
esac
""".replace("VERSION", VERSION)

SERVERS = (
    "https://example.com/vaultmesh.git",
    "https://github.com/org/vaultmesh",
    "https://gitlab.com/org/vaultmesh",
    "ssh://git@git.example.com/org/vaultmesh.git",
    "https://example.com/v",
)


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """A repository with ops/bin/remembrancer, what it sources, and the two files that it reads."""
    for name in ("bin/remembrancer", "bin/python"):
        program(tmp_path / "repo/ops" / Path(name).parent, Path(name).name, (CI / "ops" / name).read_text())
    shutil.copytree(CI / "ops/lib", tmp_path / "repo/ops/lib")
    collection(tmp_path / "the full one")
    write(tmp_path / "repo", commit=head(tmp_path))
    (tmp_path / "repo/ops/remembrancer.lock").write_text("")
    return tmp_path / "repo"


def collection(clone: Path) -> None:
    """Make a template collection with two commits, in a folder that an address has to escape."""
    (clone / "plugins/remembrancer").mkdir(parents=True)
    git(clone, "init", "--quiet")
    for number in "12":
        (clone / "plugins/remembrancer/number").write_text(number)
        commit_all(clone, f"[x] test: {number}")


def head(tmp: Path) -> str:
    """Return the collection's newest commit."""
    return git(tmp / "the full one", "rev-parse", "HEAD")


def write(repo: Path, **values: str) -> None:
    """Write ops/remembrancer.json as the template does."""
    data = {"source": "https://example.com/vaultmesh.git", "commit": head(repo.parent), "version": VERSION} | values
    (repo / "ops/remembrancer.json").write_text(json.dumps(data, indent=2) + "\n")


def run(
    shim: Path, *arguments: str, called: str = "remembrancer", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the shim with the stand-in for Python."""
    tmp = shim.parent
    fake = program(tmp / "fake", "python", FAKE_PYTHON)
    # every server of these tests is the one folder
    settings = {"GIT_CONFIG_COUNT": str(len(SERVERS))}
    for number, server in enumerate(SERVERS):
        settings |= {
            f"GIT_CONFIG_KEY_{number}": f"url.{(tmp / 'the full one').as_uri()}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": server,
        }
    env = environment(tmp, **({"PYTHON": str(fake), "NOTES": str(tmp / "notes")} | settings | variables))
    env["PATH"] = f"{tmp / 'path'}:/usr/bin:/bin"
    return call([shim / "ops/bin" / called, *arguments], shim, env)


def tree(shim: Path, plugin: str = "remembrancer") -> str:
    """Return the name that git gives to what the newest commit has of a plugin."""
    return git(shim.parent / "the full one", "rev-parse", f"HEAD:plugins/{plugin}")


def notes(shim: Path) -> str:
    """Return what pip was asked for."""
    path = shim.parent / "notes"
    return path.read_text() if path.exists() else ""


def home(shim: Path) -> Path:
    """Return the folder of this commit's environments."""
    return shim.parent / "home/.cache/remembrancer" / head(shim.parent)


def test_it_makes_one_once_and_passes_arguments_and_code_on(shim: Path) -> None:
    first = run(shim, "list", "a b")
    assert (first.stdout, first.returncode) == ("made list a b\n", 3)
    assert "once for this machine" in first.stderr
    asked = notes(shim)
    second = run(shim, "list", "a b")
    assert (second.stdout, second.stderr, second.returncode) == ("made list a b\n", "", 3)
    assert notes(shim) == asked


def test_wheels_come_with_hashes_and_the_plugin_from_the_commit(shim: Path) -> None:
    run(shim)
    third, plugin = notes(shim).splitlines()
    assert "--require-hashes" in third
    assert "--only-binary :all:" in third
    assert third.endswith("/remembrancer.lock")
    assert plugin.endswith(f"/plugins/{tree(shim)}")
    for word in ("--no-deps", "--no-build-isolation", "--no-index"):
        assert word in plugin


def test_aurora_comes_with_the_remembrancer_of_its_commit(shim: Path) -> None:
    clone = shim.parent / "the full one"
    (clone / "plugins/aurora").mkdir()
    (clone / "plugins/aurora/number").write_text("3")
    commit_all(clone, "[x] test: 3")
    write(shim)
    run(shim)
    program(shim / "ops/bin", "aurora", (CI / "ops/bin/aurora").read_text())
    first = run(shim, "witness", "once", called="aurora")
    assert (first.stdout, first.returncode) == ("made witness once\n", 3), first.stderr
    both = {f"/plugins/{tree(shim, name)}" for name in ("remembrancer", "aurora")}
    asked = notes(shim)
    assert {word[word.index("/plugins/") :] for word in asked.split() if "/plugins/" in word} == both
    again = run(shim, "x", called="aurora")
    assert (again.stdout, again.stderr, notes(shim)) == ("made x\n", "", asked)
    assert run(shim, "y").stdout == "made y\n"
    write(shim, commit=git(clone, "rev-parse", "HEAD^"))
    none = run(shim, called="aurora")
    assert none.returncode == 4
    assert "could not be fetched" in none.stderr


def test_nobody_else_can_read_it_and_the_umask_is_the_callers_again(shim: Path) -> None:
    run(shim)
    assert home(shim).stat().st_mode & 0o077 == 0
    program(home(shim) / "current/bin", "remembrancer", "#!/bin/sh\numask\n")
    assert run(shim).stdout.strip() == "0022"


def test_it_says_how_it_was_called(shim: Path) -> None:
    run(shim)
    program(home(shim) / "current/bin", "remembrancer", '#!/bin/sh\necho "$REMEMBRANCER_CALLED"\n')
    assert run(shim).stdout.strip() == str(shim / "ops/bin/remembrancer")


@pytest.fixture
def collection_clone(shim: Path) -> Path:
    return shim.parent / "the full one"


@pytest.mark.parametrize("form", ["address", "path"])
@pytest.mark.parametrize("shallow", [False, True])
def test_a_local_clone_can_stand_in_for_the_source(
    shim: Path, collection_clone: Path, form: str, *, shallow: bool
) -> None:
    """Also a shallow one, of which pip's own clone would ask for what it lacks again and again."""
    commit = git(collection_clone, "rev-parse", "HEAD").strip()
    if shallow:
        git(shim.parent, "clone", "--quiet", "--depth", "1", collection_clone.as_uri(), "shallow one")
        collection_clone = shim.parent / "shallow one"
    source = collection_clone.as_uri() if form == "address" else str(collection_clone)
    done = run(shim, "list", REMEMBRANCER_SOURCE=source, REMEMBRANCER_COMMIT=commit)
    assert (done.stdout, done.returncode) == ("made list\n", 3), done.stderr
    assert notes(shim).splitlines()[-1].endswith(f"/plugins/{tree(shim)}")
    assert not list(home(shim).parent.rglob("plugin"))
    assert not list(home(shim).parent.rglob("*.git"))


def test_a_hook_of_another_repository_leads_nowhere_else(shim: Path, collection_clone: Path, tmp_path: Path) -> None:
    commit = git(collection_clone, "rev-parse", "HEAD^").strip()
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "--quiet")
    hook = {"GIT_DIR": str(tmp_path / "other/.git"), "GIT_INDEX_FILE": str(tmp_path / "other/.git/index")}
    source = collection_clone.as_uri()
    done = run(shim, "list", REMEMBRANCER_SOURCE=source, REMEMBRANCER_COMMIT=commit, **hook)
    assert (done.stdout, done.returncode) == ("made list\n", 3), done.stderr
    assert not (tmp_path / "other/.git/index").exists()


def test_a_local_clone_without_the_commit_is_said(shim: Path, collection_clone: Path) -> None:
    done = run(shim, "list", REMEMBRANCER_SOURCE=collection_clone.as_uri(), REMEMBRANCER_COMMIT="0" * 40)
    assert (done.returncode, f"could not be fetched from {collection_clone.as_uri()}" in done.stderr) == (4, True)
    assert notes(shim) == ""


@pytest.mark.parametrize(
    "source",
    ["gh:org/vaultmesh", "gl:org/vaultmesh", "git@git.example.com:org/vaultmesh.git", "git+https://example.com/v"],
)
def test_every_form_of_source_that_copier_takes(shim: Path, source: str) -> None:
    """Git knows no server but those of SERVERS here, so that a wrong address fetches nothing."""
    write(shim, source=source)
    assert run(shim, "list").stdout == "made list\n"


@pytest.mark.parametrize("ending", ["@main", "#egg=x", "@{older}#subdirectory=y"])
def test_nothing_in_an_address_chooses_another_commit(shim: Path, collection_clone: Path, ending: str) -> None:
    """A folder may be called so; the commit stays the one of ops/remembrancer.json."""
    older = git(collection_clone, "rev-parse", "HEAD^")
    odd = shim.parent / f"source{ending.format(older=older)}"
    shutil.copytree(collection_clone, odd)
    done = run(shim, "list", REMEMBRANCER_SOURCE=f"file://{odd}")
    assert done.stdout == "made list\n", done.stderr
    tree = git(collection_clone, "rev-parse", "HEAD:plugins/remembrancer")
    assert [path.name.partition("-")[0] for path in (home(shim).parent / "made").iterdir()] == [tree]


def test_a_commit_that_changes_neither_plugin_nor_lock_prepares_nothing(shim: Path, collection_clone: Path) -> None:
    assert run(shim, "list").returncode == 3
    made = notes(shim)
    (collection_clone / "copier.yml").write_text("# another standard\n")
    commit_all(collection_clone, "[x] test: only yaml")
    write(shim)
    done = run(shim, "list")
    assert (done.stdout, done.stderr) == ("made list\n", "")
    assert notes(shim) == made
    assert run(shim, "list").stdout == "made list\n"


@pytest.mark.parametrize("what", ["plugin", "lock", "python"])
def test_another_plugin_lock_or_python_makes_another(shim: Path, collection_clone: Path, what: str) -> None:
    run(shim, "list")
    before = len(notes(shim).splitlines())
    if what == "lock":
        (shim / "ops/remembrancer.lock").write_text("# another\n")
    (collection_clone / ("plugins/remembrancer/more" if what == "plugin" else "other")).write_text("x")
    commit_all(collection_clone, "[x] test: more")
    write(shim)
    done = run(shim, "list", **({"TAG": "cpython-312"} if what == "python" else {}))
    assert done.stdout == "made list\n"
    assert len(notes(shim).splitlines()) == before + 2


def test_an_edited_lock_binds_at_the_same_commit_too(shim: Path) -> None:
    """A library that is pinned anew, say for a hole that was found in it, is what runs next."""
    run(shim, "list")
    before = len(notes(shim).splitlines())
    lock = shim / "ops/remembrancer.lock"
    later = lock.stat().st_mtime + 60
    os.utime(lock, (later, later))
    run(shim, "list")
    assert len(notes(shim).splitlines()) == before, "only newer, as in a fresh clone"
    lock.write_text("# another\n")
    os.utime(lock, (later, later))
    assert run(shim, "list").stdout == "made list\n"
    assert len(notes(shim).splitlines()) == before + 2


def test_an_installed_one_of_the_right_version_is_used(shim: Path) -> None:
    program(
        shim.parent / "path",
        "remembrancer",
        f'#!/bin/sh\n[ "$1" != --version ] || {{ echo "remembrancer {VERSION}"; exit; }}\necho own "$@"\n',
    )
    assert run(shim, "seal").stdout == "own seal\n"
    assert notes(shim) == ""


@pytest.mark.parametrize("says", ["remembrancer 4.0.9", f"remembrancer {VERSION}.dev1", "", "garbage"])
def test_an_installed_one_of_another_version_is_not(shim: Path, says: str) -> None:
    program(shim.parent / "path", "remembrancer", f"#!/bin/sh\necho '{says}'\n")
    assert run(shim, "seal").stdout == "made seal\n"


def test_it_never_calls_itself(shim: Path) -> None:
    (shim.parent / "path").mkdir()
    (shim.parent / "path/remembrancer").symlink_to(shim / "ops/bin/remembrancer")
    assert run(shim, "seal").stdout == "made seal\n"


def test_another_version_at_the_commit_is_refused(shim: Path) -> None:
    done = run(shim, "seal", MADE="9.9.9")
    assert done.returncode == 4
    assert f"has version 9.9.9, but ops/remembrancer.json says {VERSION}" in done.stderr
    assert not (home(shim) / "current").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"FAIL_VENV": "1"}, "the environment could not be made of what ops/remembrancer.lock pins"),
        ({"FAIL_LOCK": "1"}, "the environment could not be made of what ops/remembrancer.lock pins"),
        ({"FAIL_PLUGIN": "1"}, "the plugin could not be installed"),
        ({"REMEMBRANCER_SOURCE": "file:///nowhere"}, "the plugin could not be fetched from file:///nowhere"),
    ],
)
def test_a_failed_step_is_named_and_the_next_run_begins_anew(shim: Path, fault: dict[str, str], said: str) -> None:
    done = run(shim, **fault)
    assert done.returncode == 4
    assert said in done.stderr
    assert not list(home(shim).glob("venv-*"))
    assert not (home(shim) / "lock").exists()
    assert run(shim, "seal").stdout == "made seal\n"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"commit": ""}, "names no commit"),
        ({"commit": "0123abc"}, "not a full one"),
        ({"commit": "main"}, "names no commit"),
        ({"commit": "$(touch x)"}, "names no commit"),
        ({"source": ""}, "names no source"),
        ({"source": "--upload-pack=x"}, "not a plain address"),
        ({"source": "https://x/ y"}, "not a plain address"),
    ],
)
def test_what_the_file_says_is_checked(shim: Path, values: dict[str, str], said: str) -> None:
    write(shim, **values)
    done = run(shim)
    assert done.returncode == 4
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert notes(shim) == ""
    assert not (shim / "x").exists()


def test_a_missing_file_is_one_sentence(shim: Path) -> None:
    (shim / "ops/remembrancer.json").unlink()
    done = run(shim)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (4, 1)


def test_no_python_is_one_sentence(shim: Path) -> None:
    (shim.parent / "path").mkdir()
    for name in ("sh", "env", "git", "sed", "mkdir", "rm", "cat", "sleep", "tail", "ln", "cp", "tar"):
        (shim.parent / "path" / name).symlink_to(
            f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}"
        )
    env = environment(shim.parent, PATH=str(shim.parent / "path"), PYTHON="", NOTES=str(shim.parent / "notes"))
    done = call([shim / "ops/bin/remembrancer"], shim, env)
    assert done.returncode == 4
    assert "Python 3.11 or newer was not found" in done.stderr


def test_two_at_once_make_one(shim: Path) -> None:
    fake = program(shim.parent / "fake", "python", FAKE_PYTHON)
    source = (shim.parent / "the full one").as_uri()
    env = environment(
        shim.parent, PYTHON=str(fake), NOTES=str(shim.parent / "notes"), SLOW="1", REMEMBRANCER_SOURCE=source
    )
    env["PATH"] = "/usr/bin:/bin"
    command = [str(shim / "ops/bin/remembrancer"), "seal"]
    both = [
        subprocess.Popen(command, cwd=shim, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in both] == ["made seal\n", "made seal\n"]
    assert notes(shim).count("--require-hashes") == 1
    assert len(list(home(shim).glob("venv-*"))) == 1


def test_a_lock_that_its_owner_left_is_taken_over(shim: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (home(shim) / "lock").mkdir(parents=True)
    (home(shim) / "lock/pid").write_text(f"{gone.pid}\n")
    half = home(shim) / f"venv-{gone.pid}"
    half.mkdir()
    assert run(shim, "seal").stdout == "made seal\n"
    assert not half.exists()


def test_an_environment_whose_python_is_gone_is_made_again(shim: Path) -> None:
    run(shim)
    (home(shim) / "current/bin/python").unlink()
    assert run(shim, "seal").stdout == "made seal\n"
    assert (home(shim) / "current/bin/python").exists()


# ---------------------------------------------------------------- the lock file


def pins(text: str) -> dict[str, str]:
    """Return name and version of every pin."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ;\\]+)", text))


def test_the_lock_has_what_the_plugin_needs_and_its_builder() -> None:
    import tomllib

    plugin = tomllib.loads((ROOT / "plugins/remembrancer/pyproject.toml").read_text())
    needed = [*plugin["project"]["dependencies"], *plugin["build-system"]["requires"]]
    locked = pins((CI / "ops/remembrancer.lock").read_text())
    for requirement in needed:
        name, floor = re.fullmatch(r"([A-Za-z0-9-]+)>=([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        assert [*map(int, locked[name].split(".")[:3])] >= [*map(int, floor.split("."))], name


def test_the_lock_names_hashes_and_no_index_and_no_folder() -> None:
    text = (CI / "ops/remembrancer.lock").read_text()
    for name, body in re.findall(r"(?m)^([a-z0-9-]+)==((?:.*\\\n)*.*)", text):
        assert "--hash=sha256:" in body, name
    for word in ("index-url", "://", "/home", "/tmp", "file:"):
        assert word not in text


def test_it_costs_next_to_nothing_when_it_is_made(shim: Path) -> None:
    """No program is started before the Remembrancer itself: an empty PATH does not matter."""
    run(shim)
    env = environment(shim.parent, PATH="/nowhere")
    assert call(["/bin/sh", shim / "ops/bin/remembrancer", "seal"], shim, env).stdout == "made seal\n"


def test_the_python_of_the_tests_is_used_by_the_chooser(shim: Path) -> None:
    env = environment(shim.parent)
    done = call([shim / "ops/bin/python", "-c", "import sys; print(sys.executable)"], shim, env)
    assert Path(done.stdout.strip()).samefile(sys.executable)
