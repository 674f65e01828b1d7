"""Slow, obvious twins of the families of records, over dictionaries."""
