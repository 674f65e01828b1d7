"""The vault: what a person must be able to have forgotten, kept apart from the ledger and encrypted with a key for each item.

Modules, each importing only those above it: `store` (keeping, opening, destroying), `access` (who may, shown by a signature and
by a record on the ledger), `keeper` (both put together beside a node, and tombstones carried out).
"""
