"""TOML with limits: dots count outside of texts only, and no text can hide a key."""

import tomllib

import pytest

from remembrancer.trust.toml import MAX_BYTES, loads

DOTS = "a" + ".a" * 17
HARMLESS = [
    f'x = "{DOTS}"\n',
    f"x = '{DOTS}'\n",
    f'x = """\n{DOTS}\n"""\n',
    f"x = '''\n{DOTS}\n'''\n",
    f'x = "\\"{DOTS}"\n',
    f"# {DOTS}\nx = 1\n",
    f'x = """{DOTS}"""""\n',
    "a" + ".a" * 16 + " = 1\n",
]
HIDDEN = [
    f"{DOTS} = 1\n",
    f"[{DOTS}]\n",
    f"x = {{ {DOTS} = 1 }}\n",
    f'x = {{ y = """\n""", {DOTS} = "x" }}\n',
    f"x = {{ y = '''\n''', {DOTS} = \"x\" }}\n",
    f'x = "\\\\"\n{DOTS} = 1 # "\n',
    '"a"' + ".'a'" * 17 + " = 1\n",
    f"x = 'it''s'\n{DOTS} = 1\n",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_texts_and_comments_may_have_any_dots(text: str) -> None:
    assert loads(text.encode()) == tomllib.loads(text)


@pytest.mark.parametrize("text", HIDDEN)
def test_a_long_dotted_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="dots outside of texts"):
        loads(text.encode())


def test_the_line_is_named_as_the_file_has_it() -> None:
    with pytest.raises(ValueError, match="line 4 has"):
        loads(f'x = """\n\n"""\n{DOTS} = 1\n'.encode())


@pytest.mark.parametrize("data", [b"#" * (MAX_BYTES + 1), b"x = " + b"[" * 5000, b"\xff", b"x"])
def test_what_is_too_large_too_deep_or_no_toml(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(data)


def test_the_largest_file_is_read() -> None:
    assert loads(b"#" * MAX_BYTES) == {}
