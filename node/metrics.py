"""What a node counts, in Prometheus terms. One registry for each node, so that two nodes in one process stay apart."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters and gauges of one node."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.height = Gauge("sogoc_height", "Height of the newest final block", registry=self.registry)
        self.final_size = Gauge(
            "sogoc_final_size", "Leaves under the newest final checkpoint", registry=self.registry
        )
        self.records = Counter(
            "sogoc_records", "Records put on the ledger since start", registry=self.registry
        )
        self.outbox_depth = Gauge(
            "sogoc_outbox_depth", "Acknowledged entries that are not final yet", registry=self.registry
        )
        self.disk_free = Gauge(
            "sogoc_disk_free_bytes", "Bytes left on the ledger's disk", registry=self.registry
        )
        self.ready = Gauge("sogoc_ready", "1 while the node takes entries", registry=self.registry)
        self.rejected_proposals = Counter(
            "sogoc_rejected_proposals",
            "Blocks that another validator proposed and this one voted against",
            ["proposer", "rule"],
            registry=self.registry,
        )
        self.refused_cosignatures = Counter(
            "sogoc_refused_cosignatures",
            "Checkpoints from other validators in which something was wrong",
            ["rule"],
            registry=self.registry,
        )
        self.dissents = Counter(
            "sogoc_dissents",
            "Validly signed roots that are not this ledger's, by signer",
            ["signer"],
            registry=self.registry,
        )
        self.witness_requests = Counter(
            "sogoc_witness_requests",
            "Checkpoints of other ledgers that this node was asked to cosign, by outcome",
            ["outcome"],
            registry=self.registry,
        )
        self.witnessed_size = Gauge(
            "sogoc_witnessed_size",
            "Tree size of a witnessed ledger that was cosigned last",
            ["origin"],
            registry=self.registry,
        )
        self.outside_size = Gauge(
            "sogoc_outside_size",
            "Tree size of this ledger that an outside witness has cosigned last",
            ["witness"],
            registry=self.registry,
        )
        self.outside_failures = Counter(
            "sogoc_outside_failures",
            "Attempts at which an outside witness did not cosign, by reason",
            ["witness", "rule"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "sogoc_refusals", "Entries refused, by rule", ["code"], registry=self.registry
        )
        self.commit_seconds = Histogram(
            "sogoc_commit_seconds",
            "From acknowledgement to the synced block",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.finality_seconds = Histogram(
            "sogoc_finality_seconds",
            "From acknowledgement to the cosigned checkpoint",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
