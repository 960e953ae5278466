"""The report page: one HTML file that shows a report and every sample, and reaches for nothing else."""

from ontune.evaluation.page.page import write_page
from ontune.evaluation.page.samples import Mark, PageSample, RunAnswer, page_samples
from ontune.evaluation.page.thumbnails import Thumbnails

__all__ = ["Mark", "PageSample", "RunAnswer", "Thumbnails", "page_samples", "write_page"]
