"""Vectors of inclusion and consistency proofs (RFC 9162 §2.1.3, §2.1.4), made by the definition in `tests.reference`."""

from __future__ import annotations

from collections.abc import Iterator

from tests import reference
from tests.vectorgen.case import Case, bad, flip, good

LEAVES = [f"leaf {number}".encode() for number in range(20)]

Change = tuple[str, str, dict[str, object], str]


def cases() -> Iterator[Case]:
    """The vectors of `inclusion/` and `consistency/`."""
    for index, size in (
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (3, 7),
        (6, 7),
        (0, 8),
        (7, 8),
        (8, 9),
        (15, 20),
        (19, 20),
    ):
        desc = f"leaf {index} of {size}"
        yield good("inclusion", f"{index}-of-{size}", desc, **inclusion(index, size))
    larger = inclusion(3, 7) | {"size": 8}
    yield good(
        "inclusion", "3-of-7-size-8", "a path proves the place, not the size: 7 leaves shown as 8", **larger
    )
    for index, size in ((3, 7), (6, 7), (0, 1)):
        for name, what, change, rule in _wrong_inclusions(index, size):
            desc = f"leaf {index} of {size}: {what}"
            inputs = inclusion(index, size) | change
            yield bad("inclusion", f"{index}-of-{size}-{name}", desc, rule, "verification", **inputs)
    pairs = (
        (0, 0),
        (0, 5),
        (1, 1),
        (1, 2),
        (1, 7),
        (2, 3),
        (3, 7),
        (4, 7),
        (4, 8),
        (6, 7),
        (6, 8),
        (7, 8),
        (7, 7),
        (16, 20),
    )
    for size1, size2 in pairs:
        desc = f"from {size1} leaves to {size2}"
        yield good("consistency", f"{size1}-to-{size2}", desc, **consistency(size1, size2))
    for size1, size2 in ((3, 7), (4, 7), (6, 8)):
        for name, what, change, rule in _wrong_consistencies(size1, size2):
            desc = f"from {size1} leaves to {size2}: {what}"
            inputs = consistency(size1, size2) | change
            yield bad("consistency", f"{size1}-to-{size2}-{name}", desc, rule, "verification", **inputs)
    yield from _wrong_trivial_consistencies()


def inclusion(index: int, size: int) -> dict[str, object]:
    """A right inclusion proof, as a vector's input."""
    leaves = LEAVES[:size]
    return {
        "leaf_hash": reference.leaf(leaves[index]),
        "index": index,
        "size": size,
        "proof": reference.path(index, leaves),
        "root": reference.mth(leaves),
    }


def consistency(size1: int, size2: int) -> dict[str, object]:
    """A right consistency proof, as a vector's input."""
    return {
        "size1": size1,
        "size2": size2,
        "proof": reference.proof(size1, LEAVES[:size2]) if size1 else [],
        "root1": reference.mth(LEAVES[:size1]),
        "root2": reference.mth(LEAVES[:size2]),
    }


