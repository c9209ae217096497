"""Runs the release stages of both pipelines, shell line by shell line, against an origin on this machine.

The Remembrancer, docker and the scanners are stand-ins that note what they are asked for; git, gpg, make and the shell
are real.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ci_render import GITHUB, GITLAB, call, environment, load, program
from collection import VERSION, commit_all, git

RELEASE = ("gate", "sign", "timestamp", "record")
# Which environment holds which secret; a job outside of it sees nothing.
HOLDS = {
    "release": {"REMEMBRANCER_GPG_KEY", "REGISTRY_USER", "REGISTRY_PASSWORD"},
    "ledger": {"REMEMBRANCER_LOG_KEY", "RELEASE_TOKEN"},
}
POLICY = 'version = 1\nprofile = "production"\nseal-branch = "main"\n'

# run by this Python without a search for it, its packages or a module that takes longer than its start: it starts
# dozens of times in a release
REMEMBRANCER = r"""#!/bin/sh
''':'; [ "$*" != --version ] || exec echo "remembrancer VERSION"
exec "PYTHON" -IS "$0" "$@" #'''
import os, sys
from _json import encode_basestring_ascii as quoted

words = sys.argv[1:]
note = {name: os.environ.get(name, "") for name in ("GNUPGHOME", "REMEMBRANCER_TRUST", "REMEMBRANCER_GPG_KEY")}
note["log key"] = bool(os.environ.get("REMEMBRANCER_LOG_KEY"))

