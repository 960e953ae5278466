"""`python -m ontune_converters NAME …`, the same as `ontune convert NAME …`."""

from ontune.console import run
from ontune_converters.app import command

run(command, "python -m ontune_converters")
