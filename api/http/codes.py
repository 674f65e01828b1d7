"""Codes of problems that the HTTP interface raises itself. All others are rules of the ledger and the node, passed on.

Rules: a code is never renamed and never changes its meaning: programs match on it. The tests hold this table against the
source.
"""

from __future__ import annotations

HTTP_CODES: dict[str, tuple[int, str]] = {
    "batch.count": (400, "A batch has from 1 to 4,096 entries."),
    "batch.shape": (400, "A batch is [1, [submission, …]], each submission a byte string."),
    "batch.size": (413, "A batch has at most 16 MB."),
    "block.unknown": (404, "There is no final block of this height yet."),
    "certificate.not-found": (404, "This ledger has no such certificate, or not of this authority."),
    "certificate.records-many": (422, "The certificate has more records than an answer holds."),
    "code.unknown": (404, "No record of this ledger has this lookup code."),
    "control.request": (
        400,
        "A request on the node's Unix socket is not of the shape that its address takes.",
    ),
    "did.none": (404, "This node speaks for no domain: none is configured, so there is no did:web document."),
    "document.unknown": (404, "Nobody has anchored this document on this ledger."),
    "entry.unknown": (404, "This node has never heard of this entry."),
    "epcis.capture-elsewhere": (
        403,
        "A node takes no EPCIS events: they are signed with a key that it must not have. `sogoc gateway` takes them.",
    ),
    "epcis.content-version": (
        415,
        "What is sent says of itself that it is of another version of EPCIS or CBV than 2.0.",
    ),
    "epcis.epc-format": (406, "Events are given as they were recorded; identifiers are not translated."),
    "epcis.queries-none": (501, "Named queries and subscriptions are not kept; `/epcis/v2/events` is asked."),
    "epcis.version-range": (406, "`GS1-EPCIS-Min` and its like leave no room for version 2.0.0."),
    "epcis.query-conflict": (400, "A parameter stands in the query that the address has set already."),
    "epcis.query-prefix": (
        400,
        "A parameter names a member with a prefix that `GS1-Extensions` does not explain, or the header cannot be read.",
    ),
    "epcis.query-parameter": (
        400,
        "The query has a parameter that this repository does not know; the detail lists those it does.",
    ),
    "epcis.query-too-large": (413, "More events answer than `maxEventCount` allows."),
    "epcis.query-token": (
        400,
        "A `nextPageToken` is not what an earlier page's link held, or belongs to another question.",
    ),
    "epcis.query-value": (400, "A parameter of the query has a value that cannot be read."),
    "epcis.event-unknown": (404, "This ledger has no event of this hash or tag."),
    "events.full": (503, "Too many clients listen to this node's events."),
    "http.address-size": (414, "The path or the query is too long."),
    "http.body-incomplete": (400, "The connection ended within the body."),
    "http.body-size": (413, "The body is longer than this address takes."),
    "http.body-timeout": (408, "The body did not arrive in time."),
    "http.busy": (503, "The node is receiving too much at this moment."),
    "http.content-encoding": (415, "Bodies are taken without compression only."),
    "http.headers-size": (431, "The headers are too many or too long."),
    "http.media-type": (415, "This address does not take bodies of this media type."),
    "http.method": (405, "This address does not take this method."),
    "http.not-acceptable": (406, "No answer here is of a media type that `Accept` admits."),
    "http.not-found": (404, "Nothing is served under this address."),
    "http.refused": (400, "The request was refused before it reached an endpoint; the status says why."),
    "label.recalled": (422, "Labels of a lot that is recalled are not made."),
    "label.unknown": (404, "That member has created no such lot on this ledger."),
    "limit.address": (429, "This address sends too many requests."),
    "limit.address-refused": (429, "This address has sent too many entries that were not taken."),
    "limit.key-bytes": (429, "This key has used up its bytes for now."),
    "limit.key-entries": (429, "This key has signed too many entries for now."),
    "link.type": (404, "A label's address has no link of this type."),
    "lot.unknown": (404, "Nobody has created this lot on this ledger."),
    "member.unknown": (404, "This ledger has no such member."),
    "node.backfilling": (503, "This copy has the state, and not yet the blocks that this would need."),
    "node.unexpected": (500, "The node failed in a way nobody foresaw; its log says more."),
    "office.invitation": (422, "What is to be drawn is no invitation to the office's page."),
    "paper.claims": (422, "These are not all the claims that the ledger commits to."),
    "paper.file": (422, "This is not the file that the record anchors."),
    "paper.record": (
        422,
        "A sheet is made of a record that issued a certificate, a stamp of one about a document.",
    ),
    "paper.schema": (422, "The certificate's schema is not known to this node, so it cannot be laid out."),
    "product.unknown": (404, "Nobody has registered this product on this ledger."),
    "record.unknown": (404, "This ledger has no such record."),
    "request.base64": (400, "A text that must be base64 is not."),
    "request.id": (400, "An identifier or hash is 64 hexadecimal digits."),
    "request.invalid": (422, "A parameter has the wrong form; the detail names it."),
    "request.item": (400, "This address takes a product, or a lot, and the path names something else."),
    "request.json": (400, "The body is not JSON, or not of the shape that this address takes."),
    "request.prefix": (400, "A prefix of pages is up to 64 hexadecimal digits, in lower case."),
    "request.query": (400, "The query has a parameter that this address does not take."),
    "request.state-key": (400, "A state key is up to 512 bytes in hexadecimal."),
    "snapshot.limit": (503, "The node holds as many snapshots for others as it may."),
    "snapshot.unknown": (404, "The node holds no such snapshot, or no longer."),
    "status-list.unknown": (404, "The issuer has published no such status list on this node."),
    "tile.unknown": (404, "The log has no such tile."),
    "vault.insecure": (403, "A vault is used over HTTPS, or on the node's own machine."),
    "vault.none": (404, "This node keeps no vault."),
    "vault.request": (400, "A request to a vault is not of the shape that its address takes."),
    "witness.none": (404, "This node cosigns no other ledgers' checkpoints."),
}
"""Code to its HTTP status and its meaning."""

READY_CODES: dict[str, str] = {
    "clock.off": "This machine's clock is more than five minutes off the other validators'.",
    "cosign.stale": "The newest cosignature is too old: nothing becomes final, or the clock is wrong.",
    "disk.low": "Too little disk space is left.",
    "engine.trouble": "The engine's process does not answer, ends whenever it is started, or its consensus has failed.",
    "mempool.full": "Too many entries are waiting.",
    "node.stopped": "The node has stopped and must be restarted by its operator.",
    "quorum.away": "Too few of the others can be reached for a quorum; the ledger may go on without this node.",
}
"""Codes among the reasons of `/readyz`."""
