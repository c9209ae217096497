"""Signed notes, checkpoints and cosignatures: what opens, what must not, and that no flipped byte goes unseen."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remembrancer.tlog import merkle, note

ORIGIN = "vaultmesh.example/my-svc"
LOG = note.SignerKey.from_seed(ORIGIN, bytes(range(32)))
NEXT = note.SignerKey.from_seed(ORIGIN, bytes(range(1, 33)))
WITNESS = note.SignerKey.from_seed("witness.example/w1", bytes(range(2, 34)), note.COSIGNATURE)
STRANGER = note.SignerKey.from_seed("stranger.example", bytes(range(3, 35)))
TREE = note.Checkpoint(ORIGIN, 3, merkle.root([b"a", b"b", b"c"]))
SIGNED = note.sign_note(TREE.format(), [LOG])
COSIGNED = note.add_signature(SIGNED, note.cosign(TREE.format(), WITNESS, 1_700_000_000))


def test_a_checkpoint_opens_with_its_logs_key() -> None:
    opened = note.open_checkpoint(COSIGNED, ORIGIN, [LOG.verifier()], [WITNESS.verifier()])
    assert opened.checkpoint == TREE
    assert opened.text == TREE.format()
    assert [(line.name, line.key_id, line.time) for line in opened.signatures] == [(ORIGIN, LOG.key_id, None)]
    assert [(line.name, line.time) for line in opened.cosignatures] == [("witness.example/w1", 1_700_000_000)]


def test_the_bytes_of_a_note() -> None:
    signature = base64.b64encode(bytes.fromhex(LOG.key_id) + LOG.sign(TREE.format().encode())).decode()
    root = base64.b64encode(TREE.root).decode()
    assert SIGNED.decode() == f"{ORIGIN}\n3\n{root}\n\n— {ORIGIN} {signature}\n"


def test_a_signature_that_holds_is_no_reason_to_accept_another() -> None:
    """One that was checked is remembered, with everything that it was over."""
    text, signature, key = TREE.format(), LOG.sign(TREE.format().encode()), LOG.verifier()
    for _ in range(2):
        key.verify(text, signature)
    other = TREE._replace(size=4).format()
    for bad in ((key, other, signature), (key, text, NEXT.sign(text.encode())), (NEXT.verifier(), text, signature)):
        for _ in range(2):
            with pytest.raises(note.NoteError):
                bad[0].verify(*bad[1:])


def test_every_flipped_byte_of_a_checkpoint_is_noticed() -> None:
    for position in range(len(SIGNED)):
        for mask in (0x01, 0x02, 0x20, 0x80, 0xFF):
            changed = bytearray(SIGNED)
            changed[position] ^= mask
            with pytest.raises(note.NoteError):
                note.open_note(bytes(changed), [LOG.verifier()])


def test_every_flipped_byte_of_a_cosigned_checkpoint_is_noticed_or_loses_one_signature() -> None:
    keys = [LOG.verifier(), WITNESS.verifier()]
    assert len(note.open_note(COSIGNED, keys).signatures) == 2
    for position in range(len(COSIGNED)):
        changed = bytearray(COSIGNED)
        changed[position] ^= 0x01
        try:
            opened = note.open_note(bytes(changed), keys)
        except note.NoteError:
            continue
        # Another key name or id is an unknown key, which the specification has us ignore.
        assert opened.text == TREE.format()
        assert len(opened.signatures) == 1
        assert len(opened.unknown) == 1


@given(st.data())
def test_every_cut_and_every_insertion_is_noticed(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(SIGNED)))
    more = data.draw(st.binary(min_size=1, max_size=3))
    with pytest.raises(note.NoteError):
        note.open_note(SIGNED[:position] + more + SIGNED[position:], [LOG.verifier()])
    if position < len(SIGNED):
        with pytest.raises(note.NoteError):
            note.open_note(SIGNED[:position], [LOG.verifier()])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=32), max_size=80))
def test_any_text_comes_back(line: str) -> None:
    for text in (f"{line}\n", f"{line}\n\n{line}\n", f"\n{line}\n\n"):
        opened = note.open_note(note.sign_note(text, [LOG, NEXT]), [LOG.verifier(), NEXT.verifier()])
        assert opened.text == text
        assert [signature.key_id for signature in opened.signatures] == [LOG.key_id, NEXT.key_id]


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\r\n", "\x00\n", "\x1f\n", "\ud800\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(note.NoteError):
        note.sign_note(text, [LOG])


def test_signers_that_cannot_sign() -> None:
    for signers in ([], [LOG, LOG], [WITNESS]):
        with pytest.raises(note.NoteError):
            note.sign_note("text\n", signers)


def test_unknown_keys_are_ignored_even_with_a_known_name_or_a_known_id() -> None:
    same_name = note.Signature(ORIGIN, "00000000", b"x" * 64)
    same_id = note.Signature("other.example", LOG.key_id, b"x" * 64)
    data = note.add_signature(note.add_signature(SIGNED, same_name), same_id)
    opened = note.open_note(data, [LOG.verifier()])
    assert opened.unknown == (same_name, same_id)
    assert [line.key_id for line in opened.signatures] == [LOG.key_id]


def test_a_known_key_with_a_bad_signature_rejects_the_note() -> None:
    bad = note.Signature(NEXT.name, NEXT.key_id, bytes(64))
    data = note.add_signature(SIGNED, bad)
    assert note.open_note(data, [LOG.verifier()]).unknown == (bad,)
    with pytest.raises(note.NoteError, match="does not verify"):
        note.open_note(data, [LOG.verifier(), NEXT.verifier()])


def test_a_repeated_signature_counts_once_and_a_bad_repetition_rejects() -> None:
    line = note.open_note(SIGNED, [LOG.verifier()]).signatures[0]
    twice = note.add_signature(SIGNED, line)
    assert note.open_note(twice, [LOG.verifier()]).signatures == (line,)
    with pytest.raises(note.NoteError):
        note.open_note(note.add_signature(SIGNED, line._replace(signature=bytes(64))), [LOG.verifier()])
    again = note.cosign(TREE.format(), WITNESS, 1_800_000_000)
    opened = note.open_note(note.add_signature(COSIGNED, again), [WITNESS.verifier()])
    assert [line.time for line in opened.signatures] == [1_700_000_000]


def test_a_note_that_nobody_known_signed_is_rejected() -> None:
    for keys in ([], [STRANGER.verifier()], [NEXT.verifier()]):
        with pytest.raises(note.NoteError, match="no key that is known"):
            note.open_note(SIGNED, keys)


def test_two_keys_with_one_name_and_id_are_ambiguous() -> None:
    twin = LOG.verifier()._replace(public=STRANGER.verifier().public)
    with pytest.raises(note.NoteError, match="two verifier keys"):
        note.open_note(SIGNED, [LOG.verifier(), twin])
    with pytest.raises(note.NoteError, match="two verifier keys"):
        note.open_checkpoint(SIGNED, ORIGIN, [LOG.verifier(), twin])
    assert note.open_note(SIGNED, [LOG.verifier(), LOG.verifier()]).text == TREE.format()


def test_at_least_sixteen_signatures_of_five_kilobytes_are_accepted() -> None:
    data = SIGNED
    for number in range(16):
        data = note.add_signature(data, note.Signature(f"post-quantum.example/{number}", "0badc0de", bytes(5 * 1024)))
    opened = note.open_checkpoint(data, ORIGIN, [LOG.verifier()])
    assert opened.checkpoint == TREE
    assert len(note.open_note(data, [LOG.verifier()]).unknown) == 16


def test_a_note_with_endless_signatures_is_refused() -> None:
    line = note.Signature("a", "00000000", b"x").line.encode()
    note.open_note(SIGNED + line * 99, [LOG.verifier()])
    with pytest.raises(note.NoteError, match="at most 100 signatures"):
        note.open_note(SIGNED + line * 100, [LOG.verifier()])
    with pytest.raises(note.NoteError, match="at most 1000000 bytes"):
        note.open_note(b"x" * 1_000_001, [LOG.verifier()])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "— name\n",
        "— name \n",
        "— name AAAA\n",  # three bytes: not even a key id
        "— name AAAAAA==\n",  # a key id and no signature
        "— name AAAAAAA\n",
        "— name AAAAAAB=\n",  # bits behind the last byte
        "— name AAAA AAAA\n",
        "— name AAAAAAA= \n",
        "— na+me AAAAAAA=\n",
        "— na\u00a0me AAAAAAA=\n",
        "— na\u3000me AAAAAAA=\n",
        "—  AAAAAAA=\n",
        "- name AAAAAAA=\n",
        "—name AAAAAAA=\n",
        "— name AAAA-AA_\n",
        "— name AAAAAAA=",
    ],
)
def test_malformed_signature_lines(line: str) -> None:
    good = SIGNED.decode().partition("\n\n")[2]
    text = TREE.format()
    note.open_note(f"{text}\n{good}".encode(), [LOG.verifier()])
    for tail in (line, good + line, line + good):
        if tail == good:
            continue
        with pytest.raises(note.NoteError):
            note.open_note(f"{text}\n{tail}".encode(), [LOG.verifier()])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "origin\n3\n",
        "origin\n3\n\n",
        "\n3\nROOT\n",
        "origin\n03\nROOT\n",
        "origin\n+3\nROOT\n",
        "origin\n-3\nROOT\n",
        "origin\n 3\nROOT\n",
        "origin\n3 \nROOT\n",
        "origin\n\u0663\nROOT\n",
        "origin\n0x3\nROOT\n",
        "origin\n1_0\nROOT\n",
        "origin\n9223372036854775808\nROOT\n",
        "origin\n99999999999999999999999\nROOT\n",
        "origin\n0\nROOT\n",
        "origin\n3\nROOT",
        "origin\n3\nROOT\n\n",
        "origin\n3\nROOT\n\nextension\n",
        "origin\n3\nAAAA\n",
        "origin\n3\nROOT=\n",
        "origin\r\n3\nROOT\n",
        "origin\n3\n\n\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    root = base64.b64encode(TREE.root).decode()
    note.Checkpoint.parse(f"origin\n3\n{root}\n")
    with pytest.raises(note.NoteError):
        note.Checkpoint.parse(text.replace("ROOT", root))


def test_a_root_with_loose_bits_is_refused() -> None:
    root = base64.b64encode(bytes(32)).decode()
    assert root.endswith("A=")
    with pytest.raises(note.NoteError, match="canonical"):
        note.Checkpoint.parse(f"origin\n3\n{root[:-2]}B=\n")


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1, max_size=40),
    st.integers(1, (1 << 63) - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1), max_size=3),
)
def test_checkpoints_come_back(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = note.Checkpoint(origin, size, root, tuple(extensions))
    assert note.Checkpoint.parse(checkpoint.format()) == checkpoint


@pytest.mark.parametrize(
    "change",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"size": -1},
        {"size": 1 << 63},
        {"size": 0},
        {"root": b"short"},
        {"extensions": ("",)},
        {"extensions": ("a\nb",)},
    ],
    ids=str,
)
def test_checkpoints_that_cannot_be_written(change: dict[str, object]) -> None:
    with pytest.raises(note.NoteError):
        TREE._replace(**change).format()  # type: ignore[arg-type]


def test_an_empty_tree_has_the_empty_root() -> None:
    checkpoint = note.Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT)
    assert note.Checkpoint.parse(checkpoint.format()) == checkpoint


def test_a_checkpoint_needs_its_own_logs_signature() -> None:
    text = TREE.format()
    by_stranger = note.sign_note(text, [STRANGER])
    for data, origin, logs, witnesses in (
        (by_stranger, ORIGIN, [STRANGER.verifier()], []),  # a key with another name than the origin
        (by_stranger, "stranger.example", [STRANGER.verifier()], []),  # a checkpoint of another origin
        (COSIGNED, ORIGIN, [], [WITNESS.verifier()]),  # a witness does not make a checkpoint
        (COSIGNED, ORIGIN, [WITNESS.verifier()], []),
        (SIGNED, ORIGIN, [], [LOG.verifier()]),
        (note.sign_note("not a checkpoint\n", [LOG]), ORIGIN, [LOG.verifier()], []),
    ):
        with pytest.raises(note.NoteError):
            note.open_checkpoint(data, origin, logs, witnesses)


def test_a_bad_cosignature_of_a_known_witness_rejects_the_checkpoint() -> None:
    other = TREE._replace(size=4).format()
    data = note.add_signature(SIGNED, note.cosign(other, WITNESS, 1_700_000_000))
    note.open_checkpoint(data, ORIGIN, [LOG.verifier()])
    with pytest.raises(note.NoteError):
        note.open_checkpoint(data, ORIGIN, [LOG.verifier()], [WITNESS.verifier()])


def test_the_time_of_a_cosignature_is_signed() -> None:
    good = note.cosign(TREE.format(), WITNESS, 1_700_000_000)
    key = WITNESS.verifier()
    assert key.verify(TREE.format(), good.signature) == 1_700_000_000
    for time in (0, 1_700_000_001, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        with pytest.raises(note.NoteError):
            key.verify(TREE.format(), time.to_bytes(8, "big") + good.signature[8:])
    for cut in (b"", good.signature[:8], good.signature[:-1], good.signature[8:], good.signature + b"\x00"):
        with pytest.raises(note.NoteError):
            key.verify(TREE.format(), cut)


def test_times_and_texts_that_nobody_cosigns() -> None:
    for time in (-1, 1 << 63):
        with pytest.raises(note.NoteError):
            note.cosign(TREE.format(), WITNESS, time)
    assert note.cosign(TREE.format(), WITNESS, (1 << 63) - 1).time == (1 << 63) - 1
    with pytest.raises(note.NoteError):
        note.cosign(TREE.format(), LOG, 0)
    with pytest.raises(note.NoteError):
        note.cosign("not a checkpoint\n", WITNESS, 0)


def test_a_cosigners_key_vouches_for_checkpoints_only() -> None:
    text = "not a checkpoint\n"
    signature = (0).to_bytes(8, "big") + WITNESS.sign(b"cosignature/v1\ntime 0\n" + text.encode())
    with pytest.raises(note.NoteError):
        WITNESS.verifier().verify(text, signature)


def test_a_log_signature_is_no_cosignature_and_the_other_way_round() -> None:
    same_seed = note.SignerKey.from_seed(WITNESS.name, WITNESS.seed)
    assert same_seed.key_id != WITNESS.key_id
    message = b"cosignature/v1\ntime 5\n" + TREE.format().encode()
    as_note = same_seed.verifier()._replace(key_id=WITNESS.key_id)
    with pytest.raises(note.NoteError):
        as_note.verify(TREE.format(), (5).to_bytes(8, "big") + WITNESS.sign(message))
    with pytest.raises(note.NoteError):
        WITNESS.verifier().verify(TREE.format(), same_seed.sign(TREE.format().encode()))


def test_what_is_time_stamped_has_no_cosignatures() -> None:
    assert note.log_signed_bytes(SIGNED, LOG.verifier()) == SIGNED
    assert note.log_signed_bytes(COSIGNED, LOG.verifier()) == SIGNED
    assert note.log_signed_bytes(COSIGNED, LOG.verifier(), WITNESS.verifier()) == SIGNED
    both = note.sign_note(TREE.format(), [NEXT, LOG])
    assert note.log_signed_bytes(both, LOG.verifier(), NEXT.verifier()) == both
    assert note.log_signed_bytes(both, LOG.verifier()) == SIGNED
    with pytest.raises(note.NoteError):
        note.log_signed_bytes(COSIGNED, WITNESS.verifier())


def test_keys_come_back() -> None:
    for algorithm in (note.ED25519, note.COSIGNATURE):
        key = note.SignerKey.generate("a.example/b", algorithm)
        assert note.SignerKey.parse(key.encode()) == key
        assert note.VerifierKey.parse(str(key.verifier())) == key.verifier()
        assert note.VerifierKey.parse(str(key.verifier())).algorithm == algorithm
    assert note.SignerKey.generate("a.example/b") != note.SignerKey.generate("a.example/b")


def test_a_private_key_shows_in_no_repr_and_no_error() -> None:
    secret = LOG.encode().split("+", 4)[4]
    assert LOG.seed.hex() not in repr(LOG)
    assert repr(LOG.seed) not in repr(LOG)
    for broken in (LOG.encode()[:-1], LOG.encode()[:-2] + "==", LOG.encode().replace(LOG.key_id, "00000000")):
        with pytest.raises(note.NoteError) as caught:
            note.SignerKey.parse(broken)
        assert secret[:20] not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "a\u0085b", "a\x00b", "a\ud800b"])
def test_names_that_no_key_has(name: str) -> None:
    with pytest.raises(note.NoteError):
        note.SignerKey.generate(name)
    with pytest.raises(note.NoteError):
        note.VerifierKey.parse(str(LOG.verifier()._replace(name=name)))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: text.replace(LOG.key_id, LOG.key_id.upper() + " "),
        lambda text: text.replace(LOG.key_id, "12345678"),
        lambda text: text.replace(LOG.key_id, LOG.key_id[1:]),
        lambda text: text.replace(ORIGIN, "another.example"),
        lambda text: text.rpartition("+")[0],
        lambda _: "",
        lambda _: "++",
        lambda _: f"a+{LOG.key_id}+",
        lambda _: f"a+{LOG.key_id}+Ag==",
        lambda _: f"a+{LOG.key_id}+" + base64.b64encode(b"\x06" + bytes(1312)).decode(),
        lambda _: f"a+{LOG.key_id}+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
    ],
)
def test_keys_that_cannot_be_read(change: object) -> None:
    assert callable(change)
    with pytest.raises(note.NoteError):
        note.VerifierKey.parse(change(str(LOG.verifier())))
    with pytest.raises(note.NoteError):
        note.SignerKey.parse(change(LOG.encode()))


def test_every_flipped_character_of_a_key_is_noticed() -> None:
    for encoded, parse in ((str(LOG.verifier()), note.VerifierKey.parse), (LOG.encode(), note.SignerKey.parse)):
        for position in range(len(encoded)):
            changed = encoded[:position] + chr(ord(encoded[position]) ^ 1) + encoded[position + 1 :]
            with pytest.raises(note.NoteError):
                parse(changed)


def test_a_signature_cannot_be_added_to_what_is_no_note() -> None:
    line = note.open_note(SIGNED, [LOG.verifier()]).signatures[0]
    for data in (b"", b"text\n", b"text\n\n", SIGNED[:-1], b"\xff" + SIGNED):
        with pytest.raises(note.NoteError):
            note.add_signature(data, line)
    with pytest.raises(note.NoteError):
        note.add_signature(SIGNED, line._replace(name="two words"))
