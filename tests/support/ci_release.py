"""Runs the release stages of both pipelines, shell line by shell line, against an origin on this machine.

The Remembrancer, docker and the scanners are stand-ins that note what they are asked for; git, gpg, make and the shell
are real.
"""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ci_render import GITHUB, GITLAB, call, environment, load, program
from collection import VERSION, commit_all, git

RELEASE = ("sign", "timestamp", "record")
POLICY = 'version = 1\nprofile = "production"\nseal-branch = "main"\n'

REMEMBRANCER = r"""#!/usr/bin/env python3
import hashlib, json, os, subprocess, sys
from pathlib import Path

words = sys.argv[1:]
note = {name: os.environ.get(name, "") for name in ("GNUPGHOME", "REMEMBRANCER_TRUST", "REMEMBRANCER_GPG_KEY")}
note["log key"] = bool(os.environ.get("REMEMBRANCER_LOG_KEY"))
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps({"words": words} | note) + "\n")
receipts = Path("ops/receipts")

def receipt(folder, data):
    text = json.dumps(data, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()
    path = receipts / folder / name[:2] / f"{name}.receipt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()

def option(name):
    return words[words.index(name) + 1] if name in words else ""

checkpoint = receipts / "ledger" / "checkpoint"
sealed = checkpoint.read_text().split() if checkpoint.exists() else []
everything = sorted(str(path) for path in receipts.glob("**/*.receipt"))
if words == ["--version"]:
    print("remembrancer VERSION")
elif words[0] == "sign":
    subprocess.run(["gpg", "--batch", "--yes", "--armor", "--detach-sign", words[-1]], check=True)
    receipt("sign", {"subject": digest(words[-1]), "signature": digest(words[-1] + ".asc")})
elif words[0] == "timestamp":
    if os.environ.get("AUTHORITY_DOWN"):
        sys.exit("remembrancer: the authority does not answer [time.unreachable]")
    receipt("timestamp", {"subject": digest(words[-1])})
elif words[:2] == ["record", "deploy"]:
    subprocess.run(["gpg", "--batch", "--list-secret-keys", "--with-colons"], check=True, stdout=subprocess.DEVNULL)
    path = receipts / "deploy" / f"{option('--component')}-{option('--version')}.receipt"
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"image": option("--image-digest"), "sbom": option("--sbom")}
    path.write_text(json.dumps({"sha256": digest(option("--evidence"))} | named))
elif words[0] == "seal":
    if os.environ.get("RACE") and not Path(os.environ["RACE"] + ".done").exists():
        Path(os.environ["RACE"] + ".done").touch()
        subprocess.run(["sh", os.environ["RACE"]], check=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text("\n".join(sealed + [one for one in everything if one not in sealed]) + "\n")
elif words[0] == "verify-full":
    if set(everything) != set(sealed):
        sys.exit("FAILED: not included [log.not-included]")
    print("VERIFIED")
else:
    sys.exit(f"unknown command {words}")
""".replace("VERSION", VERSION)

DOCKER = """#!/bin/sh
echo "docker $*" >>"$NOTES.docker"
case $1 in
  info) exit 0 ;;
  login) cat >"$NOTES.password" ;;
  push) echo "0.1.0: digest: sha256:%s size: 1234" ;;
esac
""" % ("d" * 64)


