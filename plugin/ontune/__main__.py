"""`python -m ontune …`, the same as `ontune …`."""

from ontune.cli import main

main()
