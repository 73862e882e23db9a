"""`python -m ven`: the command `ukven`."""

from ven.cli import main

main()