class Builds:
    """What build stages handed on: the same commit under the same variables gives the same files, made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[tuple[str, ...], tuple[subprocess.CompletedProcess[str], Path]] = {}

    def keep(self, key: tuple[str, ...], done: subprocess.CompletedProcess[str], dist: Path) -> None:
        """Remember a build and a copy of what it made."""
        copy = self.folder / str(len(self.known))
        if dist.exists():
            shutil.copytree(dist, copy)
        self.known[key] = done, copy


@dataclass
class Pipeline:
    """One provider's release stages over clones of one origin; `dist` travels between them as artifacts do."""

    provider: str
    tmp: Path
    origin: Path
    secrets: dict[str, str]
    builds: Builds
    extra: dict[str, str] = field(default_factory=dict)
    output: str = ""
    token: str = "t0ken-of-the-run"

    def __post_init__(self) -> None:
        program(self.tmp / "path", "remembrancer", REMEMBRANCER)
        program(self.tmp / "path", "docker", DOCKER)
        self.dist = self.tmp / "artifacts"
        self.commit = git(self.origin, "rev-parse", "main")

    def env(self, **variables: str) -> dict[str, str]:
        """Return the environment of a job."""
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

    def checkout(self, stage: str) -> Path:
        """Return a fresh clone at the pipeline's commit with the artifacts of the stage before."""
        clone = self.tmp / f"{self.provider}-{stage}"
        shutil.rmtree(clone, ignore_errors=True)
        git(self.tmp, "clone", "--quiet", self.origin.as_uri(), clone.name)
        git(clone, "checkout", "--quiet", "--detach", self.commit)
        if self.dist.exists():
            shutil.copytree(self.dist, clone / "dist")
        return clone

    def build(self) -> subprocess.CompletedProcess[str]:
        """Make what the build stage hands on; return the command that failed, or the last one."""
        key = (self.provider, self.commit, *(f"{name}={value}" for name, value in sorted(self.extra.items())))
        if key in self.builds.known:
            done, made = self.builds.known[key]
            shutil.rmtree(self.dist, ignore_errors=True)
            if made.exists():
                shutil.copytree(made, self.dist)
        else:
            done = self._build()
            self.builds.keep(key, done, self.dist)
        self.output += done.stdout + done.stderr
        return done

    def _build(self) -> subprocess.CompletedProcess[str]:
        clone = self.checkout("build")
        make = "make -f ops/release.mk artifact sbom && ops/bin/image facts"
        if self.provider == "gitlab":
            make += " && ops/bin/release-gate --output dist/gate.env"
        known = {"RELEASE_BRANCH": "main", "RELEASE_PROTECTED": "true"}
        done = call(make, clone, self.env(**known))
        (clone / "dist/image.tar").write_text("an image")
        self.keep(clone)
        return done

    def keep(self, clone: Path) -> None:
        """Hand dist/ on to the next stage."""
        if (clone / "dist").exists():
            shutil.rmtree(self.dist, ignore_errors=True)
            shutil.copytree(clone / "dist", self.dist)

    def run(self, stage: str) -> subprocess.CompletedProcess[str]:
        """Run a stage as its provider would; return the first step that failed, or the last one."""
        clone = self.checkout(stage)
        done = self.github(stage, clone) if self.provider == "github" else self.gitlab(stage, clone)
        for secret in [*self.secrets.values(), self.token]:
            assert not secret or secret not in self.output, "a secret stands in the log"
            assert not secret or secret not in (clone / ".git/config").read_text()
        self.keep(clone)
        return done

    def all(self) -> subprocess.CompletedProcess[str]:
        """Run the release stages until one fails."""
        done = self.build()
        for stage in RELEASE if done.returncode == 0 else ():
            done = self.run(stage)
            if done.returncode:
                return done
        return done

    def github(self, stage: str, clone: Path) -> subprocess.CompletedProcess[str]:
        """Run the steps with `run:`, whose conditions hold, with GitHub's expressions replaced."""
        job = load(clone / GITHUB)["jobs"][stage]
        output = self.tmp / "github_output"
        output.write_text("")
        for step in job["steps"]:
            if "run" not in step or (step.get("if") and "release=true\n" not in output.read_text()):
                continue
            named = job.get("env", {}) | step.get("env", {})
            values = {name: self.expression(str(value)) for name, value in named.items()}
            env = self.env(**{"GITHUB_OUTPUT": str(output)} | values)
            done = call(step["run"], clone, env)
            self.output += done.stdout + done.stderr
            if done.returncode:
                return done
        return done

    def expression(self, text: str) -> str:
        """Return what GitHub would put in place of an expression."""
        known = {
            "github.event.repository.default_branch": "main",
            "github.event.repository.fork": "false",
            "github.ref_protected": "true",
            "github.actor": "somebody",
            "github.token": self.token,
            "vars.REMEMBRANCER_TRUST": "F" * 40,
        }

        def value(match: re.Match[str]) -> str:
            secrets = {f"secrets.{name}": secret for name, secret in self.secrets.items()}
            found = (
                secrets.get(one, "") if one.startswith("secrets.") else known[one] for one in match[1].split(" || ")
            )
            return next((one for one in found if one), "")

        return re.sub(r"\$\{\{ (\S+(?: \|\| \S+)*) \}\}", value, text)

    def gitlab(self, stage: str, clone: Path) -> subprocess.CompletedProcess[str]:
        """Run the jobs of a stage one after the other, on one clone; return the one that failed, or the last."""
        config = load(clone / GITLAB)
        for name in [name for name, job in config.items() if isinstance(job, dict) and job.get("stage") == stage]:
            done = self.gitlab_job(config, config[name], clone)
            if done.returncode:
                return done
        return done

    def gitlab_job(self, config: dict[str, Any], job: dict[str, Any], clone: Path) -> subprocess.CompletedProcess[str]:
        """Run a job's script in one shell, with GitLab's variables; the secrets are those of its environment."""
        predefined = {
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_REF_PROTECTED": "true",
            "CI_PROJECT_DIR": str(clone),
            "CI_PROJECT_URL": self.origin.as_uri().removesuffix(".git"),
            "REMEMBRANCER_TRUST": "F" * 40,
        }
        declared = config["variables"] | job.get("variables", {})
        values = {
            name: re.sub(r"\$(\w+)", lambda found: predefined[found[1]], str(value)) for name, value in declared.items()
        }
        secrets = self.secrets if job.get("environment", {}).get("name") == "release" else {}
        lines = "\n".join([*config["default"]["before_script"], *job["script"]])
        done = call(lines, clone, self.env(**{**predefined, **values, **secrets}))
        self.output += done.stdout + done.stderr
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
    commit_all(work, "[my-svc] chore: trust")
    git(tmp, "clone", "--quiet", "--bare", str(work), "origin.git")
    # As GitLab does, which is asked not to begin a pipeline for the receipts.
    git(tmp / "origin.git", "config", "receive.advertisePushOptions", "true")
    return tmp / "origin.git"
