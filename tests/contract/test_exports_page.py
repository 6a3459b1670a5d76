"""docs/exports.md describes what the exporters write."""

import re
from io import BytesIO
from pathlib import Path

import pytest

from loopscope.cli.export import CAST
from loopscope.core.records import Header
from loopscope.trace.exports import EXPORTS
from loopscope.trace.exports.openmetrics import OpenMetricsExport
from loopscope.trace.exports.perfetto import MOST_LANES
from loopscope.trace.exports.tables import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text("utf-8")


def section(heading: str) -> str:
    return re.split(r"^#{2,3} ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_format_is_listed_and_no_other() -> None:
    """The first table has a row for each."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Tables")[0], flags=re.MULTILINE)
    assert set(rows) == {*EXPORTS, CAST}


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_and_no_other(name: str) -> None:
    """A table's section, with what stands in every table, names its columns."""
    shared = set(re.findall(r"^\| `(\w+)` \|", section("Tables"), flags=re.MULTILINE))
    columns = {column.name for column in TABLES[name]}
    assert columns <= shared | set(re.findall(r"`([^`]+)`", section(name)))
    described = re.findall(r"^\| (`.+?`) \|", section(name), flags=re.MULTILINE)
    assert {word.strip("` ") for row in described for word in row.split(",")} <= columns | {"unix_s"}


def test_every_metric_is_described() -> None:
    """Each family's name stands in the table of metrics."""
    families = OpenMetricsExport([BytesIO()], Header(t_ns=0))._families
    for name in families:
        assert f"loopscope_{name}" in section("OpenMetrics"), name


def test_the_number_of_lanes_is_the_code_s() -> None:
    """As many chunks side by side as the page says."""
    assert f"side by side, {MOST_LANES} at most" in section("Perfetto")
