"""Witnessing, both ways: other ledgers' checkpoints cosigned here (`acting`), and one's own cosigned elsewhere (`asking`)."""
