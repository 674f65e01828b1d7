"""The storage edge of the ledger: LevelDB, what is kept in it, and the one point where a block becomes durable.

Nothing is imported here, so that the shapes in `ledger.store.commit` can be used where LevelDB cannot.

* `ledger.store.database`: LevelDB with its silent failures made loud; the only module that knows it.
* `ledger.store.high_water`: how much was acknowledged, kept beside the database, which cannot notice that it lost
  its end.
* `ledger.store.log_tail`, `ledger.store.as_found`: what is looked at, and kept, before LevelDB opens its files.
* `ledger.store.open_once`: no database twice in one process, since LevelDB would lose its lock.
* `ledger.store.layout`: which row holds what.
* `ledger.store.commit`, `ledger.store.values`: the shapes that go in and come out.
* `ledger.store.view`: reading, from the newest state or from a snapshot.
* `ledger.store.ledger_store`: creating, opening, committing.
* `ledger.store.swap`: putting a new database in an old one's place.
* `ledger.store.rebuild`: making every row that can be computed again from the blocks.
"""
