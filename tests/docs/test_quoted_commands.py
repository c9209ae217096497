"""Every command that a document quotes is one that the program itself accepts; new documents are found by themselves.

The guides and tours are run word for word elsewhere (test_tour, test_platform_guide and their like); here is what holds
for each command of each document: known program, known subcommand and options, make target with a dry run, file that is
there. What needs a cluster, a cloud or a daemon is looked up in the list of quoted_check.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import service_locks
from cli_support import Scratch, end_agents
from collection import ROOT, commit_all, files, git, render
from quoted_check import problem
from quoted_extract import documents, quoted


def wrong(root: Path, names: list[str], also: Path | None = None) -> tuple[dict[str, int], list[str]]:
    """Commands in each document, and what is wrong; documents of this repository may speak of a service's commands."""
    counted, faults = {}, []
    for path in documents(root, names):
        name = path.relative_to(root).as_posix()
        commands = quoted(path, name)
        counted[name] = len(commands)
        for one in commands:
            fault = problem(one.words, root)
            if fault is not None and (also is None or problem(one.words, also) is not None):
                faults.append(f"{one}: {fault}")
    return counted, faults


def test_commands_in_the_documents_of_this_repository(collection: Path, tmp_path: Path) -> None:
    parts = service_locks.PARTS | {"witness": "git"}
    service = render(collection, tmp_path / "my-svc", component="my-svc", **parts)
    names = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    counted, faults = wrong(ROOT, names, service)
    assert faults == []
    known = {"README.md", "CONTRIBUTING.md", "SECURITY.md", "plugins/remembrancer/README.md"}
    assert counted.keys() >= known | {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")}
    assert all(counted[name] for name in known - {"SECURITY.md"})


@pytest.mark.parametrize(
    "answers", [{}, {"gpu": True, "ci": "both", "overlays": ["production"], **service_locks.PARTS}]
)
def test_commands_in_the_documents_of_a_service(
    collection: Path, service: Path, tmp_path: Path, answers: dict[str, object]
) -> None:
    root = render(collection, tmp_path / "my-svc", component="my-svc", **answers) if answers else service
    counted, faults = wrong(root, sorted(files(root)))
    assert faults == []
    assert all(counted[name] >= 10 for name in ("README.md", "ops/k8s/README.md", "ops/aws/README.md"))


WRONG = """
make tset
make test ARG=-x
ops/bin/helth-check
ops/bin/health-check --gate
ops/bin/remembrancer verify-ful dist/a
remembrancer seal --forse
remembrancer adr creat "x"
remembrancer list deployments extra
kubectl aply -k ops/k8s/overlays/staging
kubectl apply -k ops/k8s/overlays/nowhere
kubectl apply -f ops/k8s/nowhere.yaml
kubectl -n x rollout undo deployment/y --too=1
copier updat
copier update --truts
git comit -m x
git commit --al
docker build --platfrom x .
docker run x
trivyy image x
aws eks --regoin x
eksctl create cluster -f ops/aws/nowhere.yaml
eksctl update nodegroup -f ops/aws/cluster.yaml
helm upgrade --instal x y
curl --hed http://127.0.0.1:8080/health
python3 -m nothing_of_this_name
python3 ops/nowhere.py
""".strip().splitlines()


@pytest.mark.parametrize("line", WRONG)
@pytest.mark.parametrize("form", ["```sh\n{}\n```", "```console\n$ {}\nanswer\n```", "    {}", "Then `{}`."])
def test_a_wrong_command_is_found_in_every_form(service: Path, tmp_path: Path, line: str, form: str) -> None:
    if form.startswith(("    ", "Then")) and line.split(maxsplit=1)[0] in {"trivyy", "python3"}:
        form = "```bash\n{}\n```"  # prose and indented text are only read where they begin like a command
    (tmp_path / "page.md").write_text(f"# Page\n\n{form.format(line)}\n")
    (command,) = quoted(tmp_path / "page.md", "page.md")
    assert problem(command.words, service) is not None, line


def test_a_script_is_taken_apart(tmp_path: Path) -> None:
    script = "cd x && A=1 make test   # why\nfor n in a b; do\n  git show $n > f 2>&1\ndone\n"
    script += "if ls; then b=$(git status); fi\n"
    script += "cat >> f <<'END'\nnot a command\nEND\nremembrancer adr create 'a; b' \\\n  --context \"c # d\"\n"
    (tmp_path / "page.md").write_text(f"```sh\n{script}```\n\n```text\noutput of make\n```\n\n`Makefile` `make x`\n")
    found = [one.words for one in quoted(tmp_path / "page.md", "page.md")]
    assert found == [
        ("cd", "x"),
        ("make", "test"),
        ("git", "show", "$n"),
        ("ls",),
        ("cat",),
        ("remembrancer", "adr", "create", "a; b", "--context", "c # d"),
        ("git", "status"),
        ("make", "x"),
    ]


def test_the_verification_of_a_service_s_readme_runs(collection: Path) -> None:
    """Word for word, in a new service: from throw-away trust to the verdict, and the questions after it."""
    with tempfile.TemporaryDirectory(prefix="rq", dir="/tmp") as folder:
        scratch = Scratch(Path(folder))
        scratch.home.mkdir()
        root = render(collection, scratch.base / "my-svc", component="my-svc")
        git(root, "init", "--quiet", "--initial-branch", "main")
        commit_all(root, "[my-svc] feat: begin")
        section = (root / "README.md").read_text().partition("\n## Verification\n")[2]
        script = "\n".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL))
        assert script.count("ops/bin/remembrancer ") >= 8
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-u", "-c", script.replace("\n", "\necho status $?\n")],
            cwd=root,
            env=scratch.environment(PATH=path),
            capture_output=True,
            text=True,
            check=False,
        )
        end_agents(scratch)
    said = done.stdout + done.stderr
    assert "VERIFIED dist/my-svc-0.1.0.tar.gz (development trust" in said, said
    # Nothing was decided yet, so that the last question, and only it, finds nothing.
    *before, last = re.findall(r"^status (\d)$", done.stdout, re.MULTILINE)
    assert (len(before), set(before), last) == (script.count("\n") - 1, {"0"}, "1"), said
