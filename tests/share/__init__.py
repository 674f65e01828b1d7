"""Shares of an event, good and bad, with the verdict on each: what the library and the browser are both held to.

    python -m tests.share       writes tests/share/vectors.json again, on a new ledger with new keys

The cases are made here and their verdicts are written here by hand; the file holds bytes that nobody's code of today has made.
"""
