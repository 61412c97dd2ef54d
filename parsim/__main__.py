"""Let `python -m parsim` be the command `parsim`."""

from parsim.cli import main

main()
