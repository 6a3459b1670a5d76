"""From a Chunks record to its chunks."""

import math

import numpy as np

from loopscope.core.records import Chunks
from loopscope.model.agents import AgentTable
from loopscope.model.rows import Carry, Rows, rows_of

MS = 1_000_000
T = 10_000 * MS


class Reader:
    """Reads records in a row, as the fold does."""

    def __init__(self) -> None:
        self.agents = AgentTable()
        self.carry = Carry()
        self.refused = 0

    def read(self, **columns: object) -> Rows | None:
        n = len(columns["agent"])
        given = {"base_ns": 0, "recv": [0] * n, "delay": [None] * n, "handled": [0] * n} | columns
        rows, refused = rows_of(Chunks(t_ns=T, **given), T, 0, self.agents, self.carry)
        self.refused += refused
        return rows


def clean(values: np.ndarray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def test_gaps_go_from_chunk_to_chunk_of_one_agent() -> None:
    """Rows of several agents are mixed; each gap is between neighbours of the same one."""
    rows = Reader().read(agent=[5, 9, 5, 9], recv=[MS, MS, 10 * MS, 10 * MS], first=[0, 1])
    assert rows.slot.tolist() == [0, 0, 1, 1]
    assert rows.recv.tolist() == [MS, 12 * MS, 2 * MS, 22 * MS]
    assert clean(rows.gap) == [None, 11 * MS, None, 20 * MS]


def test_a_gap_may_span_two_records() -> None:
    """The last chunk of one tick is the neighbour of the first one of the next."""
    reader = Reader()
    reader.read(agent=[1], base_ns=5 * MS, first=[0])
    rows = reader.read(agent=[1], base_ns=25 * MS)
    assert clean(rows.gap) == [20 * MS]


def test_no_gap_leads_into_a_request() -> None:
    """The first chunk of a request has no gap, within a record and across two."""
    reader = Reader()
    rows = reader.read(agent=[1, 1, 1], recv=[MS, MS, 900 * MS], first=[0, 2])
    assert clean(rows.gap) == [None, MS, None]
    assert clean(reader.read(agent=[1], base_ns=950 * MS, first=[0]).gap) == [None]


def test_chunks_without_a_request_before_them_have_no_gap() -> None:
    """A recording that begins in mid-stream: the first chunk seen has no neighbour."""
    assert clean(Reader().read(agent=[3, 3], recv=[MS, 2 * MS]).gap) == [None, 2 * MS]


def test_the_server_gap_is_the_gap_less_the_growth_of_the_delay() -> None:
    """Received 10 ms apart, delayed 1 and 4 ms: sent 7 ms apart. Without a stamp it is not known."""
    rows = Reader().read(agent=[1, 1, 1], recv=[0, 10 * MS, 10 * MS], delay=[MS, 4 * MS, None], first=[0])
    assert clean(rows.server_gap) == [None, 7 * MS, None]
    assert clean(rows.delay) == [MS, 4 * MS, None]


def test_equal_stamps_are_one_read() -> None:
    """Three chunks with one received stamp came in one read."""
    rows = Reader().read(agent=[1] * 4, recv=[MS, 0, 0, MS], first=[0])
    assert rows.read.tolist() == [True, False, False, True]
    assert clean(rows.gap) == [None, 0, 0, MS]


def test_the_order_in_a_record_does_not_matter_between_agents() -> None:
    """Agents that take turns give the same gaps as agents one after the other."""
    apart = Reader().read(agent=[1, 1, 2, 2], recv=[MS, 2 * MS, -2 * MS, 2 * MS], first=[0, 2])
    mixed = Reader().read(agent=[1, 2, 1, 2], recv=[MS, 0, 2 * MS, 0], first=[0, 1])
    assert clean(apart.gap) == clean(mixed.gap) == [None, 2 * MS, None, 2 * MS]


def test_columns_of_unequal_length_are_refused() -> None:
    """A record that is torn inside gives nothing, and each of its rows is counted."""
    reader = Reader()
    assert reader.read(agent=[1, 1, 1], recv=[1]) is None
    assert reader.refused == 3


def test_numbers_beyond_64_bits_are_refused() -> None:
    """No column can make it raise."""
    for column, value in (("agent", 10**30), ("recv", 10**30), ("delay", 10**400), ("first", 10**30)):
        reader = Reader()
        columns = {"agent": [1], "recv": [0], "delay": [0], "first": []} | {column: [value]}
        assert reader.read(**columns) is None
        assert reader.refused == 1
    assert Reader().read(agent=[1], base_ns=10**40) is None


def test_rows_from_another_time_are_refused() -> None:
    """Received after the record was made, or an hour before: left out and counted; the others stay."""
    reader = Reader()
    hour = 3_600_000 * MS
    rows = reader.read(agent=[1, 1, 1], base_ns=0, recv=[0, T + 2_000 * MS, -T - 2_000 * MS + MS], first=[0])
    assert rows.recv.tolist() == [0, MS]
    assert clean(rows.gap) == [None, MS]
    assert reader.refused == 1
    assert reader.read(agent=[1], base_ns=T - hour - MS) is None
    assert reader.refused == 2


def test_a_gap_cannot_run_backwards() -> None:
    """Rows of one agent out of order: the gap is unknown and counted as refused, the chunk is kept."""
    reader = Reader()
    rows = reader.read(agent=[1, 1], base_ns=9 * MS, recv=[0, -MS], first=[0])
    assert rows.slot.size == 2
    assert clean(rows.gap) == [None, None]
    assert reader.refused == 1


def test_ids_that_cannot_be_are_refused() -> None:
    """Ten million agents do not get ten million places."""
    reader = Reader()
    rows = reader.read(agent=[-1, 10_000_000, 4])
    assert rows.slot.tolist() == [0]
    assert reader.refused == 2
    assert len(reader.agents.all) == 1


def test_places_for_agents_end() -> None:
    """However many ids come, there are at most 2 048 agents; the rows of the others are counted."""
    reader = Reader()
    reader.read(agent=list(range(60_000)))
    assert len(reader.agents.all) == 2_048
    assert reader.refused == 60_000 - 2_048


def test_a_delay_of_days_is_not_known() -> None:
    """A stamp from another day is no stamp."""
    rows = Reader().read(agent=[1, 1], delay=[10**15, -(10**15)])
    assert clean(rows.delay) == [None, None]
