"""The demo of conditions: objects that a detector found on an embankment, each with its condition."""

from ontune.demo.conditions.pipeline import steps
from ontune.demo.conditions.results import results

__all__ = ["results", "steps"]
