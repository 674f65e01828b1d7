"""A running member of a chain: the application, its engines, the outbox and everything that touches clock and disk.

Imports `ledger`, and never `api`: how a person or a program reaches a node is not its business.
"""
