"""The command line: the composition root. Each module here is one family of commands; `main` runs them."""


def main() -> None:
    """Run `sogoc`."""
    from api.cli.app import main as run  # noqa: PLC0415  workers of an audit import this package and need none of it

    run()
