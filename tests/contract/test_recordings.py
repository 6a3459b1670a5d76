"""Every recording that ships opens, is whole and small, and shows what its name says."""

import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from loopscope.core.codec import as_dict
from loopscope.core.records import FORMAT
from loopscope.model.summary import summary
from loopscope.session.replay import fold_whole
from loopscope.trace.reader import Outcome, read

FOLDER = Path(__file__).parents[2] / "recordings"
NAMES = sorted(path.name.removesuffix(".jsonl.zst") for path in FOLDER.glob("*.jsonl.zst"))
ABOUT = tomllib.loads((FOLDER / "about.toml").read_text("utf-8"))


def _format(name: str) -> int:
    with read(FOLDER / f"{name}.jsonl.zst") as reading:
        return reading.header.format


fresh = pytest.mark.skipif(
    _format("busy-sixteen") != FORMAT, reason="busy-sixteen is still of an older format: run recordings/make.py"
)


@cache
def folded(name: str) -> tuple[dict[str, Any], Outcome]:
    """What a recording comes to."""
    fold, outcome = fold_whole(FOLDER / f"{name}.jsonl.zst")
    return as_dict(summary(fold)), outcome


def told(name: str, finding: str) -> dict[str, Any]:
    """The first finding of that name."""
    found: list[dict[str, Any]] = [one for one in folded(name)[0]["findings"] if one["name"] == finding]
    assert found, f"{name} has no finding {finding}: {[one['name'] for one in folded(name)[0]['findings']]}"
    return found[0]


def test_those_that_were_promised_are_there_with_their_words() -> None:
    """A calm pair, a saturation, an uneven pair, a stall, one of each format; each has its line, and no line more."""
    assert {"calm-pair", "busy-sixteen", "uneven-pair", "stall"} <= set(NAMES)
    assert set(ABOUT) == set(NAMES)
    formats = set()
    for name in NAMES:
        with read(FOLDER / f"{name}.jsonl.zst") as reading:
            formats.add(reading.header.format if name.startswith("format-") else FORMAT)
    assert {int(name.removeprefix("format-")) for name in NAMES if name.startswith("format-")} | {FORMAT} == set(
        range(1, FORMAT + 1)
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole_and_small(name: str) -> None:
    """Under 1 MB, closed properly, nothing damaged, nothing ignored, no error."""
    assert (FOLDER / f"{name}.jsonl.zst").stat().st_size < 1_000_000
    result, outcome = folded(name)
    assert outcome.whole, outcome.words
    assert result["errors"] == 0
    assert result["chunks"] > 1000


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[fresh] if name == "busy-sixteen" else [])
        for name in NAMES
        if not name.startswith("format-")
    ],
)
def test_each_is_of_this_format_and_made_by_the_script(name: str) -> None:
    """The script in the folder names it; its lines need no migration."""
    script = (FOLDER / "make.py").read_text("utf-8")
    assert f'"{name}": [' in script
    with read(FOLDER / f"{name}.jsonl.zst") as reading:
        assert reading.header.format == FORMAT


def test_the_list_has_one_line_each() -> None:
    """``loopscope replay`` alone names each with its length, its agents and what it shows."""
    child = subprocess.run(
        [sys.executable, "-m", "loopscope", "replay"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert child.returncode == 0, child.stderr
    lines = {line.split()[0]: line for line in child.stdout.splitlines() if line.startswith("  ")}
    assert sorted(lines) == NAMES
    for name, line in lines.items():
        assert ABOUT[name] in line
        assert " agents " in line


def test_the_calm_pair_is_calm() -> None:
    """Two agents, a loop with room, and the levers that its words name."""
    result, _ = folded("calm-pair")
    assert result["segments"][0]["loop"]["elu"] < 0.3
    assert [f"{one['name']}={one['new']}" for one in result["levers"]] == [
        "loop=uvloop",
        "batch=read:50ms",
        "batch=off",
        "throttle=60",
    ]


@fresh
def test_the_busy_sixteen_fill_the_loop_and_end_with_levers_pulled() -> None:
    """Full on asyncio, and so it is found; it ends on uvloop with batching, less full."""
    result, _ = folded("busy-sixteen")
    first, last = (result["segments"][place]["loop"]["elu"] for place in (0, -1))
    assert first >= 0.85
    assert [f"{one['name']}={one['new']}" for one in result["levers"]] == ["loop=uvloop", "batch=read:50ms"]
    assert last < first
    assert told("busy-sixteen", "client-cpu")


def test_the_uneven_pair_is_uneven() -> None:
    """One agent gets less than half of the other, and the finding says so."""
    result, _ = folded("uneven-pair")
    slow, fast = sorted(agent["tok_s"] for agent in result["agents"])
    assert slow < 0.6 * fast
    assert told("uneven-pair", "imbalance")


def test_the_stall_names_its_line() -> None:
    """The finding and the list of places name file and function of the planted callback; then it ceases."""
    result, _ = folded("stall")
    finding = told("stall", "blocking-call")
    assert "plants.py" in finding["sentence"] + finding["evidence"]
    assert finding["until_s"] is not None
    assert "plants.py" in str(result["stalls"])
