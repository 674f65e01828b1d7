"""What people and programs touch: the HTTP interface, the pages and the command line.

Modules here parse what comes in, call `node` or `ledger`, and shape the answer; no rule of the chain lives here.
"""