def as_json(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {as_json(one)}" for key, one in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()

def read(path):
    with open(path) as file:
        return file.read()

def write(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(text)

write(os.environ["NOTES"], as_json({"words": words} | note) + "\n", "a")
receipts = "ops/receipts"

def run(*command, check=True, **settings):
    import subprocess
    return subprocess.run(command, check=check, **settings)

def receipt(folder, data):
    text = as_json(data)
    name = sha256(text.encode())
    write(f"{receipts}/{folder}/{name[:2]}/{name}.receipt", text)

def sha256(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()

def digest(path):
    with open(path, "rb") as file:
        return sha256(file.read())

def option(name):
    return words[words.index(name) + 1] if name in words else ""

checkpoint, seen = f"{receipts}/ledger/checkpoint", f"{receipts}/ledger/witnessed"
sealed = read(checkpoint).split() if os.path.exists(checkpoint) else []
everything = sorted(
    f"{folder}/{name}" for folder, _, names in os.walk(receipts) for name in names if name.endswith(".receipt")
)

def answer(code, **report):
    print(as_json({"exitCode": code} | report))
    sys.exit(code)

if words[:2] == ["trust", "show"]:
    policy = "ops/trust/policy.toml"
    if not os.environ.get("REMEMBRANCER_TRUST"):
        answer(3, findings=[{"outcome": "unverifiable", "code": "trust.unpinned", "message": "nobody is pinned"}])
    if read("ops/trust/policy.toml.asc") != digest(policy):
        answer(1, findings=[{"outcome": "failed", "code": "trust.policy-signature", "message": "it was changed"}])
    answer(0, profile="production")
elif words[0] == "status":
    unseen = os.environ.get("WITNESSES") and not (os.path.exists(seen) and read(seen) == f"cosigned {len(sealed)}")
    lacking = {"witnessed": 0, "witnesses": int(os.environ["WITNESSES"])} if unseen else {}
    answer(0, data={"pending": len(set(everything) - set(sealed))} | lacking)
elif words[:2] == ["hook", "pre-commit"]:
    asked = ["git", "diff", "--cached", "--no-renames", "--name-only", "--diff-filter=DM", "HEAD", "--", receipts]
    changed = run(*asked, capture_output=True, text=True).stdout.split()
    changed = [name for name in changed if name.endswith(".receipt")]
    sys.exit(f"refused: {changed[0]} is recorded [receipt.edited]" if changed else 0)
elif words[:2] == ["sign", "--check"]:
    keys = run("gpg", "--batch", "--list-secret-keys", "--with-colons", check=False, capture_output=True, text=True)
    sys.exit(0 if "sec:" in keys.stdout else "remembrancer: the signer's key is not here [sig.no-key]")
elif words[0] == "sign":
    run("gpg", "--batch", "--yes", "--armor", "--detach-sign", words[-1])
    receipt("sign", {"subject": digest(words[-1]), "signature": digest(words[-1] + ".asc")})
elif words[0] == "timestamp":
    if os.environ.get("AUTHORITY_DOWN"):
        sys.exit("remembrancer: the authority does not answer [time.unreachable]")
    receipt("timestamp", {"subject": digest(words[-1])})
elif words[:2] == ["record", "deploy"]:
    run("gpg", "--batch", "--list-secret-keys", "--with-colons", capture_output=True)
    path = f"{receipts}/deploy/{option('--component')}-{option('--version')}.receipt"
    named = {"image": option("--image-digest"), "sbom": option("--sbom")}
    write(path, as_json({"sha256": digest(option("--evidence"))} | named))
elif words[:2] == ["seal", "--dry-run"]:
    new = sorted(set(everything) - set(sealed))
    no = new if os.environ.get("REFUSES") else []
    refused = [{"subject": one, "code": "receipt.conflict", "message": "no"} for one in no]
    done = {"sealed": False, "dryRun": True, "size": len(sealed), "receipts": new, "held": []}
    answer(1 if refused else 0, data=done | {"refused": refused})
elif words[0] == "seal":
    if os.environ.get("RACE") and not os.path.exists(os.environ["RACE"] + ".done"):
        write(os.environ["RACE"] + ".done", "")
        run("sh", os.environ["RACE"])
    new = [one for one in everything if one not in sealed]
    write(checkpoint, "\n".join(sealed + new) + "\n")
    answer(0, data={"sealed": True, "size": len(sealed + new), "receipts": new, "refused": [], "held": []})
elif words[0] == "verify-audit":
    wrong = {"outcome": "failed", "code": "log.pending", "subject": "a receipt", "message": "it is not in the log"}
    whole = set(everything) == set(sealed)
    answer(0 if whole else 1, findings=[] if whole else [wrong])
elif words[0] == "witness":
    if os.environ.get("WITNESSES") and sealed and not os.environ.get("WITNESS_DOWN"):
        shown = run("git", "show", f"refs/remotes/origin/main:./{checkpoint}", capture_output=True, text=True)
        assert shown.stdout.split() == sealed, "a witness is asked about what is published"
        write(seen, f"cosigned {len(sealed)}")
    sys.exit(int(os.environ.get("WITNESS_STATUS", "0")))
elif words[0] == "verify-full" and "--format" in words:
    there = set(everything) == set(sealed)
    bare = os.environ.get("WITNESSES") and not os.path.exists(seen)
    code = "" if there else "log.not-included"
    code = code or ("log.unwitnessed" if bare else "")
    found = {"outcome": "failed" if code else "verified", "code": code, "subject": "it", "message": "it is not there"}
    answer(1 if code else 0, findings=[found])
elif words[0] == "verify-full":
    if set(everything) != set(sealed):
        sys.exit("FAILED: not included [log.not-included]")
    if os.environ.get("WITNESSES") and not os.path.exists(seen):
        sys.exit("FAILED: nobody has seen it [log.unwitnessed]")
    print("VERIFIED")
else:
    sys.exit(f"unknown command {words}")
""".replace("VERSION", VERSION).replace("PYTHON", sys.executable)

DOCKER = """#!/bin/sh
echo "docker $*" >>"$NOTES.docker"
case "$1 $*" in
  info*) exit 0 ;;
  login*) cat >"$NOTES.password" ;;
  run*" digest "*) echo "sha256:%s" ;;
esac
""" % ("d" * 64)

# what the gate alone is told, and what the stand-in of the Remembrancer reads, which no build asks
_LATER = {"RELEASE_FORK", "RELEASE_PROTECTED"}
_LATER |= {"AUTHORITY_DOWN", "RACE", "REFUSES", "WITNESSES", "WITNESS_DOWN", "WITNESS_STATUS"}
INDEX = json.dumps({"schemaVersion": 2, "manifests": [{"size": 1234, "digest": f"sha256:{'d' * 64}"}]})


class Builds:
    """What build stages handed on: the same commit under the same variables gives the same files, made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[tuple[str, ...], tuple[subprocess.CompletedProcess[str], Path]] = {}

    def keep(self, key: tuple[str, ...], done: subprocess.CompletedProcess[str], dist: Path) -> None:
        """Remember a build and a copy of what it made."""
        copy = self.folder / str(len(self.known))
        if dist.exists():
            shutil.copytree(dist, copy / "dist")
        self.known[key] = done, copy


