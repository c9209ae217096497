"""What a verdict says: about which file, component, version and origin it is."""

import pytest

from cli_support import ARTIFACT, Scratch, receipts


@pytest.mark.parametrize("kind", ["deploy", "sign", "timestamp"])
def test_the_audit_names_the_edited_file_to_people_too(scratch: Scratch, kind: str) -> None:
    edited = receipts(scratch, kind)[0]
    edited.write_bytes(edited.read_bytes().replace(b'"recordedAt": "2', b'"recordedAt": "1'))
    done = scratch.run("verify-audit")
    assert done.status == 1
    assert edited.relative_to(scratch.root).as_posix() in done.out


def test_each_negative_finding_shows_its_subject(scratch: Scratch) -> None:
    (scratch.root / ARTIFACT).write_bytes(b"other bytes")
    found = [one for one in scratch.json("verify-full", ARTIFACT).report["findings"] if one["outcome"] != "verified"]
    text = scratch.run("verify-full", ARTIFACT).out
    assert found
    for one in found:
        line = next(line for line in text.splitlines() if line.startswith(one["check"]) and one["code"] in line)
        assert one["subject"] in line
