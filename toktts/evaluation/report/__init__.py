"""A run folder -> `report.html`, and the pictures on it."""

from toktts.evaluation.report.page import write_report

__all__ = ["write_report"]
