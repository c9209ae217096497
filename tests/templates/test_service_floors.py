"""The floors that a service declares: its own tests pass with the oldest release of everything that it names."""

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import service_locks
from collection import render

SECONDS = 900


def at_the_floor(wanted: str) -> str:
    """The requirement with its floor pinned, extras kept."""
    requirement = Requirement(wanted)
    (floor,) = [one.version for one in requirement.specifier if one.operator == ">="]
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}=={floor}"


def test_a_floor_is_read_with_its_extras() -> None:
    assert at_the_floor("uvicorn[standard]>=0.24.0") == "uvicorn[standard]==0.24.0"


@pytest.mark.matrix
@pytest.mark.parametrize(
    "parts",
    [{}, {"auth": service_locks.PARTS["auth"]}, service_locks.PARTS | {"auth": "none"}, service_locks.PARTS],
    ids=["none", "auth", "all but auth", "all"],
)
def test_the_tests_of_a_service_pass_on_its_floors(collection: Path, tmp_path: Path, parts: dict[str, str]) -> None:
    """What nobody names is the newest that fits, as pip resolves it.

    Schemathesis judges from outside, and what it calls accurate changes with its release: only the locked one asks. The
    provider that the tests of identity talk to wants a newer uvicorn and httpx, hence the higher floors with identity;
    uvicorn 0.28.1 to 0.32.0 promise an error to whoever writes to a client that has left, and raise none, so that an
    endless answer never ends with the starlette of the other parts.
    """
    service = render(collection, tmp_path / "my-svc", component="my-svc", **parts)
    project = tomllib.loads((service / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    floors = [at_the_floor(one) for one in wanted if not one.startswith("schemathesis")]
    venv.create(tmp_path / "venv", with_pip=True, symlinks=sys.platform != "win32")
    python = str(tmp_path / "venv/bin/python")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *floors],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert installed.returncode == 0, installed.stderr
    done = subprocess.run(
        [python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--ignore=tests/test_contract.py"],
        cwd=service,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


PROXY = """
import asyncio
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

async def app(scope, receive, send):
    print(scope["scheme"])

scope = {"type": "http", "scheme": "http", "client": ("10.1.2.3", 1), "headers": [(b"x-forwarded-proto", b"https")]}
asyncio.run(ProxyHeadersMiddleware(app, "10.0.0.0/8")(scope, None, None))
"""


@pytest.mark.matrix
def test_a_range_of_proxies_needs_the_uvicorn_that_the_readme_names(service: Path, tmp_path: Path) -> None:
    """The house standard's floor is older; there a range trusts nobody, so that no client is believed by mistake."""
    readme = (service / "README.md").read_text(encoding="utf-8")
    (since,) = re.findall(r"range of addresses in `TRUSTED_PROXIES` needs uvicorn ([0-9.]+),", readme)
    schemes = {}
    for wanted in (f"=={since}.0", f"<{since}"):
        folder = tmp_path / wanted[0]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--target", str(folder), f"uvicorn{wanted}"], check=True, timeout=SECONDS)
        command = [sys.executable, "-c", PROXY]
        done = subprocess.run(command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        schemes[wanted[0]] = done.stdout.strip()
    assert schemes == {"=": "https", "<": "http"}
