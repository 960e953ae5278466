"""The demo of EduGraph: worksheets to labels of an ontology, in two stages."""

from ontune.demo.edugraph.pipeline import steps
from ontune.demo.edugraph.results import results

__all__ = ["results", "steps"]
