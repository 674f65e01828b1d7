"""The arithmetic of origin: what a thing's complete history says when it is added up.

Rules: pure, exact (decimals and integers, never floats), and deterministic: the same records give the same findings in the
same bytes. What an event's own bytes contradict is not believed. A finding explains itself and never blocks anything: whether
a record is on the ledger is the chain rules' business, what it is worth is an inspector's.

* `units`     amounts in UN/ECE units, exactly
* `model`     what the arithmetic is done on: events, amounts, facts, findings
* `story`     from verified records to events, and what of them contradicts itself
* `graph`     which things came from which: both ways, within limits
* `flows`     what came in and went out, lot by lot
* `balance`, `times`, `seen`, `papers`   the checks, one family each
* `recall`    what a recall reaches
* `findings`  all checks together
* `proof`     a trace that carries every history it was made of, to be checked offline
"""
