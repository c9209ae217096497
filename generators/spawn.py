"""Make a repository from the collection: render HEAD, commit, test, record.

    fastapi-service.sh TARGET [--data name=value …]     a complete service in a new or empty folder
    k8s.sh | ci.sh TARGET [--plan] [--yes] [--data …]   one layer, in a new folder or in a repository that exists

A failure says which step and why, and leaves nothing half-made.
"""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import commandline
import environment
import layers
import release
import source
from commandline import SERVICE
from steps import EXIT_ENVIRONMENT, EXIT_USAGE, Progress, StepFailed, run

CLONE = Path(__file__).resolve().parent.parent
IDENTITY = {
    "GIT_AUTHOR_NAME": "VaultMesh spawn",
    "GIT_AUTHOR_EMAIL": "spawn@vaultmesh.invalid",
    "GIT_COMMITTER_NAME": "VaultMesh spawn",
    "GIT_COMMITTER_EMAIL": "spawn@vaultmesh.invalid",
}


class Spawn:
    """One run: where from, where to, and with which answers."""

    def __init__(self, options: argparse.Namespace, found: source.Source) -> None:
        self.layer: str = options.layer
        self.target: Path = options.target.absolute()
        self.answers: list[str] = options.data
        self.asking = sys.stdin.isatty() and sys.stderr.isatty() and not options.defaults
        self.source = found
        self.environment = found.git_environment(environment.clean_environment())
        self.answers_file = ".copier-answers.yml" if self.layer == SERVICE else f".copier-answers.{self.layer}.yml"

    def render(self, python: Path, target: Path, *, asking: bool, tasks: bool = True) -> None:
        """Let Copier render HEAD of the clone into `target`.

        Raises:
            StepFailed: Copier refused an answer or could not render.
        """
        with tempfile.TemporaryDirectory(prefix="vaultmesh-copier.") as cache:
            command: list[str | Path] = [python, "-m", "copier", "copy", "--trust", "--quiet", "--overwrite"]
            command += ["--vcs-ref", self.source.commit, "--answers-file", self.answers_file]
            command += [] if asking else ["--defaults"]
            command += [] if tasks else ["--skip-tasks"]
            for pair in (f"layer={self.layer}", *self.answers):
                command += ["--data", pair]
            run(
                [*command, "--", self.source.url, target],
                "Copier could not render the template",
                cwd=Path(cache),
                env=self.environment | {"COPIER_CACHE_DIR": cache},
                attached=asking,
                explain=refused_answer,
            )

    def component(self) -> str:
        """Return the component's name as it was answered (a validated DNS label)."""
        text = (self.target / self.answers_file).read_text(encoding="utf-8")
        match = re.search(r"^component: ([a-z0-9-]+)$", text, re.MULTILINE)
        return match[1] if match else self.layer

    def git(self, *arguments: str, hooks: str = os.devnull) -> str:
        """Run git in the target with an identity where the user has none, and only these hooks."""
        command = ["git", "-c", f"core.hooksPath={hooks}", *arguments]
        env = environment.clean_environment()
        if arguments[0] == "commit" and not source.git(self.target, "config", "user.email"):
            env = IDENTITY | env
        return run(command, f"git {arguments[0]} failed", cwd=self.target, env=env)

    def commit(self, message: str, *, hooks: str = os.devnull) -> None:
        """Commit everything that is in the target, and nothing of a larger repository around it."""
        self.git("add", "--all", "--", ".")
        self.git("commit", "--quiet", "--message", message, "--", ".", hooks=hooks)

    def own_hooks(self) -> str:
        """Return where the repository itself, and no setting of the user's, keeps its hooks."""
        chosen = source.git(self.target, "config", "--local", "core.hooksPath")
        common = self.target / source.git(self.target, "rev-parse", "--git-common-dir")
        return chosen or str(common.resolve() / "hooks")


def refused_answer(output: str) -> str:
    """Return the question's own sentence from Copier's output where an answer was refused, else ""."""
    text = " ".join(output.split())
    match = re.search(r"Validation error for question '(\w+)': (.*)$", text)
    if match:
        return f"the answer for {match[1]} was refused. {match[2]}"
    errors = re.findall(r"^([\w.]*(?:Error|Exception)): (.*)$", output, re.MULTILINE)
    if not errors:
        return ""
    if errors[-1][1].startswith("[Errno "):
        return f"a file could not be written. {errors[-1][1].split('] ', 1)[1]}"
    return f"an answer was refused. {errors[-1][1]}"


