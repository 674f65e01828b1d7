"""Certificates on the issuer's side: schemas, tables of rows to issue, plans, and what a holder is given.

Rules: everything about a person stays on this side. What goes to the ledger is built here and holds none of it.
"""

from __future__ import annotations
