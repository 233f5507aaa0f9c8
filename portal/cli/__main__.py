"""`python -m portal.cli` is `plimsoll`, wherever its script lies."""

from portal.cli.main import main

main()
