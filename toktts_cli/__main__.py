"""`python -m toktts_cli`: the console script where it is not on the path."""

from toktts_cli import main

main()
