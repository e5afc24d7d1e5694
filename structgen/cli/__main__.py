"""``python -m structgen.cli``."""

from structgen.cli import main

main()
