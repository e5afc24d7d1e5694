"""``python -m structgen``: the command line."""

from structgen.cli import main

main()
