"""Builds a service's image with buildah and runs it with runc: no daemon, no registry, no user namespace.

Sandboxes forbid most of what containers usually lean on, so: `--isolation chroot` (no namespaces to build in), the
host's network, and runc for the run, which takes the mounted image as it is and needs no network of its own.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci_render import environment

SUITE = "bookworm"
PACKAGES = "python3.11,python3.11-venv,python3-pip,ca-certificates"
BASE = "docker.io/library/python:3.11-slim"
# Part of the cache folder's name: a change in how the base is made makes a new one.
RECIPE = "1"
STORE = """[storage]
driver = "{driver}"
graphroot = "{root}/graph"
runroot = "{root}/run"
[storage.options]
additionalimagestores = [{shared}]
"""
SEARCH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command: str | Path, **variables: str) -> str:
    """Run a program and return what it printed; its own words are the failure's text."""
    words = [str(word) for word in command]
    env = os.environ | variables
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(words)[:300]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass
class Store:
    """A container store of its own below a folder, with no, or one, other store to read images from."""

    root: Path
    shared: Path | None = None
    driver: str = ""

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.driver = self.driver or usable_driver(self.root)
        shared = f'"{self.shared}/graph"' if self.shared else ""
        self.conf.write_text(STORE.format(driver=self.driver, root=self.root, shared=shared), encoding="utf-8")

    @property
    def conf(self) -> Path:
        """The file that CONTAINERS_STORAGE_CONF names."""
        return self.root / "storage.conf"

    @property
    def variables(self) -> dict[str, str]:
        """What buildah needs in its environment; isolation and network are those that a sandbox allows."""
        return {"CONTAINERS_STORAGE_CONF": str(self.conf), "BUILDAH_ISOLATION": "chroot"}

    def buildah(self, *words: str | Path) -> str:
        """Run buildah on this store and return what it printed."""
        return run("buildah", *words, **self.variables).strip()

    def remove(self) -> None:
        """Remove every container, let go of the driver's mounts, and delete the folder."""
        with contextlib.suppress(AssertionError):
            self.buildah("rm", "--all")
        let_go(self.root)
        shutil.rmtree(self.root)


def let_go(folder: Path) -> None:
    """Unmount whatever is mounted below a folder, the innermost first."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for point in reversed([line.split()[1] for line in lines]):
        if Path(point).is_relative_to(folder):
            run("umount", "--lazy", point)


def usable_driver(folder: Path) -> str:
    """Return overlay where the kernel can mount one on this folder's file system, else vfs, which copies."""
    trial = folder / "trial"
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True)
    options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(trial / "merged")]
    works = subprocess.run(command, capture_output=True, check=False).returncode == 0
    let_go(trial)
    shutil.rmtree(trial)
    return "overlay" if works else "vfs"


def mirror() -> str:
    """Return the Debian mirror that this machine's apt uses."""
    listing = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    for line in listing.splitlines():
        uri, *rest = line.split()
        if rest == [SUITE, "main"]:
            return uri
    raise AssertionError(f"apt has no source for {SUITE} main, so the base image cannot be made")


def base_store() -> Store:
    """Return the store that holds the base image, made on first use and kept in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vaultmesh-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        driver = usable_driver(cache)
        folder = cache / f"base-{SUITE}-{RECIPE}-{driver}"
        store = Store(folder, driver=driver)
        if not (folder / "complete").is_file():
            store.remove()
            store = Store(folder, driver=driver)
            make_base(store, folder / "root")
            (folder / "complete").touch()
        let_go(folder)
    return store


def make_base(store: Store, root: Path) -> None:
    """Make an image like python:3.11-slim from Debian's packages, because no registry can be reached."""
    root.mkdir()
    # In memory, because dpkg waits for the disk after every file.
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root, mirror())
    for name, target in {"python": "python3.11", "python3": "python3.11", "pip": "pip3"}.items():
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{target}")
    for name in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / name)
        (root / name).mkdir()
    made = store.buildah("from", "scratch")
    store.buildah("copy", "--quiet", made, f"{root}/.", "/")
    store.buildah("config", "--env", f"PATH={SEARCH}", "--cmd", "python3", made)
    store.buildah("commit", "--quiet", "--format", "docker", "--rm", made, BASE)
    let_go(root)
    root.rmdir()


