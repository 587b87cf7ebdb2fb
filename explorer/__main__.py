"""`python -m explorer` is `resnext-explorer`."""

from explorer.cli import main

main()
