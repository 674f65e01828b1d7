"""The command line: the composition root. Each module here is one family of commands; `main` runs them."""

from api.cli.app import main

__all__ = ["main"]
