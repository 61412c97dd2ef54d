"""Run the command `parsim` for `python -m parsim`."""

from parsim.cli import main

main()
