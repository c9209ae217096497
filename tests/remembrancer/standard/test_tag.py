"""The signed tag of a template: whose signature counts, and what it cannot be used for."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli_support import Scratch, end_agents, new_key, new_scratch
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.standard.tag import Keys, check
from remembrancer.trust.policy import Ended, Term

# an hour ahead, so that tests which run long after this module was read still lie before it
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


@pytest.fixture(scope="module")
def signer() -> Iterator[Scratch]:
    scratch = new_scratch()
    new_key(scratch, "Platform <platform@example.invalid>")
    new_key(scratch, "Somebody <somebody@example.invalid>")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def export(scratch: Scratch, name: str) -> bytes:
    command = ["gpg", "--batch", "--armor", "--export", name]
    return subprocess.run(command, env=scratch.environment(), check=True, capture_output=True).stdout


def tag(scratch: Scratch, name: str, *options: str, by: str = "Platform", about: str = "HEAD") -> bytes:
    """Make a tag with git and gpg, as a platform engineer does, and return the object."""
    scratch.git("-c", f"user.signingkey={by}", "tag", "--force", *options, "-m", "release", name, about)
    command = ["git", "-C", str(scratch.root), "cat-file", "tag", f"refs/tags/{name}"]
    return subprocess.run(command, env=scratch.environment(), check=True, capture_output=True).stdout


def template(scratch: Scratch, version: str) -> dict[str, str]:
    return {"commit": scratch.git("rev-parse", "HEAD"), "version": version}


def test_who_signed_and_when(signer: Scratch) -> None:
    data = tag(signer, "v1", "--sign")
    keys = Keys((export(signer, "Somebody"), export(signer, "Platform")), {})
    vouched = check(data, template(signer, "v1"), keys, None, NOW)
    assert len(vouched.who) == 40
    assert vouched.when.startswith(str(NOW.year))


def refused(data: bytes, said: dict[str, str], keys: Keys, now: datetime = NOW) -> str:
    with pytest.raises((Rejected, Unverifiable)) as caught:
        check(data, said, keys, None, now)
    assert isinstance(caught.value, RemembrancerError)
    return caught.value.code


def test_a_tag_counts_for_its_own_commit_name_and_signer_only(signer: Scratch) -> None:
    data = tag(signer, "v1", "--sign")
    platform = Keys((export(signer, "Platform"),), {})
    said = template(signer, "v1")
    assert refused(data, {**said, "version": "v2"}, platform) == "sig.tag"
    assert refused(data, {**said, "commit": "0" * 40}, platform) == "sig.tag"
    assert refused(data, said, Keys((export(signer, "Somebody"),), {})) == "sig.untrusted-key"
    assert refused(data.replace(b"release", b"RELEASE"), said, platform) == "sig.bad"
    assert refused(data.replace(b"\ntag v1", b"\ntag v2"), {**said, "version": "v2"}, platform) == "sig.bad"
    assert refused(tag(signer, "v3", "--annotate"), template(signer, "v3"), platform) == "sig.tag"
    assert refused(b"", said, platform) == "sig.tag"
    assert refused(data[data.rfind(b"-----BEGIN") :], said, platform) == "sig.tag"


def test_a_tag_of_a_tag_is_not_of_a_commit(signer: Scratch) -> None:
    tag(signer, "inner", "--sign")
    outer = tag(signer, "v4", "--sign", about="refs/tags/inner")
    assert refused(outer, template(signer, "v4"), Keys((export(signer, "Platform"),), {})) == "sig.tag"


def test_an_ended_key_does_not_count_without_proof_of_time(signer: Scratch) -> None:
    data = tag(signer, "v1", "--sign")
    who = check(data, template(signer, "v1"), Keys((export(signer, "Platform"),), {}), None, NOW).who
    for term, code in (
        (Term(ended=Ended.COMPROMISED), "sig.key-compromised"),
        (Term(ended=Ended.RETIRED, until=NOW + timedelta(hours=1)), "sig.time-unproven"),
        (Term(start=NOW + timedelta(days=1)), "sig.outside-term"),
    ):
        assert refused(data, template(signer, "v1"), Keys((export(signer, "Platform"),), {who: term})) == code
    ended = Keys((export(signer, "Platform"),), {who: Term(ended=Ended.RETIRED, until=NOW + timedelta(hours=1))})
    assert check(data, template(signer, "v1"), ended, NOW, NOW + timedelta(days=1)).who == who


def test_an_ssh_signature_is_not_judged(signer: Scratch) -> None:
    data = tag(signer, "v1", "--sign")
    ssh = data[: data.rfind(b"-----BEGIN")] + b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
    assert refused(ssh, template(signer, "v1"), Keys((export(signer, "Platform"),), {})) == "sig.tag-ssh"
