"""Engines: what puts entries in one order. An engine drives the application's verbs and is trusted with nothing else."""
