"""The JSON schemas of what ``--json`` prints, generated from the types and shipped beside this file.

``python -m loopscope.report.schemas`` writes them anew; a test holds the shipped files against the types.
"""

import json
from importlib import resources
from typing import Any

import msgspec

from loopscope.model.summary_types import SCHEMA_VERSION, Summary
from loopscope.report.trace_report import Report

KINDS: dict[str, type] = {"summary": Summary, "report": Report}
"""``record``, ``replay``, ``run`` and the live screen print a summary; ``report`` prints a report."""


def generated(name: str) -> str:
    """Return the schema that the types have now."""
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"loopscope {name}, schema_version {SCHEMA_VERSION}",
        **msgspec.json.schema(KINDS[name]),
    }
    return json.dumps(found, indent=2) + "\n"


def shipped(name: str) -> str:
    """Return the schema file that ships."""
    return (resources.files(__package__) / f"{name}.json").read_text("utf-8")
