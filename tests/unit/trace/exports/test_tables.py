"""CSV and Parquet hold the trace, as duckdb reads them; cells are safe."""

import csv
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from kit.exported import WALL, chunks, everything, exported
from kit.tape import MS, ZERO, Rig, S, header, hello, merged
from loopscope.core.records import AgentSpec, AgentState, Chunks, Mark, Server, Truth
from loopscope.trace.exports import csvs, parquets
from loopscope.trace.exports.tables import TABLES

PUBLISHED = {
    "loop_lag": ["timestamp", "lag_ms"],
    "chunk_metrics": ["timestamp", "agent_id", "chunk_index", "bytes", "gap_ms", "parse_ms"],
    "gpu_metrics": ["timestamp", "power.draw [W]", "utilization.gpu [%]", "memory.used [MiB]"],
}


@pytest.fixture(params=["csv", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The tables of a trace in one of both forms."""
    return exported(tmp_path, request.param)


def table(folder: Path, name: str) -> str:
    """What duckdb calls a table of an export."""
    (path,) = folder.glob(f"{name}.*")
    return f"'{path}'"


def one(sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = duckdb.sql(sql).fetchall()[0]
    return row


def test_the_files_are_those_that_were_promised(folder: Path) -> None:
    """One file a table and nothing else; the published ones begin with the published columns."""
    assert {path.stem for path in folder.iterdir()} == set(TABLES)
    for name, columns in PUBLISHED.items():
        assert duckdb.sql(f"select * from {table(folder, name)}").columns[: len(columns)] == columns
    for name, columns in TABLES.items():
        assert duckdb.sql(f"select * from {table(folder, name)}").columns == [column.name for column in columns]


def test_every_chunk_is_a_row_with_its_times(folder: Path) -> None:
    """As many rows as chunks; gaps of 10 ms within a request and none across; delay, handling and index as planted."""
    count, gaps, least, most, delay, parse, agents = one(
        "select count(*), count(gap_ms), min(gap_ms), max(gap_ms), max(delay_ms), min(parse_ms),"
        f" count(distinct agent_id) from {table(folder, 'chunk_metrics')}"
    )
    assert count == chunks(everything()) == 940
    assert gaps == count - 2 * 5 - 2  # five requests an agent were begun; none is told across the lines that are lost
    assert (least, most, agents) == (pytest.approx(10.0), pytest.approx(10.0), 2)
    assert (delay, parse) == (pytest.approx(0.5), pytest.approx(0.02))
    assert one(f"select min(chunk_index), max(chunk_index) from {table(folder, 'chunk_metrics')}") == (0, 99)
    assert one(f"select count(bytes) from {table(folder, 'chunk_metrics')}") == (0,)
    first = one(f"select min(t_s), min(timestamp) from {table(folder, 'chunk_metrics')}")
    assert first == (pytest.approx(0.5), pytest.approx(ZERO / S + 0.5))


def test_wall_times_follow_the_header_s_anchor(folder: Path) -> None:
    """``unix_s`` is Unix time, a number of seconds in each format; the date of the power is UTC as published."""
    assert one(f"select min(unix_s) from {table(folder, 'marks')}") == (pytest.approx(WALL / S + 2, abs=1e-3),)
    (date,) = one(f"""select "timestamp"::varchar from {table(folder, "gpu_metrics")}""")
    assert date.replace("-", "/").startswith("2027/01/15 08:00:01")


def test_loop_power_requests_and_marks_are_rows(folder: Path) -> None:
    """Lag above the floor, shares of the loop, the card, ended requests, and one row for each event."""
    lag, above = one(f"select max(lag_ms), max(above_floor_ms) from {table(folder, 'loop_lag')}")
    assert (lag, above) == (pytest.approx(0.1), 0)
    elu, backlog = one(f"select max(elu), max(backlog_bytes) from {table(folder, 'loop_metrics')}")
    assert (elu, backlog) == (pytest.approx(0.05), 640)
    power = one(f"""select "power.draw [W]", "utilization.gpu [%]", "memory.used [MiB]", name from
        {table(folder, "gpu_metrics")}""")
    assert power == (90.5, 50, 1024, "Card")
    requests = one(f"select count(*), sum(tokens), max(ttft_ms), max(chunks) from {table(folder, 'requests')}")
    assert requests == (8, 800, pytest.approx(200.0), 100)
    kinds = duckdb.sql(f"select kind from {table(folder, 'marks')} order by t_s").fetchall()
    assert [kind for (kind,) in kinds] == ["lever", "mark", "stall", "finding", "finding", "loss", "phase", "result"]
    stall = one(f"select words, duration_ms, t_s from {table(folder, 'marks')} where kind = 'stall'")
    assert stall == ("app/main.py:12 parse", 80, pytest.approx(3.9))


def test_text_cells_are_never_formulas(tmp_path: Path) -> None:
    """A text that begins like a formula gets an apostrophe, controls become dots, and quoting holds."""
    spec = AgentSpec(agent=0, name='=cmd|" /C"!A0', server=0, model="@m, n")
    records = merged(
        msgspec.structs.replace(header(1, servers=[Server(url="http://127.0.0.1:1")]), agents=[spec]),
        hello(1),
        Rig(S // 2, S, (0,)),
        *(Mark(t_ns=ZERO + S + n, words=text) for n, text in enumerate(["+1", "-1", "a\x1b[2J\nb", "1-1", 'x,"y"'])),
        Chunks(t_ns=ZERO + 2 * S, proc="rig-1", base_ns=ZERO + S, agent=[0], recv=[5], delay=[-7 * MS], handled=[1]),
    )
    out = exported(tmp_path, "csv", records)
    with (out / "chunk_metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["agent_id"] for row in rows} == {'\'=cmd|" /C"!A0'}
    assert {row["model"] for row in rows} == {"'@m, n"}
    assert rows[-1]["delay_ms"] == "-7.000000", "numbers stay numbers"
    with (out / "marks.csv").open(newline="", encoding="utf-8") as file:
        words = [row["words"] for row in csv.DictReader(file)]
    assert words == ["'+1", "'-1", "a·[2J·b", "1-1", 'x,"y"']


def test_what_is_not_known_is_an_empty_cell(tmp_path: Path) -> None:
    """No wall clock, no floor, no stamp, a request whose beginning was not seen: empty, not zero."""
    records = merged(
        header(1),
        hello(1, floor_ns=None),
        Chunks(
            t_ns=ZERO + S,
            proc="rig-1",
            base_ns=ZERO,
            agent=[0, 0],
            recv=[1, 2],
            delay=[None, 5],
            handled=[1, 1],
            whole=[0],
        ),
        Rig(S, 2 * S, (0,), elu=None),
        Truth(t_ns=ZERO + S, proc="emulator-1", requests=1, streams=1, chunks=1, tokens=1, watts=31.5),
    )
    out = exported(tmp_path, "csv", records)
    head = "select unix_s, chunk_index, gap_ms, delay_ms from"
    assert one(f"{head} '{out}/chunk_metrics.csv' order by t_s limit 1") == (None, None, None, None)
    assert one(f"select count(floor_ms), count(above_floor_ms) from '{out}/loop_lag.csv'") == (0, 0)
    assert one(f"select count(elu), count(loop_cpu) > 0 from '{out}/loop_metrics.csv'") == (0, True)
    power = one(f"""select "timestamp", "power.draw [W]", source, name from '{out}/gpu_metrics.csv'""")
    assert power == (None, 31.5, "simulated", "emulator-1")


def test_a_takeover_leaves_each_stream_its_own_gaps(tmp_path: Path) -> None:
    """Two rigs hold one agent for a while: gaps are those within each rig's request."""
    old, new = Rig(S, 3 * S, (0,)), Rig(2 * S, 4 * S, (0,), proc="rig-2", gap=20 * MS)
    out = exported(tmp_path, "csv", merged(header(1), hello(1), hello(2, "rig-2"), old, new))
    found = duckdb.sql(f"select proc, min(gap_ms), max(gap_ms) from '{out}/chunk_metrics.csv' group by 1 order by 1")
    assert found.fetchall() == [("rig-1", 10.0, 10.0), ("rig-2", 20.0, 20.0)]


def test_agents_of_a_program_are_known_by_what_they_say(tmp_path: Path) -> None:
    """An agent that the header does not have gets its name and server from its state."""
    state = AgentState(t_ns=ZERO + 1, proc="rig-1", agent=7, state="streaming", name="httpx #1", url="http://gpu:1")
    out = exported(tmp_path, "csv", merged(header(0), state, Rig(S, 2 * S, (7, 8))))
    found = duckdb.sql(f"select distinct agent_id, server from '{out}/chunk_metrics.csv' order by agent").fetchall()
    assert set(found) == {("httpx #1", "http://gpu:1"), ("agent 9", None)}


def test_the_module_names_its_files() -> None:
    """CSV and Parquet have the same tables."""
    assert [Path(name).stem for name in csvs.NAMES] == [Path(name).stem for name in parquets.NAMES] == list(TABLES)
