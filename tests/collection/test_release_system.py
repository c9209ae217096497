"""The collection's own life, from its first day: docs/RELEASE.md is run as it is written, with throw-away keys."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import end_agents, new_key
from collection import ROOT, VERSION, git
from own_release import Maintainer, maintainer, sections
from remembrancer.tlog import SignerKey, VerifierKey
from witnesses_serving import witness

pytestmark = pytest.mark.system
GUIDE = sections("RELEASE.md")
FIRST, SECOND = "4.2.0", "4.3.0"
KEY = {"REMEMBRANCER_LOG_KEY_FILE": "../vaultmesh-log.key"}


@pytest.fixture(scope="module")
def made(collection: Path) -> Iterator[Maintainer]:
    one = maintainer(collection)
    yield one
    end_agents(one.scratch)
    one.scratch.remove()


def unreleased(made: Maintainer, text: str) -> None:
    """Write what the next version changes, as its maintainers do."""
    path = made.scratch.root / "CHANGELOG.md"
    path.write_text(path.read_text().replace("## Unreleased\n", f"## Unreleased\n\n{text}\n", 1))
    made.do("git add -A; git commit -q -m '[docs] docs: what changes'")


@pytest.fixture(scope="module")
def begun(made: Maintainer) -> Maintainer:
    """The ledger begins: every decision is on the record, and the hooks are installed."""
    before = made.state()
    refused = made.try_block("make release VERSION=4.2.0", **KEY)
    assert (refused.returncode, "not begun" in refused.stderr) == (2, True), refused.stderr
    assert made.state() == before
    block = GUIDE["Once: the ledger begins"]
    dry, _, rest = block.partition("make begin ANSWERS=../vaultmesh.toml ARGS=--dry-run\n")
    made.do(dry)
    assert "nothing was changed" in made.do("make begin ANSWERS=../vaultmesh.toml ARGS=--dry-run")
    assert made.state() == before
    said = made.do(rest)
    assert "are installed in" in said
    return made


@pytest.fixture(scope="module")
def released(begun: Maintainer) -> Maintainer:
    begun.do(GUIDE["Each release"].partition("make release VERSION=4.2.0\n")[0] + "make release VERSION=4.2.0")
    return begun


def test_every_decision_is_recorded_and_no_key_is_inside(begun: Maintainer) -> None:
    clone = begun.scratch.root
    listed = json.loads(begun.do("ops/bin/remembrancer list adrs --format json"))
    assert {one["recorded"] for one in listed["data"]["items"]} == {"yes"}
    text = (begun.scratch.base / "vaultmesh-log.key").read_text().strip()
    assert subprocess.run(["git", "grep", "-q", text, "HEAD"], cwd=clone, check=False).returncode == 1
    health = begun.do("ops/bin/health-check")
    assert "broken" not in health
    assert "not begun" not in health


def test_a_failure_leaves_everything_as_it_was(begun: Maintainer) -> None:
    """Each step in its turn: a dirty tree, tests, the changelog, a key that is missing, or goes later."""
    clone, before = begun.scratch.root, begun.state()
    slow = "touch ../began"
    for variables, change, said in (
        ({}, "touch stray", "stray is not committed"),
        ({"TESTS": "false"}, "true", "'false' failed"),
        ({}, "git tag v4.2.0", "the tag v4.2.0 is there"),
        ({"GNUPGHOME": str(begun.scratch.base), "TESTS": slow}, "true", "sig.no-key"),
        ({"REMEMBRANCER_LOG_KEY_FILE": "../no.key", "TESTS": slow}, "true", "input.log-key"),
        ({"REMEMBRANCER_LOG_KEY_FILE": "", "TESTS": slow}, "true", "set REMEMBRANCER_LOG_KEY_FILE"),
        ({"REMEMBRANCER_TRUST": "A" * 40, "TESTS": slow}, "true", "trust.policy-signature"),
        ({"TESTS": "mv ../vaultmesh-log.key ../away.key"}, "true", "remembrancer sign --check failed"),
    ):
        done = begun.try_block(f"{change}; make release VERSION=4.2.0", **(KEY | variables))
        assert done.returncode, said
        assert said in done.stderr, done.stderr
        if (away := clone.parent / "away.key").exists():
            away.rename(clone.parent / "vaultmesh-log.key")
            assert not git(clone, "tag")
        git(clone, "clean", "-fdq", "--exclude", ".venv")
        subprocess.run(["git", "tag", "--delete", "v4.2.0"], cwd=clone, check=False, capture_output=True)
        assert begun.state() == before, said
    assert not (clone.parent / "began").exists(), "who has no key hears it before anything slow begins"
    for version, said in (("4.0.9", "is lower than"), ("four", "is not MAJOR.MINOR.PATCH")):
        done = begun.try_block(f"make release VERSION={version}", **KEY)
        assert said in done.stderr


def test_a_release_is_whole(released: Maintainer) -> None:
    clone = released.scratch.root
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "show", "v4.2.0:pyproject.toml").count(f'version = "{FIRST}"') == 1
    assert "\n## 4.2.0 - 20" in (clone / "CHANGELOG.md").read_text()
    assert "-----BEGIN PGP SIGNATURE-----" in git(clone, "cat-file", "tag", "v4.2.0")
    listed = re.findall(r"(?m)^([0-9a-f]{64})  (\S+)$", git(clone, "cat-file", "tag", "v4.2.0"))
    assert len(listed) == 1 + 2 * len(list(clone.glob("plugins/*/pyproject.toml")))
    for digest, name in listed:
        assert hashlib.sha256((clone / "dist" / name).read_bytes()).hexdigest() == digest
        assert (clone / "dist" / f"{name}.proof.json").is_file()
    source = (clone / f"dist/remembrancer-{FIRST}.tar.gz").read_bytes()
    assert source == (clone / f"dist/remembrancer-sdist-{FIRST}.tar.gz").read_bytes()
    assert "are on the record" in released.do("make release VERSION=4.2.0", **KEY)
    assert git(clone, "rev-list", "--count", "origin/main..HEAD") == "2"


def test_a_stranger_verifies_the_release_and_the_wheel_that_does_it(released: Maintainer) -> None:
    """docs/verify-this.md in an empty home, before anything later is released."""
    released.do("git push -q --atomic origin main v4.2.0")
    folder = released.scratch.base / "stranger-1"
    folder.mkdir()
    text = (ROOT / "docs/verify-this.md").read_text("utf-8")
    (block,) = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    assert len(re.findall(r"(?m)^(?:git |python3 |~/auditor/|for )", block)) == 6, "six commands, as it says"
    variables = {"HOME": str(folder), "URL": str(released.origin), "DIST": str(released.scratch.root / "dist")}
    said = released.do(f"cd ../stranger-1\n{block}", **variables)
    assert said.count("VERIFIED") == 3
    assert not re.search("FAIL|OPEN", said)
    wrong = released.try_block(f"cd ../stranger-1\n{block.splitlines()[4]}", **variables, OWNER="A" * 40)
    assert wrong.returncode == 1


def test_other_keys_and_the_next_release(released: Maintainer) -> None:
    unreleased(released, "- Something else.")
    following = new_key(released.scratch, "Next <next@example.invalid>")
    released.do(f"gpg --batch --armor --export {following} > ../next-signer.asc; git push -q origin main")
    block = GUIDE["Other keys"]
    released.do(block, **KEY)
    assert git(released.scratch.root, "ls-remote", "origin", "refs/tags/v4.3.0")
    stranger = {"HOME": str(released.scratch.base / "stranger"), "REMEMBRANCER_TRUST": released.owner}
    (released.scratch.base / "stranger").mkdir()
    git(released.scratch.base, "clone", "--quiet", str(released.origin), "theirs")
    audit = f"cd ../theirs; ln -s {released.scratch.root}/.venv .venv; ops/bin/remembrancer verify-audit"
    assert "VERIFIED" in released.do(f"{audit} --require production", **stranger)
    for version in (FIRST, SECOND):
        name = f"dist/vaultmesh-{version}.tar.gz"
        assert "VERIFIED" in released.do(f"ops/bin/remembrancer verify-full {name}", **stranger)


def test_a_service_follows_from_tag_to_tag(released: Maintainer) -> None:
    """The service of 4.2.0 becomes one of 4.3.0, by plain Copier."""
    assert VERSION != FIRST
    base = released.scratch.base
    released.do(
        "copier copy --trust --quiet --defaults --vcs-ref v4.2.0 --data component=my-svc ../origin.git ../my-svc\n"
        "cd ../my-svc; git init -q -b main; git add -A; git commit -q -m '[my-svc] feat: generate'\n"
        "remembrancer init --dev; git add -A; git commit -q -m '[my-svc] chore: begin'\n"
        "copier update --trust --quiet --defaults\n"
        "git add -A; git commit -q -m '[my-svc] chore: 4.3.0'\n"
        "remembrancer seal; remembrancer verify-audit; remembrancer drift",
    )
    assert json.loads((base / "my-svc/ops/remembrancer.json").read_text())["version"] == SECOND
    assert "_commit: v4.3.0" in (base / "my-svc/.copier-answers.yml").read_text()


def test_under_a_quorum_a_release_is_witnessed_after_its_push(released: Maintainer) -> None:
    """Push, then witness, then push the cosignatures; the portable proofs hold them, and are written then."""
    clone = released.scratch.root
    log_key = VerifierKey.parse(
        re.findall(r'(?m)^key = "(.+\+.+)"$', (clone / "ops/trust/policy.toml").read_text())[-1]
    )
    key = SignerKey.from_seed("w1.example", bytes(32), 0x06)
    unreleased(released, "- One more thing.")
    rotated = (released.scratch.base / "next-log.key").exists()
    keys = {"REMEMBRANCER_LOG_KEY_FILE": "../next-log.key"} if rotated else KEY
    with witness(released.scratch.base / "w1", [key], log_key.name, [log_key]) as server:
        add = f"ops/bin/remembrancer trust add --witness w1 --key {key.verifier()} --url {server.url}"
        released.do(
            f"{add}; ops/bin/remembrancer trust quorum 1; git add ops; git commit -q -m '[repo] chore: a witness'\n"
            "git push -q origin main",
            **keys,
        )
        said = released.do("make release VERSION=4.4.0", **keys)
        assert "make release VERSION=4.4.0 asks them then" in said
        early = released.try_block("make release VERSION=4.4.0", **keys)
        assert (early.returncode, "git push --atomic origin main v4.4.0\n" in early.stderr) == (2, True), early.stderr
        assert server.answers == {}, "nobody is asked about what may be thrown away"
        assert not (clone / "dist/vaultmesh-4.4.0.tar.gz.proof.json").exists()
        released.do("git push -q --atomic origin main v4.4.0")
        assert "are on the record" in released.do("make release VERSION=4.4.0", **keys)
        assert server.answers == {("/add-checkpoint", 200): 1}
        released.do("git commit -q -a -m '[repo] chore: keep cosignatures'; git push -q origin main")
    released.do("ops/bin/remembrancer verify-audit --require production")
    released.do("ops/bin/remembrancer verify-proof dist/vaultmesh-4.4.0.tar.gz.proof.json")
