"""The tests; each `test_<name>.py` mirrors the module of that name."""
