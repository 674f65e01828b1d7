"""Credentials, DIDs and status lists: published vectors, other people's programs, and every way to be wrong by its rule.

Vectors: W3C "Data Integrity EdDSA Cryptosuites v1.0" (Recommendation of 15 May 2025), appendix B.3, for the suite; RFC 8785
§3.2.2 to §3.2.4 for JCS; draft-msporny-base58-03 §5 for base58; "The did:key Method v0.9" for the keys.

The other programs are Digital Bazaar's libraries under Node, installed by npm from `interop/credentials/package-lock.json`.
Without node or npm, or where the packages cannot be had, those tests are skipped and say why.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credentials import did, jcs, status_list, vc
from ledger.credentials.multibase import (
    base58btc,
    base64url,
    parse_base58btc,
    parse_base64url,
)
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records.certificates import STATUS_LIST_SIZE

SOURCE = Path(__file__).parent / "interop" / "credentials"
KEY = SigningKey.from_seed(sha256(b"tests/credentials"))
DID = did.did_key(KEY.public_key)
CREATED = "2026-09-22T08:00:00+07:00"
DOCUMENT: jcs.Json = {
    "@context": [vc.CONTEXT, vc.UNDEFINED_TERMS],
    "type": ["VerifiableCredential", "OcopProductCertificate"],
    "issuer": {"id": DID, "name": "UBND phường Phú Sơn"},
    "credentialSubject": {"san_pham": "Dứa sấy dẻo 200 g", "hang_sao": 3, "huu_co": False},
}
SIGNED = vc.sign(DOCUMENT, KEY, DID, created=CREATED)

# --- W3C vectors ------------------------------------------------------------------------------------------------------

W3C_KEY = SigningKey.from_seed(parse_base58btc("z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq")[2:])
W3C_MULTIKEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
W3C_DID = f"did:key:{W3C_MULTIKEY}"
W3C_DOCUMENT: jcs.Json = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/credentials/examples/v2",
    ],
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
W3C_OPTIONS: jcs.Json = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "created": "2023-02-24T23:36:38Z",
    "verificationMethod": f"{W3C_DID}#{W3C_MULTIKEY}",
    "proofPurpose": "assertionMethod",
    "@context": W3C_DOCUMENT["@context"],
}
W3C_DOCUMENT_HASH = "59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19"
W3C_OPTIONS_HASH = "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db"
W3C_PROOF_VALUE = "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"
W3C_SIGNATURE = (
    "407cd12654b33d718ecbb99179a1506daaa849450bf3fc523cce3e1c96f8b803"
    "51da3f253d725c6f00b07c9e5448d50b3ef78012b9ab54255116d069c6dd2808"
)


def test_the_suites_published_vector() -> None:
    assert did.multikey(W3C_KEY.public_key) == W3C_MULTIKEY
    assert sha256(jcs.canonical(W3C_DOCUMENT)).hex() == W3C_DOCUMENT_HASH
    assert sha256(jcs.canonical(W3C_OPTIONS)).hex() == W3C_OPTIONS_HASH
    assert vc.signed_bytes(W3C_DOCUMENT, W3C_OPTIONS).hex() == W3C_OPTIONS_HASH + W3C_DOCUMENT_HASH
    assert parse_base58btc(W3C_PROOF_VALUE).hex() == W3C_SIGNATURE
    signed = vc.sign(W3C_DOCUMENT, W3C_KEY, W3C_DID, created="2023-02-24T23:36:38Z")
    assert signed["proof"] == {**W3C_OPTIONS, "proofValue": W3C_PROOF_VALUE}


def test_the_vectors_issuer_is_not_its_key_and_that_is_noticed() -> None:
    """In the vector a did:key signs for an issuer named by a URL: good cryptography, and nobody knows whose key it is."""
    with pytest.raises(VerificationError) as caught:
        vc.verify({**W3C_DOCUMENT, "proof": {**W3C_OPTIONS, "proofValue": W3C_PROOF_VALUE}})
    assert caught.value.rule == "vc.issuer"


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_canonical_json_of_rfc_8785() -> None:
    literals = {"literals": [None, True, False], "numbers": [4, 0, -7], "string": '€$\x0f\nA\'B"\\\\"/'}
    assert jcs.canonical(literals) == (
        b'{"literals":[null,true,false],"numbers":[4,0,-7],"string":"'
        + '€$\\u000f\\nA\'B\\"\\\\\\\\\\"/'.encode()
        + b'"}'
    )
    # §3.2.3: names are sorted as UTF-16, where the emoji comes before U+FB33.
    names = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    order = json.loads(jcs.canonical(names), object_pairs_hook=lambda pairs: [value for _, value in pairs])
    assert order == [2, 4, 6, 7, 1, 5, 3]


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("json.syntax", b"{"),
        ("json.syntax", b"\xff{}"),
        ("json.syntax", b'{"a": ' + b"[" * 100_000),
        ("json.object", b"[]"),
        ("json.name-twice", b'{"a": {"b": 1, "b": 2}}'),
        ("json.number", b'{"a": 1.5}'),
        ("json.number", b'{"a": 1e3}'),
        ("json.number", b'{"a": NaN}'),
        ("json.number", b'{"a": 9007199254740992}'),
        ("json.number", b'{"a": ' + b"9" * 10_000 + b"}"),
        ("json.size", b" " * (jcs.MAX_BYTES + 1)),
    ],
)
def test_json_that_two_programs_could_read_differently_is_refused(rule: str, data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        jcs.parse(data)
    assert caught.value.rule == rule


@pytest.mark.parametrize("value", ["\ud800", 2**60, 1.5, b"x", {1: 2}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(FormatError) as caught:
        jcs.canonical({"a": value} if value != 1.5 else {"a": float("nan")})
    assert caught.value.rule == "json.value"


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_canonical_json_reads_back(value: jcs.Json) -> None:
    assert jcs.parse(jcs.canonical(value)) == value


# --- bases and DIDs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
        (b"", ""),
    ],
)
def test_base58_vectors(data: bytes, text: str) -> None:
    assert base58btc(data) == "z" + text
    assert parse_base58btc("z" + text) == data


@given(st.binary(max_size=100))
def test_bases_read_back(data: bytes) -> None:
    assert parse_base58btc(base58btc(data)) == data
    assert parse_base64url(base64url(data)) == data


@pytest.mark.parametrize("text", ["", "2NEpo7", "z0", "zO", "zI", "zl", "z 1", "zé", "z" + "1" * 300])
def test_what_is_no_base58_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_base58btc(text)
    assert caught.value.rule == "multibase.base58"


@pytest.mark.parametrize(
    "text", ["", "aGk", "uaGk=", "ua+k", "ua/k", "uaG k", "ua", "uaGl", "uaGkaGkaA=", "ué"]
)
def test_what_is_no_base64url_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_base64url(text)
    assert caught.value.rule == "multibase.base64url"


@given(st.binary(min_size=32, max_size=32))
def test_keys_read_back_from_their_names(public_key: bytes) -> None:
    for name in (did.did_key(public_key), did.did_web("phuson.example:8443")):
        method = did.verification_method(name, public_key)
        assert did.parse_verification_method(method) == (name, public_key)
        assert did.multikey(public_key).startswith("z6Mk")


@pytest.mark.parametrize(
    ("error", "rule", "method"),
    [
        (FormatError, "did.method", DID),
        (FormatError, "did.method", f"{DID}#{W3C_MULTIKEY}"),
        (FormatError, "multibase.base58", "did:web:a.example#z6Mk0"),
        (CannotTellError, "did.method-unknown", "did:example:abc#z6Mk"),
        (CannotTellError, "did.method-unknown", "did:web:a.example#key-1"),
        (CannotTellError, "did.key-type", f"did:web:a.example#z6Mk{'a' * 44}"),
    ],
)
def test_keys_that_are_named_otherwise(error: type[LedgerError], rule: str, method: str) -> None:
    with pytest.raises(error) as caught:
        did.parse_verification_method(method)
    assert caught.value.rule == rule


@pytest.mark.parametrize("size", [31, 33])
def test_a_key_of_another_length_is_none(size: int) -> None:
    with pytest.raises(FormatError) as caught:
        did.parse_multikey(base58btc(b"\xed\x01" + bytes(size)))
    assert caught.value.rule == "did.multikey"


@pytest.mark.parametrize("domain", ["", "a b", "phuson.example/x", "phú-sơn.example", "a#b", "a?b"])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(FormatError) as caught:
        did.did_web(domain)
    assert caught.value.rule == "did.domain"


# --- credentials ------------------------------------------------------------------------------------------------------


def test_a_credential_verifies_and_says_whose_it_is() -> None:
    verified = vc.verify(jcs.parse(json.dumps(SIGNED).encode()))
    assert (verified.issuer, verified.public_key) == (DID, KEY.public_key)
    assert verified.subject["hang_sao"] == 3
    assert "proof" not in verified.document


extra_names = st.text(max_size=8).filter(lambda name: name not in ("proof", "issuer", "@context"))


@given(st.dictionaries(extra_names, json_values, max_size=4))
def test_any_document_signed_verifies_and_changed_does_not(extra: jcs.Json) -> None:
    document = {**DOCUMENT, **extra}
    signed = vc.sign(document, KEY, DID, created=CREATED)
    assert vc.verify(signed).document == document
    with pytest.raises(VerificationError) as caught:
        vc.verify({**signed, "added": 1} if "added" not in signed else {**signed, "added": [signed["added"]]})
    assert caught.value.rule.startswith("signature.")


def changed(**proof: Any) -> jcs.Json:  # noqa: ANN401  whatever a forger writes
    kept = {name: value for name, value in {**SIGNED["proof"], **proof}.items() if value is not None}
    return {**SIGNED, "proof": kept}


OTHER = SigningKey.from_seed(sha256(b"another"))
SIGNATURE = parse_base58btc(SIGNED["proof"]["proofValue"])
WRONG: list[tuple[type[LedgerError], str, jcs.Json]] = [
    (FormatError, "vc.proof", DOCUMENT),
    (FormatError, "vc.proof", {**SIGNED, "proof": "signed"}),
    (CannotTellError, "vc.proofs", {**SIGNED, "proof": [SIGNED["proof"]]}),
    (CannotTellError, "vc.suite", changed(type="Ed25519Signature2020")),
    (CannotTellError, "vc.suite", changed(cryptosuite="eddsa-rdfc-2022")),
    (VerificationError, "vc.purpose", changed(proofPurpose="authentication")),
    (VerificationError, "vc.context", {**SIGNED, "@context": [vc.CONTEXT]}),
    (VerificationError, "vc.context", {**SIGNED, "@context": [vc.UNDEFINED_TERMS, vc.CONTEXT]}),
    (FormatError, "vc.proof", changed(verificationMethod=None)),
    (FormatError, "vc.proof", changed(proofValue=7)),
    (FormatError, "vc.issuer-name", {**SIGNED, "issuer": None}),
    (VerificationError, "vc.issuer", {**SIGNED, "issuer": did.did_key(OTHER.public_key)}),
    (
        VerificationError,
        "signature.mismatch",
        {
            **changed(
                verificationMethod=did.verification_method(did.did_key(OTHER.public_key), OTHER.public_key)
            ),
            "issuer": did.did_key(OTHER.public_key),
        },
    ),
    (VerificationError, "signature.mismatch", changed(created="2026-09-22T08:00:01+07:00")),
    (VerificationError, "signature.mismatch", changed(expires="2099-01-01T00:00:00Z")),
    (
        VerificationError,
        "signature.mismatch",
        changed(proofValue=base58btc(bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:])),
    ),
    (VerificationError, "signature.size", changed(proofValue=base58btc(SIGNATURE[:63]))),
    (VerificationError, "signature.mismatch", {**SIGNED, "credentialSubject": {"hang_sao": 5}}),
]


@pytest.mark.parametrize(("error", "rule", "credential"), WRONG)
def test_a_wrong_credential_is_refused_by_its_rule(
    error: type[LedgerError], rule: str, credential: jcs.Json
) -> None:
    with pytest.raises(error) as caught:
        vc.verify(credential)
    assert caught.value.rule == rule


def test_a_longer_context_behind_the_signed_one_changes_nothing() -> None:
    verified = vc.verify({**SIGNED, "@context": [*DOCUMENT["@context"], "https://example.org/more"]})
    assert verified.document["@context"] == DOCUMENT["@context"]


def test_without_a_certificate_named_there_is_nothing_to_ask_the_ledger() -> None:
    cases: tuple[Any, ...] = (None, [], [{}], [{"certificate": 7}], [{"certificate": "xyz"}])
    for evidence in cases:
        document = DOCUMENT if evidence is None else {**DOCUMENT, "evidence": evidence}
        with pytest.raises(FormatError) as caught:
            _ = vc.VerifiedCredential(DID, KEY.public_key, document).certificate
        assert caught.value.rule == "vc.evidence"


def test_times_are_written_in_vietnams_zone() -> None:
    assert vc.local_time(0) == "1970-01-01T07:00:00+07:00"
    assert vc.local_time(1_751_302_799_000) == "2025-06-30T23:59:59+07:00"
    assert vc.local_time(1_751_302_800_000) == "2025-07-01T00:00:00+07:00"


# --- status lists -----------------------------------------------------------------------------------------------------

indexes = st.sets(st.integers(0, STATUS_LIST_SIZE - 1), max_size=50)


@given(indexes)
def test_a_status_list_reads_back(chosen: set[int]) -> None:
    encoded = status_list.encode_list(chosen)
    bits = status_list.decode_list(encoded)
    assert len(bits) * 8 == STATUS_LIST_SIZE == 131_072
    assert {index for index in range(STATUS_LIST_SIZE) if bits[index // 8] >> (7 - index % 8) & 1} == chosen
    assert all(status_list.is_set(bits, index) for index in chosen)
    assert encoded == status_list.encode_list(sorted(chosen, reverse=True))


def test_the_first_bit_is_the_most_significant() -> None:
    assert status_list.decode_list(status_list.encode_list([0, 15]))[:3] == b"\x80\x01\x00"


def packed(bits: bytes) -> str:
    return base64url(gzip.compress(bits, mtime=0))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("multibase.base64url", ""),
        ("multibase.base64url", packed(bytes(16_384))[1:]),
        ("status-list.gzip", base64url(b"not gzip")),
        ("status-list.gzip", base64url(gzip.compress(bytes(16_384), mtime=0)[:-3])),
        ("status-list.gzip", base64url(gzip.compress(bytes(16_384), mtime=0) + b"x")),
        ("status-list.gzip", packed(bytes(status_list.MAX_LIST_BYTES + 1))),
        ("status-list.size", packed(bytes(16_383))),
    ],
)
def test_a_wrong_status_list_is_refused_by_its_rule(rule: str, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        status_list.decode_list(text)
    assert caught.value.rule == rule


def test_an_index_outside_the_list_is_refused() -> None:
    for index in (-1, STATUS_LIST_SIZE):
        for ask in (
            lambda index=index: status_list.encode_list([index]),
            lambda index=index: status_list.is_set(bytes(16_384), index),
        ):
            with pytest.raises(FormatError) as caught:
                ask()
            assert caught.value.rule == "status-list.index"


# --- other people's programs ------------------------------------------------------------------------------------------

Ask = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Installs the libraries once and returns a function that puts questions to them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the other implementations cannot be asked")
    folder = tmp_path_factory.mktemp("credentials")
    for name in ("package.json", "package-lock.json", "check.js"):
        shutil.copy(SOURCE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        installed = subprocess.run(
            command, cwd=folder, env={**os.environ}, capture_output=True, text=True, check=False, timeout=180
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the packages cannot be had here: npm takes too long")
    if installed.returncode != 0:
        pytest.skip(f"the packages cannot be had here: {installed.stderr.strip()[-300:]}")

    def put(*questions: tuple[str, Any]) -> list[Any]:
        answer = subprocess.run(
            ["node", "check.js"],
            cwd=folder,
            input=json.dumps(questions),
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        answers: list[Any] = json.loads(answer.stdout)
        return answers

    return put


def test_others_verify_our_credentials_and_refuse_what_we_refuse(ask: Ask) -> None:
    web = did.did_web("phuson.example")
    of_web = vc.sign({**DOCUMENT, "issuer": web}, KEY, web, created=CREATED)
    wrong = [credential for _, rule, credential in WRONG if rule.startswith(("signature.", "vc.context"))]
    good, good_web, *bad = ask(
        ("verify", {"credential": SIGNED}),
        ("verify", {"credential": of_web, "didDocuments": {web: did.did_document(web, [KEY.public_key])}}),
        *(("verify", {"credential": credential}) for credential in wrong),
    )
    assert good == {"verified": True, "error": None}
    assert good_web == {"verified": True, "error": None}
    assert len(bad) == len(wrong) > 5
    assert [answer["verified"] for answer in bad] == [False] * len(bad)


def test_others_sign_the_same_bytes(ask: Ask) -> None:
    created = "2026-09-22T08:00:00Z"
    (theirs,) = ask(
        (
            "sign",
            {
                "document": DOCUMENT,
                "id": did.verification_method(DID, KEY.public_key),
                "controller": DID,
                "publicKeyMultibase": did.multikey(KEY.public_key),
                "secretKeyMultibase": base58btc(b"\x80\x26" + sha256(b"tests/credentials")),
                "date": created,
            },
        )
    )
    assert theirs == vc.sign(DOCUMENT, KEY, DID, created=created)
    assert vc.verify(theirs).public_key == KEY.public_key


def test_others_read_our_lists_and_we_theirs(ask: Ask) -> None:
    chosen = [0, 7, 8, 94_567, STATUS_LIST_SIZE - 1]
    read, written = ask(
        ("readList", {"encodedList": status_list.encode_list(chosen)}),
        ("writeList", {"length": STATUS_LIST_SIZE, "set": chosen}),
    )
    assert read == {"length": STATUS_LIST_SIZE, "set": chosen}
    assert status_list.decode_list(written["encodedList"]) == status_list.decode_list(
        status_list.encode_list(chosen)
    )
