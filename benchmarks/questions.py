"""The questions, by name, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import (
    alternatives,
    anchoring,
    audit_full,
    audit_signatures,
    browser,
    certificates,
    disk,
    epcis,
    following,
    growth,
    ingest,
    network,
    receipt_sizes,
    receipts,
    trace,
    witness,
)
from benchmarks.measure import Result
from benchmarks.scale import Workshop

QUESTIONS: dict[str, Callable[[Workshop], Result]] = {
    "audit-signatures-1": audit_signatures.run_single,
    "audit-signatures-100": audit_signatures.run_batch,
    "audit-full": audit_full.run,
    "ingest": ingest.run,
    "network": network.run,
    "receipts": receipts.run,
    "disk": disk.run,
    "anchoring": anchoring.run,
    "certificates": certificates.run,
    "receipt-sizes": receipt_sizes.run,
    "trace": trace.run,
    "epcis": epcis.run,
    "browser": browser.run,
    "following": following.run,
    "witness": witness.run,
    "alternatives": alternatives.run,
    "growth": growth.run,
}