def collection_version() -> str:
    """Return the version of this collection from its pyproject."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


@contextlib.contextmanager
def nothing_half_made(target: Path) -> Iterator[None]:
    """Remove what the block made of a new or empty folder, and folders above it, unless it succeeds."""
    existed = target.is_dir()
    absent = [folder for folder in target.parents if not folder.exists()]
    try:
        yield
    except BaseException:
        if existed:
            for entry in target.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        else:
            shutil.rmtree(target, ignore_errors=True)
            for folder in absent:
                with contextlib.suppress(OSError):
                    folder.rmdir()
        raise


def new_repository(spawn: Spawn) -> None:
    """Make the target from nothing: render, commit, and for a complete service test and record."""
    complete = spawn.layer == SERVICE
    recording = complete and release.available(CLONE)
    progress = Progress(3 + (release.STEPS if recording else int(complete)))
    env = environment.clean_environment() | {"PYTHON": sys.executable}
    with nothing_half_made(spawn.target), contextlib.ExitStack() as beside:
        if recording:
            env = release.prepared(env, CLONE, spawn.source.commit)
            start = release.remembrancer_beside(CLONE, spawn.source.commit, collection_version(), env)
            remembrancer = beside.enter_context(start)
        with progress.step("prepare Copier"):
            python = environment.copier_python(CLONE / "generators" / "requirements.lock")
        with progress.step(f"render {spawn.layer} {spawn.source.version}", asking=spawn.asking):
            spawn.render(python, spawn.target, asking=spawn.asking)
        component = spawn.component()
        with progress.step("commit"):
            spawn.git("init", "--quiet", "--initial-branch", "main")
            spawn.commit(f"[{component}] feat: generate from VaultMesh {collection_version()}")
        env["INSTALLING_PYTHON"] = str(python)
        if complete and not recording:
            with progress.step("make test"):
                run(["make", "test"], "the service's own tests failed", cwd=spawn.target, env=env)
        table = ""
        if recording:
            with progress.step("prepare the Remembrancer and the service's tools"):
                release.environments(spawn.target, remembrancer, env)
            with progress.step("make test, and the other quality gates"):
                release.gates(spawn.target, env)
                # the rating belongs to what was generated, and a release archive holds what is committed
                spawn.git("commit", "--quiet", "--amend", "--no-edit", "--", "README.md")
            table = release.record(spawn.target, spawn.source, progress, env)
            spawn.commit(f"[{component}] chore: record {release.service_version(spawn.target)}")
        if (spawn.target / "ops" / "bin" / "hooks").is_file():
            run(
                [spawn.target / "ops" / "bin" / "hooks", "install"],
                "the hooks could not be installed",
                cwd=spawn.target,
            )
        if spawn.git("status", "--porcelain").strip():
            raise StepFailed("the working tree is not clean at the end")
    finish(spawn, component, table, recording=recording)


def finish(spawn: Spawn, component: str, table: str, *, recording: bool) -> None:
    """Print what was made and what to do next."""
    print(f"\n{component} is ready in {spawn.target}")
    if table:
        print(f"\n{table}")
    elif spawn.layer == SERVICE:
        print("Nothing was recorded: this source has no Remembrancer plugin.")
    if spawn.source.notice:
        print(f"\nNote: {spawn.source.notice}")
    around = source.git(spawn.target.parent, "rev-parse", "--show-toplevel")
    if around and (spawn.target / ".git").exists():
        print(f"\nNote: it is a repository inside the one at {around}: move it out, or add it there as a submodule.")
    commands = ["make dev", "make help"] if spawn.layer == SERVICE else ["git show --stat"]
    if recording:
        artifact = f"dist/{component}-{release.service_version(spawn.target)}.tar.gz"
        commands[1] = f"ops/bin/remembrancer verify-full {artifact}"
    hooks = spawn.target / "ops" / "bin" / "hooks"
    if hooks.is_file() and not (spawn.target / ".git" / "hooks" / "pre-commit").exists():
        commands.append("ops/bin/hooks install")
    print("\nNext:")
    for command in (f"cd {shlex.quote(os.path.relpath(spawn.target))}", *commands):
        print(f"  {command}")


def existing_repository(spawn: Spawn, *, plan_only: bool, agreed: bool) -> None:
    """Add a layer to a repository that exists, where nothing of the team's would change.

    Raises:
        StepFailed: the repository is not a clean git work tree, is a complete service, or has other bytes at a path.
    """
    answers = spawn.target / ".copier-answers.yml"
    if answers.is_file() and re.search(
        r"^(applied_)?layer: fastapi-service$", answers.read_text("utf-8"), re.MULTILINE
    ):
        what = f"{spawn.target} is a complete service and has the {spawn.layer} layer; run copier update --trust there"
        raise StepFailed(what, code=EXIT_USAGE)
    if (spawn.target / spawn.answers_file).exists():
        what = f"the {spawn.layer} layer is already there; run copier update --trust -a {spawn.answers_file}"
        raise StepFailed(what, code=EXIT_USAGE)
    if not source.git(spawn.target, "rev-parse", "--is-inside-work-tree"):
        raise StepFailed(f"{spawn.target} is not a git repository, so a layer could not be undone", code=EXIT_USAGE)
    if source.git(spawn.target, "status", "--porcelain", "--", "."):
        raise StepFailed(f"{spawn.target} has uncommitted changes; commit or stash them first", code=EXIT_USAGE)
    progress = Progress(2 if plan_only else 4)
    with progress.step("prepare Copier"):
        python = environment.copier_python(CLONE / "generators" / "requirements.lock")
    with tempfile.TemporaryDirectory(prefix="vaultmesh-plan.") as folder:
        aside = Path(folder) / spawn.target.name
        with progress.step("compare"):
            spawn.render(python, aside, asking=False, tasks=False)
            plan = layers.compare(aside, spawn.target)
    print(plan.table())
    if plan_only:
        return
    if plan.clashing:
        count = len(plan.clashing)
        raise StepFailed(f"{count} of your files would change; move them or merge by hand first", code=EXIT_USAGE)
    if plan.ignored:
        why = f"your .gitignore keeps {len(plan.ignored)} of the layer's files out of every commit; allow them first"
        raise StepFailed(why, code=EXIT_USAGE)
    if not agreed and not agrees(
        f"Add {len(plan.added)} {'file' if len(plan.added) == 1 else 'files'} to {spawn.target}? [y/N] "
    ):
        raise StepFailed("nothing was changed; agree with --yes", code=EXIT_USAGE)
    before = layers.recorded(spawn.target)
    try:
        with progress.step(f"render {spawn.layer} {spawn.source.version}"):
            spawn.render(python, spawn.target, asking=False)
        with progress.step("commit"):
            spawn.commit(
                f"[{spawn.component()}] feat: add the {spawn.layer} layer from VaultMesh {collection_version()}",
                hooks=spawn.own_hooks(),
            )
    except BaseException:
        source.git(spawn.target, "reset", "--quiet", "--", ".")
        layers.remove(spawn.target, [*plan.added, *(layers.recorded(spawn.target) - before)])
        raise
    finish(spawn, spawn.component(), "", recording=False)


def consents(options: argparse.Namespace) -> bool:
    """Ask whether the path of a clone without an origin may be named in what is made."""
    if options.defaults or not sys.stderr.isatty():
        return False
    return agrees("This clone has no origin. Name its path as the source, so that updates work here? [y/N] ")


def agrees(question: str) -> bool:
    """Ask on a terminal; without one nobody has agreed."""
    return sys.stdin.isatty() and input(question).strip().lower() in {"y", "yes"}


def stop(signal_number: int, _frame: FrameType | None) -> None:
    """Turn a signal into an exception, so that what was begun is removed."""
    raise KeyboardInterrupt(signal.Signals(signal_number).name)


def generate(options: argparse.Namespace) -> None:
    """Check what is needed and take the way that fits the target."""
    lacking = environment.missing(signing=options.layer == SERVICE and release.available(CLONE))
    if lacking:
        raise StepFailed("; ".join(lacking))
    found = source.find(CLONE)
    if found is None:
        raise StepFailed(f"{CLONE} is not a git clone with a commit; clone the collection with git")
    if why := source.misnamed(CLONE):
        raise StepFailed(why)
    if found.local and (options.local_source or consents(options)):
        found = found.by_path()
    spawn = Spawn(options, found)
    if spawn.target.exists() and not spawn.target.is_dir():
        raise StepFailed(f"{spawn.target} is not a folder; nothing was touched", code=EXIT_USAGE)
    if found.notice:
        print(f"note: {found.notice}", file=sys.stderr)
    if not spawn.target.is_dir() or not any(spawn.target.iterdir()):
        if getattr(options, "plan", False):
            raise StepFailed(f"{spawn.target} is empty, so there is nothing to compare with", code=EXIT_USAGE)
        new_repository(spawn)
    elif spawn.layer == SERVICE:
        raise StepFailed(f"{spawn.target} is not empty; nothing was touched. Choose a new folder", code=EXIT_USAGE)
    else:
        existing_repository(spawn, plan_only=options.plan, agreed=options.yes)


def main(arguments: list[str]) -> int:
    """Run one generator; return 0, 2 (bad input, refused), 4 (the machine or network failed) or 130 (stopped)."""
    options = commandline.parse(arguments, CLONE)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        generate(options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on, as behind `head`
        return EXIT_ENVIRONMENT
    except StepFailed as error:
        if error.output:
            print(error.output, file=sys.stderr)
        print(f"generate: {error}", file=sys.stderr)
        return EXIT_USAGE if "was refused" in str(error) else error.code
    except KeyboardInterrupt:
        print("generate: stopped; nothing was left behind", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"generate: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
