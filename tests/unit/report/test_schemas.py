"""The JSON schemas that ship."""

import json
from typing import Any

import msgspec
import pytest

from kit.tape import calm
from loopscope.cli.replay import find
from loopscope.core.codec import as_dict, as_json
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.model.summary_types import SCHEMA_VERSION, Summary
from loopscope.report.schemas import KINDS, generated, shipped
from loopscope.report.trace_report import Report, as_data
from loopscope.session.folding import fold_file

PUBLISHED = {
    "loopscope",
    "source",
    "source_words",
    "source_reason",
    "scenario",
    "duration_s",
    "measured_s",
    "servers",
    "agents",
    "loop",
    "ceiling",
    "chunks",
    "tokens",
    "requests",
    "errors",
    "taken",
    "chunks_s",
    "tok_s",
    "ttft_ms",
    "itl_ms",
    "gap_ms",
    "server_gap_ms",
    "delay_ms",
    "delay_words",
    "handled_ms",
    "segments",
    "levers",
    "best",
    "power",
    "observer",
    "truth",
    "findings",
    "stalls",
    "marks",
    "losses",
}
"""The members of schema version 1: none goes without another version and a note in the changelog."""


def _summary() -> Summary:
    fold = Fold()
    for record in calm():
        fold.feed(record)
    return summary(fold)


@pytest.mark.parametrize("name", KINDS)
def test_the_shipped_schema_is_that_of_the_types(name: str) -> None:
    """'python -m loopscope.report.schemas' writes it anew."""
    assert shipped(name) == generated(name)
    assert f"schema_version {SCHEMA_VERSION}" in json.loads(shipped(name))["title"]


def test_a_summary_keeps_its_published_members_and_goes_through_its_own_type() -> None:
    """What is printed can be read back into the types, so the schema holds it."""
    made = _summary()
    told: dict[str, Any] = as_dict(made)
    assert told.keys() >= PUBLISHED
    assert told["schema_version"] == SCHEMA_VERSION == 1
    assert msgspec.json.decode(as_json(made).encode(), type=Summary) == made


def test_a_summary_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        _summary().chunks = 1  # type: ignore[misc]


def test_the_report_of_a_recording_can_be_read_back() -> None:
    """Numbers of numpy, procedures, lines over time: all of it is JSON, and fits the type."""
    told = as_json(as_data(fold_file(find("calm-pair"))))
    assert msgspec.json.decode(told.encode(), type=Report).file.whole
