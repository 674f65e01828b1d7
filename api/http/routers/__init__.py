"""Endpoints, one module for each thing they are about. They parse, call `node` or `ledger`, and shape the answer."""