def index_flags(folder: Path) -> list[str]:
    """Return the flags that let pip in the build reach the package index as pip on this machine does.

    Its settings and authorities go in as secrets, so that no layer and no history holds them.
    """
    kept = {}
    for line in run("python3", "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        option, plain = name.rsplit(".", 1)[-1], value.strip("'\"")
        if option in {"index-url", "trusted-host", "timeout"}:
            kept[option] = plain
    named = (os.environ.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE"))
    authority = next(filter(None, named), "/etc/ssl/certs/ca-certificates.crt")
    settings = folder / "pip.conf"
    settings.touch(mode=0o600)
    text = "".join(f"{option} = {value}\n" for option, value in kept.items())
    settings.write_text(f"[global]\ncert = /run/secrets/ca\n{text}", encoding="utf-8")
    return ["--secret", f"id=pip,src={settings}", "--secret", f"id=ca,src={authority}", "--pull=never"]


def image_of(repo: Path, store: Store, flags: list[str], umask: int = 0o022) -> tuple[str, str]:
    """Run the service's own `make build`; return the image's digest and the archive's."""
    (repo / "app/.env").write_text("PASSWORD=hunter2\n", encoding="utf-8")
    env = environment(repo.parent) | store.variables | {"IMAGE_TOOL": "buildah", "IMAGE_BUILD_FLAGS": " ".join(flags)}
    done = subprocess.run(
        ["make", "build"], cwd=repo, env=env, umask=umask, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    provenance = json.loads((repo / "dist/provenance.json").read_text(encoding="utf-8"))
    with (repo / "dist/image.tar").open("rb") as archive:
        return provenance["containerimage.config.digest"], hashlib.file_digest(archive, "sha256").hexdigest()


def opened(store: Store, image: str) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """Return where an image is mounted until the store is removed, its configuration and its history."""
    described = json.loads(store.buildah("inspect", "--type", "image", image))["Docker"]
    root = Path(store.buildah("mount", store.buildah("from", "--pull=never", image)))
    return root, described["config"], described["history"]


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Ask a service on this machine once; status 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(happens: Callable[[], object], container: "Container") -> None:
    """Wait until something happens, at most 30 s."""
    deadline = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < deadline, container.lines[-5:]
        time.sleep(0.05)


@dataclass
class Container:
    """A container that runc runs on a bundle."""

    name: str
    state: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def runc(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of runc about this container."""
        command, *rest = words
        line = ["runc", "--root", str(self.state), command, self.name, *rest]
        return subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def status(self) -> dict[str, str]:
        """Return what the kernel says about the container's first process."""
        pid = json.loads(self.runc("state").stdout)["pid"]
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def bundle(folder: Path, root: Path, config: dict[str, Any], *shared: Path, **variables: str) -> Path:
    """Write a runc bundle that runs an image's own command under the rules that Kubernetes sets for the service.

    The folders `shared` are there at their own paths, as a socket's folder has to be.
    """
    folder.mkdir()
    (folder / "hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    user, group = map(int, config["User"].split(":"))
    calm = ["nosuid", "noexec", "nodev"]
    mounts = [
        ("/proc", "proc", "proc", calm),
        ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        ("/tmp", "tmpfs", "tmpfs", [*calm, "mode=1777", "size=16m"]),
        ("/etc/hosts", "bind", str(folder / "hosts"), ["bind", "ro"]),
        *((str(one), "bind", str(one), ["bind"]) for one in shared),
    ]
    rules = {
        "ociVersion": "1.0.2",
        "root": {"path": str(root), "readonly": True},
        "process": {
            "args": [*(config.get("Entrypoint") or []), *config["Cmd"]],
            "env": [*config["Env"], *(f"{name}={value}" for name, value in variables.items())],
            "cwd": config["WorkingDir"],
            "user": {"uid": user, "gid": group},
            "capabilities": {name: [] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            "noNewPrivileges": True,
        },
        "mounts": [dict(zip(("destination", "type", "source", "options"), one, strict=True)) for one in mounts],
        # No network namespace: the tests ask on the loopback address. No cgroup limits: sandboxes refuse them.
        "linux": {"namespaces": [{"type": name} for name in ("pid", "ipc", "uts", "mount")]},
    }
    (folder / "config.json").write_text(json.dumps(rules), encoding="utf-8")
    return folder


@contextlib.contextmanager
def running(place: Path, name: str) -> Iterator[Container]:
    """Run a bundle until the block ends; a container that is still there then is killed."""
    state = place / "state"
    command = ["runc", "--root", str(state), "run", "--bundle", str(place), name]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        container = Container(name, state, process)
        reader = threading.Thread(target=lambda: container.lines.extend(process.stdout or ()))
        reader.start()
        try:
            deadline = time.monotonic() + 30
            while '"running"' not in container.runc("state").stdout:
                assert process.poll() is None, f"runc ended with {process.returncode}: {container.lines[-5:]}"
                assert time.monotonic() < deadline, "runc did not start the container in 30 s"
                time.sleep(0.05)
            yield container
        finally:
            container.runc("delete", "--force")
            process.wait(timeout=30)
            reader.join(timeout=30)
