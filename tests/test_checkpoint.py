"""Checkpoints and cosignatures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger.checkpoint import TreeHead
from ledger.errors import FormatError, VerificationError
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, NoteSignature, VerifierKey

# The example of c2sp.org/tlog-cosignature (its keys are not published there).
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501

ORIGIN = "phuson.example/so-goc"
ROOT = bytes(range(32))
BODY = checkpoints.body(ORIGIN, 42, ROOT)
KEY = SigningKey.from_seed(b"w" * 32)
WITNESS = VerifierKey("witness.example", COSIGNING_KEY, KEY.public_key)

line = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: c >= " "), min_size=1, max_size=20)
sizes = st.integers(0, 2**63 - 1) | st.integers(0, 300)
roots = st.binary(min_size=32, max_size=32)
extensions = st.lists(line, max_size=3).map(tuple)


def refused(text: str) -> str:
    with pytest.raises(FormatError) as caught:
        checkpoints.parse_body(text)
    with pytest.raises(FormatError):
        checkpoints.parse(text + "\n— a.example AAAAAAA=\n")
    return caught.value.rule


def test_the_published_example_is_read_and_written_back() -> None:
    checkpoint = checkpoints.parse(EXAMPLE)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20852163
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert checkpoint.extensions == ()
    assert checkpoints.format(checkpoint) == EXAMPLE
    assert checkpoints.parse(EXAMPLE.encode()) == checkpoint
    assert checkpoints.from_note(notes.parse(EXAMPLE)) == checkpoint
    cosignature = checkpoint.note.signatures[1].signature
    assert int.from_bytes(cosignature[:8], "big") == 1679315147


@given(line, sizes, roots, extensions)
def test_round_trip(origin: str, size: int, root: bytes, extra: tuple[str, ...]) -> None:
    body = checkpoints.body(origin, size, root, extra)
    assert checkpoints.parse_body(body) == TreeHead(origin, size, root, extra)
    checkpoint = checkpoints.parse(body + "\n— a.example AAAAAAA=\n")
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (origin, size, root)
    assert checkpoint.extensions == extra
    assert checkpoint.note.text == body


@given(
    st.text(max_size=100) | st.lists(line, max_size=5).map(lambda lines: "".join(f"{one}\n" for one in lines))
)
def test_whatever_is_read_is_written_back_the_same(text: str) -> None:
    try:
        head = checkpoints.parse_body(text)
    except FormatError:
        return
    assert checkpoints.body(head.origin, head.size, head.root, head.extensions) == text


@given(st.integers(0, len(BODY) - 1), st.text(max_size=2))
def test_a_changed_text_is_refused_or_reads_as_another(place: int, put: str) -> None:
    changed = BODY[:place] + put + BODY[place + 1 :]
    try:
        head = checkpoints.parse_body(changed)
    except FormatError:
        return
    assert checkpoints.body(head.origin, head.size, head.root, head.extensions) == changed


B64 = BODY.split("\n")[2]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("checkpoint.lines", f"{ORIGIN}\n42\n"),
        ("checkpoint.lines", "\n"),
        ("checkpoint.empty-line", f"\n42\n{B64}\n"),
        ("checkpoint.empty-line", f"{ORIGIN}\n42\n{B64}\n\n"),
        ("checkpoint.empty-line", f"{ORIGIN}\n42\n{B64}\n\nextension\n"),
        ("checkpoint.size", f"{ORIGIN}\n042\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n00\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n+42\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n-42\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n4_2\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n 42\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n42 \n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n0x2a\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n\u0664\u0662\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n{2**63}\n{B64}\n"),
        ("checkpoint.size", f"{ORIGIN}\n{'9' * 5000}\n{B64}\n"),
        ("checkpoint.root", f"{ORIGIN}\n42\n{B64[:-1]}\n"),
        ("checkpoint.root", f"{ORIGIN}\n42\n{B64} \n"),
        ("checkpoint.root", f"{ORIGIN}\n42\n{B64[:-4]}\n"),
        ("checkpoint.root", f"{ORIGIN}\n42\nAAAA{B64}\n"),
        ("checkpoint.root", f"{ORIGIN}\n42\n{B64[:-2]}9=\n"),
        ("checkpoint.root", f"{ORIGIN}\n42\n{ROOT.hex()}\n"),
        ("note.text", f"{ORIGIN}\n42\n{B64}"),
        ("note.text", ""),
        ("note.control-character", f"{ORIGIN}\r\n42\n{B64}\n"),
    ],
)
def test_malformed_texts_are_refused_by_name(rule: str, text: str) -> None:
    assert refused(text) == rule


@pytest.mark.parametrize(
    ("origin", "size", "root", "extra"),
    [
        ("", 1, ROOT, ()),
        ("a\nb", 1, ROOT, ()),
        ("a\tb", 1, ROOT, ()),
        ("\ud800", 1, ROOT, ()),
        ("a", -1, ROOT, ()),
        ("a", 2**63, ROOT, ()),
        ("a", 1, ROOT[1:], ()),
        ("a", 1, ROOT + b"\0", ()),
        ("a", 1, ROOT, ("",)),
        ("a", 1, ROOT, ("x\ny",)),
    ],
)
def test_what_would_not_read_back_is_not_written(
    origin: str, size: int, root: bytes, extra: tuple[str, ...]
) -> None:
    with pytest.raises(FormatError):
        checkpoints.body(origin, size, root, extra)


@pytest.mark.parametrize("time_s", [0, 1, 1_764_000_000, 2**63 - 1])
def test_cosigning_and_verifying(time_s: int) -> None:
    signature = checkpoints.cosign(BODY, WITNESS.name, KEY, time_s)
    assert signature.key_id == WITNESS.key_id
    assert len(signature.signature) == 72
    assert checkpoints.verify_cosignature(BODY, signature, WITNESS) == time_s


def test_a_cosignature_signs_what_the_format_says() -> None:
    extended = checkpoints.body(ORIGIN, 42, ROOT, ("an extension",))
    signature = checkpoints.cosign(extended, WITNESS.name, KEY, 1_679_315_147)
    message = b"cosignature/v1\ntime 1679315147\n" + extended.encode()
    assert signature.signature == (1_679_315_147).to_bytes(8, "big") + KEY.sign(message)


@pytest.mark.parametrize("time_s", [-1, 2**63, 2**64])
def test_no_cosigning_at_impossible_times(time_s: int) -> None:
    with pytest.raises(FormatError) as caught:
        checkpoints.cosign(BODY, WITNESS.name, KEY, time_s)
    assert caught.value.rule == "cosignature.time"


def test_only_checkpoints_are_cosigned() -> None:
    with pytest.raises(FormatError) as caught:
        checkpoints.cosign("any text\n", WITNESS.name, KEY, 1)
    assert caught.value.rule == "checkpoint.lines"


def wrong(body: str, signature: NoteSignature, key: VerifierKey = WITNESS) -> str:
    with pytest.raises(VerificationError) as caught:
        checkpoints.verify_cosignature(body, signature, key)
    return caught.value.rule


def test_wrong_cosignatures_are_refused_by_name() -> None:
    good = checkpoints.cosign(BODY, WITNESS.name, KEY, 1_000)
    other = checkpoints.body(ORIGIN, 43, ROOT)
    assert wrong(other, good) == "signature.mismatch"
    later = NoteSignature(good.name, good.key_id, (1_001).to_bytes(8, "big") + good.signature[8:])
    assert wrong(BODY, later) == "signature.mismatch"
    for data in (b"x", good.signature[:-1], good.signature + b"\0", good.signature[8:]):
        assert wrong(BODY, NoteSignature(good.name, good.key_id, data)) == "cosignature.size"
    late = NoteSignature(good.name, good.key_id, (2**63).to_bytes(8, "big") + good.signature[8:])
    assert wrong(BODY, late) == "cosignature.time"
    assert wrong(BODY, NoteSignature("x", good.key_id, good.signature)) == "note.wrong-key"
    assert wrong(BODY, NoteSignature(good.name, bytes(4), good.signature)) == "note.wrong-key"
    assert wrong(BODY, good, VerifierKey(good.name, LOG_KEY, KEY.public_key)) == "note.wrong-key"


def test_a_log_signature_is_no_cosignature_and_the_other_way_round() -> None:
    """The same key pair under both types: the message tells them apart, not only the key id."""
    log_key = VerifierKey(WITNESS.name, LOG_KEY, KEY.public_key)
    log_signature = notes.sign_log(BODY, WITNESS.name, KEY)
    cosignature = checkpoints.cosign(BODY, WITNESS.name, KEY, 5)
    as_cosignature = NoteSignature(
        WITNESS.name, WITNESS.key_id, (5).to_bytes(8, "big") + log_signature.signature
    )
    assert wrong(BODY, as_cosignature) == "signature.mismatch"
    as_log = NoteSignature(WITNESS.name, log_key.key_id, cosignature.signature[8:])
    with pytest.raises(VerificationError) as caught:
        notes.verify(Note(BODY, (as_log,)), [log_key])
    assert caught.value.rule == "signature.mismatch"
