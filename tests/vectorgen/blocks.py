"""Vectors of headers and of genesis documents."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import Value, encode
from ledger.hashing import ENTRY, HEADER, signed_message
from tests.chains import Chain, key, make_genesis
from tests.vectorgen.case import Case, bad, changed, flip, good

FIELDS = (
    "rules-version",
    "chain-id",
    "height",
    "engine-height",
    "parent",
    "time",
    "first-index",
    "entry-count",
    "log-root",
    "state-root",
    "proposer",
)
_HASHES = (1, 4, 8, 9, 10)


def cases() -> Iterator[Case]:
    """The vectors of `header/`, `signed-header/` and `genesis/`."""
    chain = Chain()
    chain.add_documents(1, 2)
    yield good("header", "genesis", "the first header, which nobody signs", leaf=chain.headers[0].leaf())
    yield good("header", "block", "the header of a block of two entries", leaf=chain.headers[1].leaf())
    value = chain.headers[1].value()
    yield from _headers(value)
    yield from _signed_headers(chain)
    yield from _genesis()


def _headers(value: list[Value]) -> Iterator[Case]:
    for at, name in enumerate(FIELDS):
        wrong: list[tuple[str, Value]] = [("nil", None)]
        if at in _HASHES:
            wrong += [("31-bytes", bytes(31)), ("33-bytes", bytes(33)), ("text", "0" * 32)]
        else:
            wrong += [("negative", -1), ("true", True), ("bytes", b"\x01")]
        for what, item in wrong:
            desc = f"{name} is {what.replace('-', ' ')}"
            leaf = encode([1, changed(value, at, item)])
            yield bad("header", f"{name}-{what}", desc, f"header.{name}", leaf=leaf)
    for version in (0, 2):
        leaf = encode([1, changed(value, 0, version)])
        desc = f"rules version {version} is not known"
        yield bad(
            "header", f"rules-version-{version}", desc, "header.rules-version", "cannot-tell", leaf=leaf
        )
    shapes: tuple[tuple[str, str, Value, str], ...] = (
        ("entry-count-0", "a block has at least one entry", [1, changed(value, 7, 0)], "header.entry-count"),
        ("ten-items", "an item short", [1, value[:-1]], "header.shape"),
        ("twelve-items", "an item long", [1, [*value, 0]], "header.shape"),
        ("empty", "no items", [1, []], "header.shape"),
        ("nested-bytes", "the header as a byte string", [1, encode(value)], "header.shape"),
        ("tag-0", "the tag of entries", [0, value], "header.leaf"),
        ("tag-true", "true is not 1", [True, value], "header.leaf"),
        ("three-items", "a leaf with an item more", [1, value, bytes(64)], "header.leaf"),
        ("not-an-array", "a number", 1, "header.leaf"),
    )
    for name, desc, shape, rule in shapes:
        yield bad("header", name, desc, rule, leaf=encode(shape))
    leaf = encode([1, value])
    yield bad("header", "trailing-byte", "a byte behind it", "encoding.trailing-bytes", leaf=leaf + b"\0")
    long_form = b"\xdc\x00\x02" + leaf[1:]
    yield bad(
        "header",
        "array-not-shortest",
        "a longer form of the array",
        "encoding.array-not-shortest",
        leaf=long_form,
    )
    large = encode([1, changed(value, 10, bytes(1024))])
    yield bad("header", "too-large", "more than 1,024 bytes", "encoding.too-large", leaf=large)


def _signed_headers(chain: Chain) -> Iterator[Case]:
    header = chain.headers[1]
    proposer, leaf, encoded = key("header 0"), header.leaf(), encode(header.value())
    honest = header.sign(proposer)
    folder = "signed-header"
    yield good(folder, "block", "signed by its proposer", signed_header=encode([1, leaf, honest]))
    wrong = (
        ("flipped", "one bit of the signature", leaf, flip(honest, 5), "signature.mismatch"),
        ("other-key", "signed by another key", leaf, header.sign(key("log 0")), "signature.mismatch"),
        ("no-context", "signed without the context", leaf, proposer.sign(encoded), "signature.mismatch"),
        (
            "entry-context",
            "signed in the context of entries",
            leaf,
            proposer.sign(signed_message(ENTRY, encoded)),
            "signature.mismatch",
        ),
        (
            "over-the-leaf",
            "signed over the leaf and not over the header",
            leaf,
            proposer.sign(signed_message(HEADER, leaf)),
            "signature.mismatch",
        ),
        (
            "other-header",
            "the signature of another header",
            chain.headers[0].leaf(),
            honest,
            "signature.key-small-order",
        ),
    )
    for name, desc, header_leaf, signature, rule in wrong:
        data = encode([1, header_leaf, signature])
        yield bad(folder, name, desc, rule, "verification", signed_header=data)
    shapes: tuple[tuple[str, str, Value], ...] = (
        ("two-items", "no signature", [1, leaf]),
        ("signature-63-bytes", "a signature a byte short", [1, leaf, honest[:63]]),
        ("tag-0", "the tag of a submission", [0, leaf, honest]),
        ("leaf-nested", "the leaf as an array", [1, [1, header.value()], honest]),
    )
    for name, desc, shape in shapes:
        yield bad(folder, name, desc, "header.signed", signed_header=encode(shape))


def _genesis() -> Iterator[Case]:
    for validators in (1, 4):
        leaf = make_genesis(validators).leaf()
        yield good("genesis", f"validators-{validators}", f"a ledger of {validators} validators", leaf=leaf)
    value = make_genesis(2).value()
    members, keys, validators_, parameters = (_arrays(value[at]) for at in (5, 6, 7, 8))
    first_key, first_validator = keys[0], validators_[0]
    name, number = parameters[0]
    yield from _genesis_shapes(value)
    wrong: tuple[tuple[str, str, int, Value, str], ...] = (
        ("origin-empty", "no origin", 1, "", "field"),
        ("origin-201-bytes", "an origin too long", 1, "a" * 201, "field"),
        ("origin-space", "a space in the origin", 1, "so goc", "policy"),
        ("origin-no-break-space", "a no-break space in the origin", 1, "so\u00a0goc", "policy"),
        ("origin-plus", "a plus sign in the origin", 1, "so+goc", "policy"),
        ("origin-newline", "a newline in the origin", 1, "so\ngoc", "field"),
        ("nonce-15-bytes", "a nonce too short", 2, bytes(15), "field"),
        ("rules-version-true", "a boolean for a version", 3, True, "field"),
        ("time-negative", "a time before 1970", 4, -1, "field"),
        (
            "member-id-space",
            "a letter that identifiers do not have",
            5,
            [["an office", "Văn phòng", ["office"]]],
            "field",
        ),
        (
            "member-name-control",
            "a control character in a name",
            5,
            [["office", "Văn\u0007phòng", ["office"]]],
            "field",
        ),
        (
            "member-roles-descending",
            "roles out of order",
            5,
            [["office", "Văn phòng", ["office", "issuer"]]],
            "field",
        ),
        ("member-roles-unknown", "a role that there is not", 5, [["office", "Văn phòng", ["king"]]], "field"),
        ("member-roles-none", "a member without a role", 5, [["office", "Văn phòng", []]], "field"),
        ("member-twice", "a member twice", 5, [*members, *members], "order"),
        (
            "member-four-items",
            "a member with an item more",
            5,
            [["office", "Văn phòng", ["office"], 0]],
            "shape",
        ),
        ("keys-descending", "keys out of order", 6, list(reversed(keys)), "order"),
        ("key-31-bytes", "a key too short", 6, [[bytes(31), *first_key[1:]]], "field"),
        (
            "key-of-nobody",
            "a key of somebody who is no member",
            6,
            [[first_key[0], "school", first_key[2]]],
            "member",
        ),
        (
            "key-small-order",
            "a key that is the neutral point",
            6,
            [[b"\x01" + bytes(31), *first_key[1:]]],
            "key",
        ),
        ("keys-map", "keys as a map", 6, {}, "shape"),
        ("validators-none", "no validator", 7, [], "validators"),
        ("validators-descending", "validators out of order", 7, list(reversed(validators_)), "order"),
        (
            "validator-name-space",
            "a name that notes cannot hold",
            7,
            [["a validator", *first_validator[1:]]],
            "policy",
        ),
        (
            "validator-name-none",
            "the name that a policy reserves",
            7,
            [["none", *first_validator[1:]]],
            "policy",
        ),
        (
            "validator-name-group",
            "the name of the policy's group",
            7,
            [["validators", *first_validator[1:]]],
            "policy",
        ),
        (
            "validator-key-not-on-the-curve",
            "a header key that is no point",
            7,
            [[*first_validator[:2], (2).to_bytes(32, "little"), *first_validator[3:]]],
            "key",
        ),
        (
            "validator-key-for-two-statements",
            "one key for the log and for cosigning",
            7,
            [[*first_validator[:3], first_validator[3], first_validator[3]]],
            "keys-distinct",
        ),
        (
            "validator-key-acts-for-a-member",
            "a member's key as header key",
            7,
            [[*first_validator[:2], first_key[0], *first_validator[3:]]],
            "keys-distinct",
        ),
        ("validator-four-keys-missing", "a validator with a name only", 7, [[first_validator[0]]], "shape"),
        ("parameters-none", "no parameters", 8, [], "parameters"),
        ("parameter-unknown", "a parameter that there is not", 8, [*parameters, ["zeta", 1]], "parameters"),
        ("parameters-descending", "parameters out of order", 8, list(reversed(parameters)), "order"),
        ("parameter-twice", "a parameter twice: which of them holds?", 8, [[name, 0], *parameters], "order"),
        ("parameter-text", "a parameter that is no number", 8, [[name, str(number)], parameters[1]], "field"),
        ("parameter-negative", "a parameter below 0", 8, [[name, -1], parameters[1]], "field"),
    )
    for path, desc, at, item, rule in wrong:
        yield bad("genesis", path, desc, f"genesis.{rule}", leaf=encode([2, changed(value, at, item)]))
    third = _arrays(make_genesis(3).value()[7])[2]
    swapped: list[Value] = [[*first_validator], [*validators_[1][:4], third[1]]]
    yield good(
        "genesis",
        "other-cosigning-key",
        "another key is another ledger",
        leaf=encode([2, changed(value, 7, swapped)]),
    )


def _arrays(value: Value) -> list[list[Value]]:
    """A list of arrays, as the lists of a genesis document are."""
    if not isinstance(value, list):
        raise TypeError("this item of a genesis document is a list")
    return [item for item in value if isinstance(item, list)]


def _genesis_shapes(value: list[Value]) -> Iterator[Case]:
    shapes: tuple[tuple[str, str, Value, str], ...] = (
        ("eight-items", "an item short", [2, value[:-1]], "genesis.shape"),
        ("ten-items", "an item long", [2, [*value, 0]], "genesis.shape"),
        ("nested-bytes", "the document as a byte string", [2, encode(value)], "genesis.shape"),
        ("tag-1", "the tag of headers", [1, value], "genesis.leaf"),
        ("three-items", "a leaf with an item more", [2, value, 0], "genesis.leaf"),
    )
    for name, desc, shape, rule in shapes:
        yield bad("genesis", name, desc, rule, leaf=encode(shape))
    for name, at, item, rule in (
        ("version-2", 0, 2, "genesis.version"),
        ("version-true", 0, True, "genesis.version"),
        ("rules-version-2", 3, 2, "genesis.rules-version"),
        ("rules-version-0", 3, 0, "genesis.rules-version"),
    ):
        leaf = encode([2, changed(value, at, item)])
        yield bad("genesis", name, "a version that is not known", rule, "cannot-tell", leaf=leaf)
    leaf = encode([2, value])
    yield bad("genesis", "trailing-byte", "a byte behind it", "encoding.trailing-bytes", leaf=leaf + b"\0")