def _wrong_inclusions(index: int, size: int) -> Iterator[Change]:
    leaves = LEAVES[:size]
    leaf, path, root = reference.leaf(leaves[index]), reference.path(index, leaves), reference.mth(leaves)
    mismatch, length = "proof.root-mismatch", "proof.length"
    yield "leaf", "another leaf", {"leaf_hash": flip(leaf, 0)}, mismatch
    yield "root", "another root", {"root": flip(root, 31)}, mismatch
    yield (
        "leaf-data",
        "the leaf's data hashed without its prefix",
        {"leaf_hash": reference.mth([b""])},
        mismatch,
    )
    yield "index-size", "an index that the tree does not have", {"index": size}, "proof.index"
    yield "index-negative", "an index below 0", {"index": -1}, "proof.index"
    yield "size-0", "a tree without leaves", {"size": 0}, "proof.index"
    yield "longer", "a hash more", {"proof": [*path, bytes(32)]}, length
    yield "too-long", "65 hashes", {"proof": [bytes(32)] * 65}, length
    yield "root-31-bytes", "a root that is no hash", {"root": root[:31]}, "proof.hash"
    yield "leaf-33-bytes", "a leaf hash that is no hash", {"leaf_hash": leaf + b"\0"}, "proof.hash"
    if path:
        for at in range(len(path)):
            changed = [*path[:at], flip(path[at], at), *path[at + 1 :]]
            yield f"hash-{at}", f"one bit of hash {at}", {"proof": changed}, mismatch
        yield "shorter", "the last hash left out", {"proof": path[:-1]}, length
        yield "first-dropped", "the first hash left out", {"proof": path[1:]}, length
        yield "empty", "no hashes", {"proof": []}, length
        yield "swapped", "two hashes swapped", {"proof": [path[1], path[0], *path[2:]]}, mismatch
        yield "hash-31-bytes", "a hash a byte short", {"proof": [path[0][:31], *path[1:]]}, "proof.hash"
        yield "hash-33-bytes", "a hash a byte long", {"proof": [path[0] + b"\0", *path[1:]]}, "proof.hash"
    if (index, size) == (3, 7):
        yield "index-2", "the neighbour's place", {"index": 2}, mismatch
        yield "index-4", "a place on the other side", {"index": 4}, mismatch
        yield "index-6", "a place with a shorter path", {"index": 6}, length
        yield "size-9", "a tree with a longer path", {"size": 9}, length


def _wrong_consistencies(size1: int, size2: int) -> Iterator[Change]:
    proof = reference.proof(size1, LEAVES[:size2])
    root1, root2 = reference.mth(LEAVES[:size1]), reference.mth(LEAVES[:size2])
    mismatch, length = "proof.root-mismatch", "proof.length"
    yield "root1", "another first root", {"root1": flip(root1, 0)}, mismatch
    yield "root2", "another second root", {"root2": flip(root2, 0)}, mismatch
    yield "roots-swapped", "the roots swapped", {"root1": root2, "root2": root1}, mismatch
    for at in range(len(proof)):
        changed = [*proof[:at], flip(proof[at], at), *proof[at + 1 :]]
        yield f"hash-{at}", f"one bit of hash {at}", {"proof": changed}, mismatch
    yield "shorter", "the last hash left out", {"proof": proof[:-1]}, length
    yield "longer", "a hash more", {"proof": [*proof, bytes(32)]}, length
    if len(proof) > 1:
        yield "empty", "no hashes", {"proof": []}, length
    yield "backwards", "from the larger tree to the smaller", {"size1": size2, "size2": size1}, "proof.size"
    yield "size1-negative", "a size below 0", {"size1": -1}, "proof.size"
    yield "hash-31-bytes", "a hash a byte short", {"proof": [proof[0][:31], *proof[1:]]}, "proof.hash"
    yield "root1-31-bytes", "a root that is no hash", {"root1": root1[:31]}, "proof.hash"


def _wrong_trivial_consistencies() -> Iterator[Case]:
    empty, five = reference.mth([]), reference.mth(LEAVES[:5])
    wrong: tuple[tuple[str, str, dict[str, object], str], ...] = (
        (
            "0-to-5-root1",
            "from 0 leaves with a root that is not the empty tree's",
            consistency(0, 5) | {"root1": five},
            "root-mismatch",
        ),
        (
            "0-to-5-proof",
            "from 0 leaves with a hash to spare",
            consistency(0, 5) | {"proof": [five]},
            "length",
        ),
        (
            "0-to-0-root2",
            "two empty trees, one with another root",
            consistency(0, 0) | {"root2": five},
            "root-mismatch",
        ),
        ("7-to-7-root2", "two roots at one size", consistency(7, 7) | {"root2": five}, "root-mismatch"),
        (
            "7-to-7-proof",
            "equal sizes with a hash to spare",
            consistency(7, 7) | {"proof": [empty]},
            "length",
        ),
    )
    for name, desc, inputs, rule in wrong:
        yield bad("consistency", name, desc, f"proof.{rule}", "verification", **inputs)
