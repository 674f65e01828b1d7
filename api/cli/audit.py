"""`sogoc audit`: verify a whole ledger, wherever it lies."""
