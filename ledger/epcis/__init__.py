"""EPCIS 2.0 events: reading them strictly, their canonical bytes and hash, what the ledger records of them, and what is kept
back (GS1 EPCIS 2.0 and CBV 2.0, both ratified in 2022).

Everything here is pure: bytes in, an event, a record body or bytes out. The chain itself never reads an event.
"""
