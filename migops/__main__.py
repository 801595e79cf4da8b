"""``python -m migops``: the same as the ``migops`` command."""

from migops.cli.main import main

main()
