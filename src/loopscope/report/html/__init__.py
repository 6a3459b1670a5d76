"""A report as one page that needs nothing else: no network, no library, readable without scripts, and on paper."""

from loopscope.report.html.page import render

__all__ = ["render"]
