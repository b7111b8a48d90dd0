"""`python -m masklet` is the command `masklet`."""

from masklet.cli.main import main

main()
