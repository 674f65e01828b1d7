"""Vectors of notes, checkpoints and proof files: the texts of C2SP that this ledger reads."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from ledger import tlog_proof
from ledger.tlog_proof import TlogProof
from tests.chains import ORIGIN, START_MS, sign_checkpoint
from tests.vectorgen.case import Case, bad, good

TIME_S = START_MS // 1000
ROOT = bytes(range(32))
CHECKPOINT = sign_checkpoint(20852163, ROOT, time_s=TIME_S)
TEXT, LINES = CHECKPOINT.split("\n\n", 1)
LINE = LINES.split("\n", 1)[0]
ROOT_64 = b64encode(ROOT).decode()


def cases() -> Iterator[Case]:
    """The vectors of `note/`, `checkpoint/` and `tlog-proof/`."""
    yield from _notes()
    yield from _checkpoints()
    yield from _proofs()


def _notes() -> Iterator[Case]:
    yield good("note", "checkpoint", "a checkpoint with a log's and a cosigner's signature", text=CHECKPOINT)
    yield good(
        "note", "any-text", "a text with an empty line in it", text=f"Xin chào\n\nđoạn hai\n\n{LINE}\n"
    )
    unknown = "— somebody " + b64encode(b"\x01\x02\x03\x04?").decode()
    yield good(
        "note", "unknown-signature", "a signature of a kind nobody knows", text=f"text\n\n{LINE}\n{unknown}\n"
    )
    yield good(
        "note", "signatures-64", "as many signatures as there may be", text="text\n\n" + f"{LINE}\n" * 64
    )
    name, encoded = LINE.removeprefix("— ").split(" ")
    wrong = (
        ("empty", "nothing", "", "no-signatures"),
        ("no-signatures", "a text alone", "text\n", "no-signatures"),
        ("no-signature-lines", "an empty line and nothing behind it", "text\n\n", "no-signatures"),
        ("no-final-newline", "a signature line without its end", f"text\n\n{LINE}", "no-final-newline"),
        ("signatures-65", "one signature too many", "text\n\n" + f"{LINE}\n" * 65, "too-many-signatures"),
        ("hyphen", "a hyphen for the dash", f"text\n\n- {name} {encoded}\n", "signature-line"),
        ("two-spaces", "two spaces behind the name", f"text\n\n— {name}  {encoded}\n", "signature-line"),
        ("no-name", "no name", f"text\n\n— {encoded}\n", "signature-line"),
        ("name-empty", "an empty name", f"text\n\n—  {encoded}\n", "key-name"),
        ("name-plus", "a plus sign in the name", f"text\n\n— a+b {encoded}\n", "key-name"),
        (
            "name-no-break-space",
            "a no-break space in the name",
            f"text\n\n— a\u00a0b {encoded}\n",
            "key-name",
        ),
        ("base64-url", "the alphabet of URLs", f"text\n\n— {name} {'_' + encoded[1:]}\n", "signature-base64"),
        ("base64-no-padding", "no padding", f"text\n\n— {name} {encoded.rstrip('=')}\n", "signature-base64"),
        (
            "base64-unused-bits",
            "unused bits that are not zero",
            f"text\n\n— {name} AQIDBAV=\n",
            "signature-base64",
        ),
        ("signature-short", "a key id and nothing behind it", f"text\n\n— {name} AQIDBA==\n", "signature"),
        (
            "carriage-return",
            "lines that end as on another system",
            f"text\r\n\n{LINE}\n",
            "control-character",
        ),
        ("tab", "a tab", f"te\txt\n\n{LINE}\n", "control-character"),
        (
            "signature-line-in-between",
            "text between signatures",
            f"text\n\n{LINE}\nmore\n{LINE}\n",
            "signature-line",
        ),
    )
    for path, desc, text, rule in wrong:
        yield bad("note", path, desc, f"note.{rule}", text=text)
    latin = f"Phú Sơn\n\n{LINE}\n".encode().replace("ú".encode(), b"\xfa")
    yield bad("note", "not-utf-8", "a letter of another encoding", "note.not-utf-8", hex=latin)
    surrogate = b"\xed\xa0\x80" + CHECKPOINT.encode()
    yield bad("note", "surrogate", "half of a surrogate pair", "note.not-utf-8", hex=surrogate)


def _checkpoints() -> Iterator[Case]:
    yield good("checkpoint", "checkpoint", "origin, size, root", text=CHECKPOINT)
    yield good("checkpoint", "extension", "a line more", text=f"{TEXT}\nextension\n\n{LINES}")
    yield good("checkpoint", "size-0", "an empty tree", text=f"{ORIGIN}\n0\n{ROOT_64}\n\n{LINES}")
    largest = f"{ORIGIN}\n9223372036854775807\n{ROOT_64}\n\n{LINES}"
    yield good(
        "checkpoint", "size-largest", "2^63 - 1; a browser needs more than a double for it", text=largest
    )
    wrong = (
        ("two-lines", "no root", f"{ORIGIN}\n7", "lines"),
        ("origin-empty", "no origin", f"\n7\n{ROOT_64}", "empty-line"),
        ("extension-empty", "an empty line at the end", f"{ORIGIN}\n7\n{ROOT_64}\n", "empty-line"),
        ("size-leading-zero", "a leading zero", f"{ORIGIN}\n07\n{ROOT_64}", "size"),
        ("size-plus", "a sign", f"{ORIGIN}\n+7\n{ROOT_64}", "size"),
        ("size-negative", "below 0", f"{ORIGIN}\n-7\n{ROOT_64}", "size"),
        ("size-space", "a space", f"{ORIGIN}\n 7\n{ROOT_64}", "size"),
        ("size-hexadecimal", "another base", f"{ORIGIN}\n0x7\n{ROOT_64}", "size"),
        ("size-not-ascii", "digits of another script", f"{ORIGIN}\n٧\n{ROOT_64}", "size"),
        ("size-2-63", "2^63", f"{ORIGIN}\n9223372036854775808\n{ROOT_64}", "size"),
        ("root-31-bytes", "a byte short", f"{ORIGIN}\n7\n{b64encode(ROOT[:31]).decode()}", "root"),
        ("root-33-bytes", "a byte long", f"{ORIGIN}\n7\n{b64encode(ROOT + b'!').decode()}", "root"),
        ("root-hexadecimal", "another encoding", f"{ORIGIN}\n7\n{ROOT.hex()}", "root"),
        ("root-unused-bits", "unused bits that are not zero", f"{ORIGIN}\n7\n{ROOT_64[:-2]}9=", "root"),
    )
    for path, desc, text, rule in wrong:
        yield bad("checkpoint", path, desc, f"checkpoint.{rule}", text=f"{text}\n\n{LINES}")


def _proofs() -> Iterator[Case]:
    folder = "tlog-proof"
    path = tuple(bytes([number]) * 32 for number in range(3))
    plain = tlog_proof.format(TlogProof(6, path, CHECKPOINT))
    full = tlog_proof.format(TlogProof(6, path, CHECKPOINT, b"\x00extra"))
    yield good(folder, "proof", "a path of three hashes", text=plain)
    yield good(folder, "extra", "with extra data", text=full)
    yield good(folder, "one-leaf", "no path at all", text=tlog_proof.format(TlogProof(0, (), CHECKPOINT)))
    step = b64encode(path[0]).decode()
    longest = tlog_proof.format(TlogProof(6, path[:1] * 64, CHECKPOINT))
    yield good(folder, "path-64", "the longest path there may be", text=longest)
    wrong = (
        ("empty", "nothing", "", "tlog-proof.header"),
        (
            "header-other",
            "another first line",
            plain.replace("tlog-proof", "tlog-tiles", 1),
            "tlog-proof.header",
        ),
        ("no-checkpoint", "no checkpoint", plain.split("\n\n", 1)[0] + "\n", "tlog-proof.no-checkpoint"),
        ("no-index", "no index", plain.replace("index 6\n", ""), "tlog-proof.index"),
        ("index-leading-zero", "a leading zero", plain.replace("index 6", "index 06"), "tlog-proof.index"),
        ("index-negative", "below 0", plain.replace("index 6", "index -6"), "tlog-proof.index"),
        ("index-2-63", "2^63", plain.replace("index 6", "index 9223372036854775808"), "tlog-proof.index"),
        (
            "index-twice",
            "two index lines",
            plain.replace("index 6\n", "index 6\nindex 6\n"),
            "tlog-proof.path",
        ),
        (
            "extra-empty",
            "extra with nothing in it",
            full.replace(full.split("\n")[1], "extra "),
            "tlog-proof.extra",
        ),
        (
            "extra-not-base64",
            "extra that is not base64",
            full.replace("extra ", "extra !", 1),
            "tlog-proof.extra",
        ),
        ("extra-behind-index", "lines in another order", _swap(full), "tlog-proof.path"),
        ("path-65", "a path too long", longest.replace(step, f"{step}\n{step}", 1), "tlog-proof.path"),
        (
            "path-31-bytes",
            "a hash too short",
            plain.replace(step, b64encode(bytes(31)).decode()),
            "tlog-proof.path",
        ),
        ("path-space", "a space behind a hash", plain.replace(step, step + " "), "tlog-proof.path"),
        (
            "carriage-return",
            "lines that end as on another system",
            plain.replace("\n", "\r\n"),
            "tlog-proof.control-character",
        ),
        (
            "checkpoint-unsigned",
            "a checkpoint without signatures",
            plain[: plain.index("\n\n—") + 2],
            "note.no-signatures",
        ),
        (
            "checkpoint-size",
            "a checkpoint that is none",
            plain.replace("\n20852163\n", "\n020852163\n"),
            "checkpoint.size",
        ),
    )
    for name, desc, text, rule in wrong:
        yield bad(folder, name, desc, rule, text=text)
    later = plain.replace("@v1", "@v2", 1)
    yield bad(
        folder, "version-2", "a version that is not known", "tlog-proof.version", "cannot-tell", text=later
    )


def _swap(text: str) -> str:
    first, second, third, rest = text.split("\n", 3)
    return f"{first}\n{third}\n{second}\n{rest}"
