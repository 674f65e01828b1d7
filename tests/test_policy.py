"""Trust policies: the file format, what passes, and what the signatures' times prove."""

from __future__ import annotations

import pickle
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, MLDSA_COSIGNING_KEY, Note, NoteSignature, VerifierKey
from ledger.policy import (
    MAX_LINES_OF_A_KIND,
    MAX_POLICY_BYTES,
    Group,
    Log,
    Policy,
    Witness,
    quorum_size,
)
from tests import edwards

ORIGIN = "phuson.example/so-goc"
BODY = checkpoints.body(ORIGIN, 5, bytes(range(32)))

SEEDS = tuple(SigningKey.from_seed(bytes([1, number]) * 16) for number in range(12))
LOG_SEEDS, WITNESS_SEEDS = SEEDS[:4], SEEDS[4:]
LOGS = tuple(VerifierKey(ORIGIN, LOG_KEY, seed.public_key) for seed in LOG_SEEDS)
WITNESSES = tuple(
    VerifierKey(f"w{number}.example", COSIGNING_KEY, seed.public_key)
    for number, seed in enumerate(WITNESS_SEEDS)
)
VKEYS = tuple(key.vkey for key in LOGS + WITNESSES)
LOG = VKEYS[0]
W = VKEYS[4:]


def by_log(number: int, body: str = BODY, origin: str = ORIGIN) -> NoteSignature:
    return notes.sign_log(body, origin, LOG_SEEDS[number])


def by_witness(number: int, time_s: int, body: str = BODY) -> NoteSignature:
    return checkpoints.cosign(body, WITNESSES[number].name, WITNESS_SEEDS[number], time_s)


def checkpoint(*signatures: NoteSignature, body: str = BODY) -> str:
    return notes.format(Note(body, signatures))


def cannot_tell(policy: Policy, text: str) -> str:
    with pytest.raises(CannotTellError) as caught:
        policy.check(text)
    return caught.value.rule


FOUR = Policy.for_validators(LOGS, WITNESSES[:4], quorum_size(4))

