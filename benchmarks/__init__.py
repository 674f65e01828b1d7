"""Measurements of the ledger: one module per question, one harness, results as JSON, plots from the results.

`python -m benchmarks` runs all of them; `docs/performance.md` says what they showed. Never imported by the product.
"""
