"""`python -m api.cli`: the same as the command `sogoc`."""

from api.cli import main

main()
