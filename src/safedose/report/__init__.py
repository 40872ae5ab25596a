"""The report of a study: one HTML file that answers, shows and proves, offline."""

from safedose.report.document import render

__all__ = ["render"]
