"""`python -m api.cli`: the same as the command `sogoc`."""

from api.cli import main

# Workers of an audit import this module again under another name.
if __name__ == "__main__":
    main()
