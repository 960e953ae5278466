"""The demo of service manuals: pages of a PDF, and questions about them."""

from ontune.demo.manual.pipeline import steps
from ontune.demo.manual.results import results

__all__ = ["results", "steps"]
