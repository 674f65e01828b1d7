"""Where an audit reads from: the edge of `ledger.verify` that touches the disk.

* `ledger.verify.sources.base`: what any source offers.
* `ledger.verify.sources.stored`: a ledger's store, or a snapshot of one that is being written.
* `ledger.verify.sources.export`: a folder of static files.
* `ledger.verify.sources.scratch`: where blocks are executed again, in memory and then on the disk.

A log on a server is a source too, as whoever knows the server's protocol makes it one (`api.remote_log`).
"""
