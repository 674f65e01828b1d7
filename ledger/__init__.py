"""Sổ Gốc's library: an append-only register whose every statement can be checked without trusting who keeps it."""