@dataclass
class Pipeline:
    """One provider's release stages over clones of one origin; each job has a clone, a HOME and its artifacts alone."""

    provider: str
    tmp: Path
    origin: Path
    secrets: dict[str, str]
    builds: Builds
    extra: dict[str, str] = field(default_factory=dict)
    output: str = ""
    token: str = "t0ken-of-the-run"
    branch: str = "main"
    owner: str = "F" * 40
    real: bool = False  # a Remembrancer is in the path already
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.real:
            program(self.tmp / "path", "remembrancer", REMEMBRANCER)
        program(self.tmp / "path", "docker", DOCKER)
        self.artifacts = self.tmp / "artifacts"
        self.begin()

    def begin(self) -> None:
        """Start again at what the branch holds now."""
        shutil.rmtree(self.artifacts, ignore_errors=True)
        self.commit = git(self.origin, "rev-parse", self.branch)
        self.outputs, self.results = {}, {}

    def copied(self, folder: Path) -> "Pipeline":
        """Return this pipeline as it is now over an origin of its own, without the checkouts of its jobs."""
        kept = shutil.ignore_patterns("artifacts", "home", f"{self.provider}-*")
        shutil.copytree(self.tmp, folder, symlinks=True, ignore=kept, dirs_exist_ok=True)
        copy = replace(
            self, tmp=folder, origin=folder / "origin.git", secrets=dict(self.secrets), extra=dict(self.extra)
        )
        shutil.copytree(self.artifacts, copy.artifacts, symlinks=True)
        copy.commit, copy.outputs, copy.results = self.commit, dict(self.outputs), dict(self.results)
        return copy

    def env(self, **variables: str) -> dict[str, str]:
        """Return the environment of a job, with a HOME that holds nothing."""
        shutil.rmtree(self.tmp / "home", ignore_errors=True)
        plain = environment(self.tmp, self.tmp / "path", NOTES=str(self.tmp / "notes"), RELEASE_WAIT="0", CI="true")
        return (
            {name: value for name, value in plain.items() if not name.startswith("GIT_")}
            | {
                "GIT_CONFIG_GLOBAL": str(self.tmp / "gitconfig"),
                "GIT_CONFIG_SYSTEM": "/dev/null",
            }
            | variables
            | self.extra
        )

    def checkout(self, job: str) -> Path:
        """Return a fresh clone at the pipeline's commit."""
        clone = self.tmp / f"{self.provider}-{job}"
        shutil.rmtree(clone, ignore_errors=True)
        git(self.tmp, "clone", "--quiet", "--no-checkout", str(self.origin), clone.name)  # a path is linked, not packed
        git(clone, "remote", "set-url", "origin", self.origin.as_uri())
        git(clone, "checkout", "--quiet", "--detach", self.commit)
        return clone

    def build(self) -> subprocess.CompletedProcess[str]:
        """Make what the build stage hands on; return the command that failed, or the last one."""
        seen = sorted(f"{name}={value}" for name, value in self.extra.items() if name not in _LATER)
        key = (self.provider, self.commit, *seen)
        built = "built" if self.provider == "github" else "build"
        if key in self.builds.known:
            done, made = self.builds.known[key]
            self.receive(built, made)
        else:
            clone = self.checkout("build")
            env = {name: value for name, value in self.env().items() if name not in _LATER}
            done = call("make -f ops/release.mk artifact sbom && ops/bin/image facts", clone, env)
            (clone / "dist/image").mkdir()
            (clone / "dist/image/index.json").write_text(INDEX)
            facts = dict(re.findall(r"(?m)^(\w+)=(.*)$", (clone / "dist/build.env").read_text()))
            (clone / "dist/image.built").write_text(f"{facts['IMAGE_VERSION']} {facts['IMAGE_REVISION']}\n")
            self.builds.keep(key, done, clone / "dist")
            self.receive(built, clone)
        self.output += done.stdout + done.stderr
        self.results["build"] = "failure" if done.returncode else "success"
        return done

    def receive(self, name: str, folder: Path, paths: tuple[str, ...] = ("dist",)) -> None:
        """Keep files and folders of a job as its artifacts, as a provider's server does."""
        shutil.rmtree(self.artifacts / name, ignore_errors=True)
        for path in paths:
            source, target = folder / path, self.artifacts / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy2(source, target)

    def bring(self, name: str, clone: Path) -> None:
        """Put artifacts into a checkout, over what is there."""
        if (self.artifacts / name).exists():
            shutil.copytree(self.artifacts / name, clone, symlinks=True, dirs_exist_ok=True)

    def run(self, stage: str) -> subprocess.CompletedProcess[str]:
        """Run a stage as its provider would; return the first step that failed, or the last one."""
        if self.provider == "github":
            return self.github(stage)
        config = load(self._pipeline(GITLAB))
        jobs = [name for name, job in config.items() if isinstance(job, dict) and job.get("stage") == stage]
        jobs = [stage] if stage == "gate" else [name for name in jobs if name != "gate"]
        for name in jobs:
            done = self.gitlab(config, name)
            if done.returncode:
                return done
        return done

    def _pipeline(self, path: str) -> Path:
        text = git(self.origin, "show", f"{self.commit}:{path}")
        (self.tmp / "pipeline.yml").write_text(text)
        return self.tmp / "pipeline.yml"

    def all(self, meanwhile: Callable[[str], None] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the release stages until one fails; `meanwhile` is called with the name of each before it runs."""
        done = self.build()
        for stage in RELEASE if done.returncode == 0 else ():
            if meanwhile:
                meanwhile(stage)
            done = self.run(stage)
            if done.returncode:
                return done
        return done

    def ended(self, clone: Path, done: subprocess.CompletedProcess[str]) -> None:
        """Keep what was printed; no secret is in it, nor in the checkout."""
        self.output += done.stdout + done.stderr
        for secret in [*self.secrets.values(), self.token]:
            assert not secret or secret not in self.output, "a secret stands in the log"
            assert not secret or secret not in (clone / ".git/config").read_text()

    def github(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the steps with `run:`, whose conditions hold, with GitHub's expressions replaced."""
        job = load(self._pipeline(GITHUB))["jobs"][name]
        needs = [job["needs"]] if isinstance(job["needs"], str) else job["needs"]
        asked = str(job.get("if", "true"))
        goes = "cancelled()" in asked or all(self.results.get(one) == "success" for one in needs)
        done: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], 0, "", "")
        if not (goes and self.truth(asked)):
            self.results[name] = "skipped"
            return done
        clone = self.checkout(name)
        output = self.tmp / "github_output"
        output.write_text("")
        for step in job["steps"]:
            if not self.truth(str(step.get("if", "true"))):
                continue
            if step.get("uses", "").startswith("actions/download-artifact@"):
                self.bring(step["with"]["name"], clone)
            if step.get("uses", "").startswith("actions/upload-artifact@"):
                if "!dist/image/" in step["with"]["path"]:
                    shutil.rmtree(clone / "dist/image")
                self.receive(step["with"]["name"], clone)
            if "run" not in step:
                continue
            named = job.get("env", {}) | step.get("env", {})
            values = {key: self.expression(str(value), job.get("environment", "")) for key, value in named.items()}
            reference = f"team/my-svc/{GITHUB}@refs/heads/{self.branch}"
            given = {"GITHUB_OUTPUT": str(output), "GITHUB_SHA": self.commit, "GITHUB_WORKFLOW_REF": reference}
            done = call(step["run"], clone, self.env(**given, **values))
            self.outputs[name] = dict(line.split("=", 1) for line in output.read_text().splitlines())
            self.ended(clone, done)
            if done.returncode:
                break
        self.results[name] = "failure" if done.returncode else "success"
        return done

    def known(self) -> dict[str, str]:
        """Return what GitHub's contexts hold."""
        flat = {f"steps.gate.outputs.{key}": value for key, value in self.outputs.get("gate", {}).items()}
        flat |= {f"needs.gate.outputs.{key}": value for key, value in self.outputs.get("gate", {}).items()}
        flat |= {f"needs.{name}.result": value for name, value in self.results.items()}
        return flat | {
            "github.event.repository.default_branch": "main",
            "github.event.repository.fork": "false",
            "github.event_name": "push",
            "github.ref": f"refs/heads/{self.branch}",
            "github.ref_name": self.branch,
            "github.ref_protected": "true",
            "github.actor": "somebody",
            "github.token": self.token,
            "vars.REMEMBRANCER_TRUST": self.owner,
        }

    def truth(self, text: str) -> bool:
        """Return what GitHub makes of a condition of these workflows."""
        text = text.removeprefix("${{").removesuffix("}}").strip()
        text = re.sub(
            r"(?<!['\w.])(?:github|needs|steps)\.[\w.]+", lambda found: repr(self.known().get(found[0], "")), text
        )
        text = text.replace("!cancelled()", "True").replace("&&", " and ").replace("||", " or ")
        text = re.sub(r"\btrue\b(?!')", "True", text)
        functions: dict[str, Any] = {"format": lambda form, *words: form.format(*words), "startsWith": str.startswith}
        functions["failure"] = lambda: False  # the first failed step is the last one here
        return bool(eval(text, {"__builtins__": {}}, functions))

    def expression(self, text: str, place: str) -> str:
        """Return what GitHub would put in place of an expression in a job of an environment."""

        def value(match: re.Match[str]) -> str:
            held = {f"secrets.{name}": value for name, value in self.secrets.items() if name in HOLDS.get(place, ())}
            known = self.known()
            found = (held.get(one, "") if one.startswith("secrets.") else known[one] for one in match[1].split(" || "))
            return next((one for one in found if one), "")

        return re.sub(r"\$\{\{ (\S+(?: \|\| \S+)*) \}\}", value, text)

    def gitlab(self, config: dict[str, Any], name: str) -> subprocess.CompletedProcess[str]:
        """Run a job's script in one shell, with GitLab's variables; the secrets are those of its environment."""
        job, clone = config[name], self.checkout(name)
        parents = job["extends"] if isinstance(job.get("extends"), list) else [job.get("extends")]
        rules = [rule for parent in parents for rule in config.get(parent, {}).get("rules", [])]
        if not all((clone / path).exists() for rule in rules for path in rule.get("exists", [])):
            return subprocess.CompletedProcess([], 0, "", "")  # the job is not made
        for need in job["needs"]:
            self.bring(need, clone)
        predefined = {
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_BRANCH": self.branch,
            "CI_COMMIT_SHA": self.commit,
            "CI_COMMIT_REF_PROTECTED": "true",
            "CI_COMMIT_REF_NAME": self.branch,
            "CI_PROJECT_DIR": str(clone),
            "CI_PROJECT_PATH": "team/my-svc",
            "CI_PROJECT_URL": self.origin.as_uri().removesuffix(".git"),
            "REMEMBRANCER_TRUST": self.owner,
        }
        declared = config["variables"] | job.get("variables", {})
        values = {
            key: re.sub(r"\$(\w+)", lambda found: predefined[found[1]], str(value)) for key, value in declared.items()
        }
        held = HOLDS.get(job.get("environment", {}).get("name", ""), set())
        secrets = {key: value for key, value in self.secrets.items() if key in held}
        # the image of docker has no Python
        if ".docker" not in job.get("extends", []):
            values["PYTHON"] = sys.executable
        before = [] if ".docker" in job.get("extends", []) else config["default"]["before_script"]
        done = call("\n".join([*before, *job["script"]]), clone, self.env(**{**predefined, **values, **secrets}))
        self.ended(clone, done)
        self.results[name] = "failure" if done.returncode else "success"
        handed = job.get("artifacts", config[".release"]["artifacts"])["paths"]
        self.receive(name, clone, tuple(path.rstrip("/") for path in handed))
        return done


def origin_of(service: Path, tmp: Path, *, policy: str = POLICY) -> Path:
    """Return a bare origin whose main branch is the service with a trust policy (none for "")."""
    return Path(shutil.copytree(_origin(service, policy), tmp / "origin.git", symlinks=True))


@cache
def _origin(service: Path, policy: str) -> Path:
    tmp = Path(tempfile.mkdtemp(prefix="origin.", dir=service.parent))
    work = tmp / "work"
    shutil.copytree(service, work, symlinks=True)
    if policy:
        (work / "ops/trust").mkdir(parents=True, exist_ok=True)
        (work / "ops/trust/policy.toml").write_text(policy)
        signed = hashlib.sha256(policy.encode()).hexdigest()
        (work / "ops/trust/policy.toml.asc").write_text(signed)
    commit_all(work, "[my-svc] chore: trust")
    git(tmp, "clone", "--quiet", "--bare", str(work), "origin.git")
    # As GitLab does, which is asked not to begin a pipeline for the receipts.
    git(tmp / "origin.git", "config", "receive.advertisePushOptions", "true")
    return tmp / "origin.git"
