"""Certificates in the forms of the W3C, for wallets and verifiers that know nothing of this ledger.

Rules: these forms add no trust of their own. What a certificate is worth stands on the ledger; a credential repeats its claims
under the issuer's own key. Everything here is computed from what is passed in.

What this package does not do: fetch a context, a DID document or a status list.
"""

from __future__ import annotations
