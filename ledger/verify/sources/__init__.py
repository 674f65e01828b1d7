"""Where an audit reads from: the edge of `ledger.verify` that touches disks and networks.

* `ledger.verify.sources.base`: what any source offers.
* `ledger.verify.sources.stored`: a ledger's store, or a snapshot of one that is being written.
* `ledger.verify.sources.export`: a folder of static files.
* `ledger.verify.sources.remote`: a node or any server of such files, over HTTP or a Unix socket.
* `ledger.verify.sources.scratch`: where blocks are executed again, in memory and then on the disk.
"""
