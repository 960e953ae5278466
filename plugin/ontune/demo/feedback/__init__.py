"""The demo of exercise videos: clips to exercise, mistakes and feedback."""

from ontune.demo.feedback.pipeline import steps
from ontune.demo.feedback.results import results

__all__ = ["results", "steps"]