EXAMPLE = f"""# the shape of the example in c2sp.org/tlog-policy
log {LOG}

witness X1 {W[0]}
witness X2 {W[1]} https://x2.example/prefix
witness X3 {W[2]}
group X-witnesses 2 X1 X2 X3

  witness\tY1 {W[3]}\t
witness Y2 {W[4]}
   # indented
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_shape_of_the_published_example() -> None:
    policy = Policy.parse(EXAMPLE)
    assert policy.logs == (Log(LOGS[0]),)
    assert [witness.name for witness in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2"]
    assert policy.witnesses[1].url == "https://x2.example/prefix"
    assert policy.groups == (
        Group("X-witnesses", 2, ("X1", "X2", "X3")),
        Group("Y-witnesses", 1, ("Y1", "Y2")),
        Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert policy.quorum == "X-and-Y"
    assert Policy.parse(EXAMPLE.encode()) == policy
    assert Policy.parse(policy.format()) == policy
    x1, x2, y1 = by_witness(0, 10), by_witness(1, 20), by_witness(3, 30)
    checked = policy.check(checkpoint(by_log(0), x1, x2, y1))
    assert checked.cosignatures == (("X1", 10), ("X2", 20), ("Y1", 30))
    for lacking in ((x1, y1), (x1, x2), (y1,), ()):
        assert cannot_tell(policy, checkpoint(by_log(0), *lacking)) == "policy.quorum-missing"


octets = st.sampled_from([*range(0x21, 0x7F), *range(0x80, 0x100)])
words = st.lists(octets, min_size=1, max_size=10).map(
    lambda word: bytes(word).decode("utf-8", "surrogateescape")
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    urls = st.none() | words
    names = draw(st.lists(words.filter(lambda word: word != "none"), min_size=1, max_size=10, unique=True))
    logs = tuple(Log(key, draw(urls)) for key in LOGS[: draw(st.integers(0, 4))])
    count = draw(st.integers(0, min(len(names), len(WITNESSES))))
    pairs = zip(names[:count], WITNESSES, strict=False)
    witnesses = tuple(Witness(name, key, draw(urls)) for name, key in pairs)
    free = list(names[:count])
    groups: list[Group] = []
    for name in names[count:]:
        if not free:
            break
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        groups.append(Group(name, draw(st.integers(1, len(members))), tuple(members)))
        free = [one for one in free if one not in members] + [name]
    defined = [witness.name for witness in witnesses] + [group.name for group in groups]
    return Policy(logs, witnesses, tuple(groups), draw(st.sampled_from([*defined, "none"])))


@given(policies())
def test_round_trip(policy: Policy) -> None:
    text = policy.format()
    assert Policy.parse(text) == policy
    assert Policy.parse(text.encode("utf-8", "surrogateescape")) == policy
    assert hash(Policy.parse(text)) == hash(policy)


@given(policies(), st.data())
def test_whitespace_and_comments_change_nothing(policy: Policy, data: st.DataObject) -> None:
    spaces = st.sampled_from([" ", "\t", "  ", " \t "])
    margins = st.just("") | spaces
    lines = []
    for line in policy.format()[:-1].split("\n"):
        lines += data.draw(
            st.lists(st.sampled_from(["", " ", "\t", "#", " # quorum none", "#é"]), max_size=2)
        )
        words_ = line.split(" ")
        lines.append(data.draw(margins) + data.draw(spaces).join(words_) + data.draw(margins))
    assert Policy.parse("\n".join(lines) + "\n") == policy


@given(
    st.lists(
        st.sampled_from(
            [
                "log",
                "witness",
                "group",
                "quorum",
                "none",
                "any",
                "all",
                "1",
                "2",
                "a",
                "b",
                LOG,
                W[0],
                W[1],
                "#",
                "\n",
            ]
        ),
        max_size=30,
    ).map(lambda items: " ".join(items) + "\n")
    | st.binary(max_size=60)
)
def test_any_input_is_read_or_refused(data: str | bytes) -> None:
    try:
        policy = Policy.parse(data)
    except LedgerError:
        return
    assert Policy.parse(policy.format()) == policy


def small_order_vkey(key_type: int) -> str:
    return VerifierKey("a", key_type, bytes(32)).vkey


A, B, C = f"witness a {W[0]}\n", f"witness b {W[1]}\n", f"witness c {W[2]}\n"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("policy.quorum-line", ""),
        ("policy.quorum-line", f"log {LOG}\n"),
        ("policy.quorum-line", A + "quorum a\nquorum a\n"),
        ("policy.quorum-line", "quorum none\nquorum none\n"),
        ("policy.no-final-newline", "quorum none"),
        ("policy.character", "quorum none\r\n"),
        ("policy.character", "quorum\x0bnone\n"),
        ("policy.character", "# \x7f\nquorum none\n"),
        ("policy.character", "# \x00\nquorum none\n"),
        ("policy.character", "# \ud800\nquorum none\n"),
        ("policy.too-large", "#" * (MAX_POLICY_BYTES + 1)),
        ("policy.too-large", "#" + "é" * (MAX_POLICY_BYTES // 2)),
        ("policy.keyword", "quorums none\n"),
        ("policy.keyword", "Quorum none\n"),
        ("policy.keyword", "\u00a0quorum none\n"),
        ("policy.keyword", "none\nquorum none\n"),
        ("policy.line", "quorum\n"),
        ("policy.line", "quorum none none\n"),
        ("policy.line", "quorum none # comment\n"),
        ("policy.line", "log\nquorum none\n"),
        ("policy.line", f"log {LOG} url more\nquorum none\n"),
        ("policy.line", "witness a\nquorum none\n"),
        ("policy.line", f"witness a {W[0]} url more\nquorum none\n"),
        ("policy.line", A + "group g\nquorum none\n"),
        ("policy.line", A + "group g any\nquorum none\n"),
        ("policy.threshold", A + "group g 0 a\nquorum g\n"),
        ("policy.threshold", A + "group g 2 a\nquorum g\n"),
        ("policy.threshold", A + "group g 01 a\nquorum g\n"),
        ("policy.threshold", A + "group g +1 a\nquorum g\n"),
        ("policy.threshold", A + "group g -1 a\nquorum g\n"),
        ("policy.threshold", A + "group g \u0661 a\nquorum g\n"),
        ("policy.threshold", A + "group g All a\nquorum g\n"),
        ("policy.threshold", A + "group g 99999999999999999999 a\nquorum g\n"),
        ("policy.undefined-name", "quorum a\n"),
        ("policy.undefined-name", "quorum a\n" + A),
        ("policy.undefined-name", "group g any a\n" + A + "quorum g\n"),
        ("policy.undefined-name", A + "group g any g\nquorum g\n"),
        ("policy.undefined-name", A + "group g any none\nquorum g\n"),
        ("policy.undefined-name", A + "group g any A\nquorum g\n"),
        ("policy.reserved-name", f"witness none {W[0]}\nquorum none\n"),
        ("policy.reserved-name", A + "group none any a\nquorum none\n"),
        ("policy.duplicate-name", A + f"witness a {W[1]}\nquorum a\n"),
        ("policy.duplicate-name", A + B + "group a any b\nquorum a\n"),
        ("policy.duplicate-name", A + B + "group g any a\ngroup g any b\nquorum g\n"),
        ("policy.duplicate-member", A + "group g any a a\nquorum g\n"),
        ("policy.duplicate-member", A + B + "group g any a\ngroup h any a b\nquorum h\n"),
        ("policy.duplicate-member", A + B + "group g any a\ngroup h any g\ngroup i any g b\nquorum i\n"),
        ("policy.duplicate-key", f"log {LOG}\nlog {LOG}\nquorum none\n"),
        (
            "policy.duplicate-key",
            f"log {LOG}\nlog {VerifierKey('x', 1, LOGS[0].public_key).vkey}\nquorum none\n",
        ),
        ("policy.duplicate-key", A + f"witness b {W[0]}\nquorum a\n"),
        (
            "policy.duplicate-key",
            A + f"witness b {VerifierKey('x', 4, WITNESSES[0].public_key).vkey}\nquorum a\n",
        ),
        ("policy.key-type", f"log {W[0]}\nquorum none\n"),
        ("policy.key-type", f"witness a {LOG}\nquorum none\n"),
        ("note.vkey", "log x\nquorum none\n"),
        ("note.vkey-id", f"log x{LOG}\nquorum none\n"),
        ("note.key-name", "log +00000000+AAAA\nquorum none\n"),
    ],
)
def test_malformed_policies_are_refused_by_name(rule: str, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        Policy.parse(text)
    assert caught.value.rule == rule


def test_a_refusal_says_the_line() -> None:
    with pytest.raises(FormatError, match=r"line 3 of the policy.*\[policy\.keyword\]"):
        Policy.parse("# one\n\nthree\nquorum none\n")


def test_keys_that_must_not_be_used_are_refused() -> None:
    mixed = edwards.add(edwards.multiply(5, edwards.BASE), edwards.torsion()[1])
    for public_key, rule in (
        (bytes(32), "key.small-order"),
        (edwards.compress(mixed), "key.not-in-subgroup"),
    ):
        for line in (
            f"log {VerifierKey('a', LOG_KEY, public_key).vkey}\n",
            f"witness a {VerifierKey('a', COSIGNING_KEY, public_key).vkey}\n",
        ):
            with pytest.raises(VerificationError) as caught:
                Policy.parse(line + "quorum none\n")
            assert caught.value.rule == rule


def test_unknown_key_types_are_cannot_tell() -> None:
    with pytest.raises(CannotTellError) as caught:
        Policy.parse("log a+00000000+BQAA\nquorum none\n")
    assert caught.value.rule == "note.unknown-key-type"


def test_two_keys_at_one_address_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda key: b"same"))
    with pytest.raises(FormatError) as caught:
        Policy((Log(LOGS[0]), Log(LOGS[1])), (), (), "none")
    assert caught.value.rule == "policy.key-id-collision"


def test_names_are_octets_and_not_normalised() -> None:
    kelvin, composed, decomposed = "\u212a", "é", "e\u0301"
    text = (
        f"witness {kelvin} {W[0]}\nwitness K {W[1]}\nwitness {composed} {W[2]}\nwitness {decomposed} {W[3]}\n"
    )
    text += f"group g all {kelvin} K {composed} {decomposed}\nquorum g\n"
    assert [witness.name for witness in Policy.parse(text).witnesses] == [kelvin, "K", composed, decomposed]
    raw = b"witness \xff " + W[0].encode() + b"\nwitness \xfe\xff " + W[1].encode() + b"\nquorum \xff\n"
    policy = Policy.parse(raw)
    assert policy.quorum == "\udcff"
    assert policy.format().encode("utf-8", "surrogateescape") == raw
    checked = Policy((Log(LOGS[0]),), policy.witnesses, (), policy.quorum).check(
        checkpoint(by_log(0), by_witness(0, 7))
    )
    assert checked.cosignatures == (("\udcff", 7),)


@pytest.mark.parametrize("word", ["", "a b", "a\tb", "a\nb", "\x7f", "\ud800", "\udcc3\udca9", "a\x0bb"])
def test_made_by_hand_a_policy_obeys_the_same_rules(word: str) -> None:
    with pytest.raises(FormatError) as caught:
        Policy((), (Witness(word, WITNESSES[0]),), (), "none")
    assert caught.value.rule == "policy.name"
    with pytest.raises(FormatError) as caught:
        Policy((Log(LOGS[0], word),), (), (), "none")
    assert caught.value.rule == "policy.url"


@pytest.mark.parametrize(
    ("rule", "groups", "quorum"),
    [
        ("policy.undefined-name", (Group("g", 1, ("b",)),), "g"),
        ("policy.undefined-name", (Group("g", 1, ("h",)), Group("h", 1, ("a",))), "g"),
        ("policy.undefined-name", (), "b"),
        ("policy.threshold", (Group("g", 2, ("a",)),), "g"),
        ("policy.threshold", (Group("g", 0, ("a",)),), "g"),
        ("policy.threshold", (Group("g", 1, ()),), "g"),
        ("policy.duplicate-member", (Group("g", 2, ("a", "a")),), "g"),
    ],
)
def test_groups_made_by_hand_obey_the_same_rules(rule: str, groups: tuple[Group, ...], quorum: str) -> None:
    with pytest.raises(FormatError) as caught:
        Policy((), (Witness("a", WITNESSES[0]),), groups, quorum)
    assert caught.value.rule == rule


@pytest.mark.parametrize("count", [32, MAX_LINES_OF_A_KIND])
def test_many_lines_of_each_kind(count: int) -> None:
    seeds = [SigningKey.from_seed(number.to_bytes(32, "big")) for number in range(count)]
    lines = [f"log {VerifierKey(ORIGIN, LOG_KEY, seed.public_key).vkey}" for seed in seeds]
    lines += [
        f"witness w{n} {VerifierKey(f'w{n}', COSIGNING_KEY, seed.public_key).vkey}"
        for n, seed in enumerate(seeds)
    ]
    lines += [f"group g0 {count} " + " ".join(f"w{n}" for n in range(count))]
    lines += [f"group g{n} any g{n - 1}" for n in range(1, count)]
    policy = Policy.parse("\n".join([*lines, f"quorum g{count - 1}"]) + "\n")
    assert Policy.parse(policy.format()) == policy
    if count == MAX_LINES_OF_A_KIND:
        with pytest.raises(FormatError) as caught:
            Policy((), (), (Group("g", 1, ("x",)),) * (count + 1), "none")
        assert caught.value.rule == "policy.too-many-lines"
    elif count == 32:
        # A chain of 32 groups over a quorum of 31 witnesses and one log: the 64 signatures' limit is not met.
        signatures = [checkpoints.cosign(BODY, f"w{n}", seed, 100 + n) for n, seed in enumerate(seeds)]
        checked = policy.check(checkpoint(notes.sign_log(BODY, ORIGIN, seeds[9]), *signatures))
        assert (checked.existed_by_s, checked.status_as_of_s) == (100, 100)


def test_the_validators_policy() -> None:
    policy = Policy.for_validators([key.vkey for key in LOGS], [key.vkey for key in WITNESSES[:4]], 3)
    assert policy == FOUR
    assert policy.format().splitlines()[-2:] == [
        "group validators 3 w0.example w1.example w2.example w3.example",
        "quorum validators",
    ]
    for logs, witnesses, threshold, rule in (
        (LOGS, WITNESSES[:4], 5, "policy.threshold"),
        (LOGS, WITNESSES[:4], 0, "policy.threshold"),
        (LOGS, (), 0, "policy.threshold"),
        (LOGS, (WITNESSES[0], WITNESSES[0]), 1, "policy.duplicate-key"),
        (LOGS, (VerifierKey("validators", 4, WITNESSES[0].public_key),), 1, "policy.duplicate-name"),
        (WITNESSES, LOGS, 1, "policy.key-type"),
    ):
        with pytest.raises(FormatError) as caught:
            Policy.for_validators(logs, witnesses, threshold)
        assert caught.value.rule == rule


def test_quorum_sizes() -> None:
    assert [quorum_size(n) for n in range(1, 11)] == [1, 2, 3, 3, 4, 5, 5, 6, 7, 7]
    for n in range(1, 200):
        assert 3 * quorum_size(n) > 2 * n >= 3 * (quorum_size(n) - 1)
    with pytest.raises(FormatError):
        quorum_size(0)


def test_a_checkpoint_with_a_quorum_passes() -> None:
    text = checkpoint(by_log(2), by_witness(3, 40), by_witness(0, 10), by_log(1), by_witness(1, 20))
    checked = FOUR.check(text)
    assert checked.log == LOGS[2]
    assert checked.cosignatures == (("w0.example", 10), ("w1.example", 20), ("w3.example", 40))
    assert (checked.existed_by_s, checked.status_as_of_s) == (20, 10)
    assert (checked.checkpoint.origin, checked.checkpoint.size) == (ORIGIN, 5)
    note = notes.parse(text)
    assert FOUR.check(note) == FOUR.check(text.encode()) == FOUR.check(checkpoints.from_note(note)) == checked


def test_any_one_log_suffices_and_the_origin_must_be_its_name() -> None:
    quorum = [by_witness(number, 5) for number in range(3)]
    for number in range(4):
        assert FOUR.check(checkpoint(by_log(number), *quorum)).log == LOGS[number]
    assert cannot_tell(FOUR, checkpoint(*quorum)) == "policy.no-log-signature"
    other = checkpoints.body("other.example/log", 5, bytes(32))
    # A listed log signs a checkpoint of another origin under its own name.
    text = checkpoint(by_log(0, other), *(by_witness(number, 5, other) for number in range(3)), body=other)
    assert cannot_tell(FOUR, text) == "policy.no-log-signature"
    # An unknown key signs under the right name; a known one under the wrong name.
    stranger = notes.sign_log(BODY, ORIGIN, WITNESS_SEEDS[7])
    misnamed = notes.sign_log(BODY, "other.example/log", LOG_SEEDS[0])
    assert cannot_tell(FOUR, checkpoint(stranger, misnamed, *quorum)) == "policy.no-log-signature"


def test_no_logs_no_verdict() -> None:
    policy = Policy.parse("quorum none\n")
    assert cannot_tell(policy, checkpoint(by_log(0))) == "policy.no-log-signature"


def test_too_few_cosignatures_are_cannot_tell() -> None:
    for count in range(3):
        text = checkpoint(by_log(0), *(by_witness(number, 5) for number in range(count)))
        assert cannot_tell(FOUR, text) == "policy.quorum-missing"
    with pytest.raises(CannotTellError, match=r"there signed: 'w1\.example'"):
        FOUR.check(checkpoint(by_log(0), by_witness(1, 5)))


def test_one_witness_counts_once_however_often_it_signs_and_with_its_newest_time() -> None:
    again = [by_witness(0, time_s) for time_s in (10, 30, 20)]
    assert cannot_tell(FOUR, checkpoint(by_log(0), *again, by_witness(1, 15))) == "policy.quorum-missing"
    checked = FOUR.check(checkpoint(by_log(0), *again, by_witness(1, 15), by_witness(2, 25)))
    assert checked.cosignatures == (("w0.example", 30), ("w1.example", 15), ("w2.example", 25))
    zero = [by_witness(number, 0) for number in range(3)]
    assert FOUR.check(checkpoint(by_log(0), *zero)).status_as_of_s == 0


def test_a_stranger_s_cosignature_does_not_count_and_does_not_spoil() -> None:
    stranger = by_witness(5, 50)
    nonsense = NoteSignature("w1.example", b"\1\2\3\4", b"nonsense")
    text = checkpoint(by_log(0), stranger, nonsense, by_witness(0, 1), by_witness(1, 2))
    assert cannot_tell(FOUR, text) == "policy.quorum-missing"
    checked = FOUR.check(checkpoint(by_log(0), stranger, nonsense, *(by_witness(n, n) for n in range(3))))
    assert [name for name, _ in checked.cosignatures] == ["w0.example", "w1.example", "w2.example"]


@pytest.mark.parametrize("place", [0, 1, 5])
def test_one_wrong_signature_by_a_listed_key_spoils_all(place: int) -> None:
    other = checkpoints.body(ORIGIN, 6, bytes(32))
    good = [by_log(0), *(by_witness(number, 5) for number in range(4))]
    assert len(FOUR.check(checkpoint(*good)).cosignatures) == 4
    bad = (
        by_log(1, other),
        by_witness(3, 5, other),
        NoteSignature(ORIGIN, LOGS[1].key_id, bytes(63)),
        NoteSignature("w3.example", WITNESSES[3].key_id, by_witness(3, 5).signature[8:]),
    )
    for signature in bad:
        with pytest.raises(VerificationError):
            FOUR.check(checkpoint(*good[:place], signature, *good[place:]))
    # A witness outside the quorum's group is listed all the same.
    outside = Policy(FOUR.logs, (*FOUR.witnesses, Witness("extra", WITNESSES[4])), FOUR.groups, FOUR.quorum)
    assert outside.check(checkpoint(*good)).cosignatures[-1][0] == "w3.example"
    with pytest.raises(VerificationError):
        outside.check(checkpoint(*good, by_witness(4, 5, other)))
    checked = outside.check(checkpoint(*good, by_witness(4, 99)))
    assert checked.cosignatures[-1] == ("extra", 99)
    assert (checked.existed_by_s, checked.status_as_of_s) == (5, 5)


def test_a_checkpoint_made_by_hand_is_judged_by_its_text() -> None:
    text = checkpoint(by_log(0), *(by_witness(number, 5) for number in range(3)))
    honest = checkpoints.parse(text)
    forged = checkpoints.Checkpoint(ORIGIN, 1_000, bytes(32), honest.note)
    assert FOUR.check(forged).checkpoint == honest


def test_malformed_checkpoints_are_format_errors() -> None:
    for text in ("", "x\n", "x\n\n— a AAAAAAA=\n"):
        with pytest.raises(FormatError):
            FOUR.check(text)


def test_post_quantum_lines_are_kept_and_never_count() -> None:
    post_quantum = VerifierKey("pq.example", MLDSA_COSIGNING_KEY, bytes(1312))
    text = f"log {LOG}\nlog {VerifierKey(ORIGIN, 6, bytes(1312)).vkey}\n{A}witness pq {post_quantum.vkey}\n"
    any_of, all_of = (Policy.parse(text + f"group g {k} a pq\nquorum g\n") for k in ("any", "all"))
    assert Policy.parse(any_of.format()) == any_of
    signature = NoteSignature("pq.example", post_quantum.key_id, bytes(8 + 2420))
    note = checkpoint(by_log(0), signature, by_witness(0, 5))
    assert any_of.check(note).cosignatures == (("a", 5),)
    assert cannot_tell(all_of, note) == "policy.quorum-missing"


def test_quorum_none_proves_no_time() -> None:
    policy = Policy.parse(f"log {LOG}\n{A}quorum none\n")
    checked = policy.check(checkpoint(by_log(0), by_witness(0, 5)))
    assert checked.cosignatures == (("a", 5),)
    assert checked.existed_by_s is None
    assert checked.status_as_of_s is None


def test_a_single_witness_as_quorum() -> None:
    policy = Policy.parse(f"log {LOG}\n{A}{B}quorum b\n")
    checked = policy.check(checkpoint(by_log(0), by_witness(0, 5), by_witness(1, 9)))
    assert (checked.existed_by_s, checked.status_as_of_s) == (9, 9)
    assert cannot_tell(policy, checkpoint(by_log(0), by_witness(0, 5))) == "policy.quorum-missing"


@given(st.integers(1, 6), st.data())
def test_times_against_the_definition(n: int, data: st.DataObject) -> None:
    """Of n witnesses, k needed, some lie; the bound is the worst over all who might."""
    k = data.draw(st.integers(1, n))
    present = data.draw(st.sets(st.integers(0, n - 1), min_size=k))
    times_s = {number: data.draw(st.integers(0, 9)) for number in sorted(present)}
    policy = Policy.for_validators(LOGS[:1], WITNESSES[:n], k)
    signatures = [by_witness(number, time_s) for number, time_s in times_s.items()]
    checked = policy.check(checkpoint(by_log(0), *signatures))
    # Whoever the liars are, somebody honest saw it by the smallest of the other times.
    liars = min(n - k, k - 1)
    existed_by_s = max(
        min(time_s for number, time_s in times_s.items() if number not in set_of_liars)
        for set_of_liars in combinations(range(n), liars)
    )
    assert checked.existed_by_s == existed_by_s
    # The latest moment at which k of them all still stood behind it.
    assert checked.status_as_of_s == max(min(chosen) for chosen in combinations(times_s.values(), k))


def test_nested_groups_are_judged_from_the_inside_outwards() -> None:
    policy = Policy.parse(
        f"log {LOG}\n"
        + "".join(f"witness w{number} {W[number]}\n" for number in range(5))
        + "group inner 2 w0 w1 w2\ngroup outer all inner w3\nquorum outer\n"
    )
    signatures = [by_witness(number, time_s) for number, time_s in enumerate((10, 20, 30, 15, 99))]
    checked = policy.check(checkpoint(by_log(0), *signatures))
    # inner: 2 of 3 at 10, 20, 30: existed by 20, as of 20. outer: 2 of 2 at 20 and 15: existed by 15, as of 15.
    assert (checked.existed_by_s, checked.status_as_of_s) == (15, 15)
    signatures[3] = by_witness(3, 40)
    checked = policy.check(checkpoint(by_log(0), *signatures))
    assert (checked.existed_by_s, checked.status_as_of_s) == (20, 20)


def test_a_checked_checkpoint_and_a_policy_cross_process_borders() -> None:
    text = checkpoint(by_log(0), *(by_witness(number, 5) for number in range(3)))
    policy = pickle.loads(pickle.dumps(FOUR))  # noqa: S301 - our own bytes
    assert policy == FOUR
    assert pickle.loads(pickle.dumps(policy.check(text))) == FOUR.check(text)  # noqa: S301 - our own bytes
