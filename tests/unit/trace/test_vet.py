"""Values that no recorder writes are refused, and texts cannot reach a terminal as they came."""

import pytest

from loopscope.core.errors import TraceError
from loopscope.core.records import (
    AgentSpec,
    AgentState,
    AnyRecord,
    Chunks,
    Header,
    Hello,
    HostLoad,
    Mark,
    Power,
    Pulse,
    Request,
    Server,
)
from loopscope.trace.vet import MAX_AGENT, MAX_PROCS, SPAN_NS, Vetter, check_header

T0 = 10**15


def chunks(**changes: object) -> Chunks:
    columns: dict[str, object] = {"base_ns": T0, "agent": [0, 1], "recv": [5, 5], "delay": [None, 7]}
    return Chunks(t_ns=T0, **(columns | {"handled": [1, 1]} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record",
    [
        Mark(t_ns=-1, words=""),
        Mark(t_ns=T0 + 2 * SPAN_NS, words=""),
        Mark(t_ns=10**30, words=""),
        AgentState(t_ns=T0, agent=10**7, state="streaming"),
        AgentState(t_ns=T0, agent=-1, state="streaming"),
        Request(t_ns=T0, agent=0, request=1, outcome="ok", start_ns=0, end_ns=T0),
        Request(t_ns=T0, agent=0, request=1, outcome="ok", start_ns=T0, end_ns=T0, tokens=-1),
        Request(t_ns=T0, agent=0, request=1, outcome="ok", start_ns=T0, end_ns=T0, eval_ns=10**18),
        Power(t_ns=T0, source="nvml", watts=1e308),
        Power(t_ns=T0, source="nvml", watts=float("nan")),
        HostLoad(t_ns=T0, cpu=[0.5, 1e300]),
        HostLoad(t_ns=T0, cpu=[0.5], procs={"x": float("inf")}),
        HostLoad(t_ns=T0, cpu=[0.5], procs={str(n): 0.1 for n in range(5000)}),
        Pulse(t_ns=T0, dt_ns=10**8, loop="asyncio", lag_ns=[0, 10**18]),
        Pulse(t_ns=T0, dt_ns=10**8, loop="asyncio", reads=10**30),
        Hello(t_ns=T0, role="rig", pid=1, perf_ns=T0, wall_ns=10**30),
        chunks(recv=[5]),
        chunks(agent=[0, MAX_AGENT]),
        chunks(recv=[5, 10**18]),
        chunks(recv=[-(10**15), 10**15]),
        chunks(delay=[None, 10**20]),
        chunks(handled=[1, 10**18]),
        chunks(first=[2]),
        chunks(first=[-1]),
        chunks(base_ns=0),
    ],
)
def test_impossible_values_are_refused(record: AnyRecord) -> None:
    """A stamp outside of the trace, a number out of range, columns that do not fit each other: TraceError."""
    with pytest.raises(TraceError):
        Vetter(T0).check(record)


@pytest.mark.parametrize(
    "record",
    [
        Mark(t_ns=T0, words="a"),
        Mark(t_ns=T0 - 10**9, words="just before the header"),
        chunks(),
        chunks(recv=[5, -3]),
        chunks(delay=[-(10**18), 10**18]),
        chunks(agent=[], recv=[], delay=[], handled=[]),
        Request(t_ns=T0, agent=0, request=1, outcome="ok", start_ns=T0, end_ns=T0 + 5, handle_ns=-1),
        Power(t_ns=T0, source="cpu"),
        HostLoad(t_ns=T0, cpu=[0.0, 1.0], procs={"rig-1": 0.5}),
        Hello(t_ns=T0, role="rig", pid=1, perf_ns=T0, wall_ns=1, info={"python": "3.13"}),
    ],
)
def test_what_a_recorder_writes_passes_unchanged(record: AnyRecord) -> None:
    """Ordinary records come out as the very same objects: nothing is copied without need."""
    assert Vetter(T0).check(record) is record


def test_every_text_is_made_plain() -> None:
    """Escape sequences are replaced wherever a text may stand: members, lists of members, keys and values."""
    evil = "\x1b[2J\u202eok" + "x" * 900
    header = check_header(
        Header(
            t_ns=T0,
            proc=evil,
            scenario=evil,
            host={evil: evil},
            levers={"loop": evil},
            servers=[Server(url=evil)],
            agents=[AgentSpec(agent=0, name=evil, server=0, options={evil: evil, "n": 1})],
        )
    )
    hello = Vetter(T0).check(Hello(t_ns=T0, role=evil, pid=1, perf_ns=T0, wall_ns=1, signals={"elu": evil}))
    for record in (header, hello):
        text = str(record)
        assert "\x1b" not in text
        assert "\\x1b" not in text
        assert "u202e" not in text
        assert "x" * 500 not in text
    assert header.scenario.startswith("·[2J·ok")
    assert header.agents[0].options["n"] == 1


def test_a_file_has_only_so_many_processes() -> None:
    """An account is kept for every process, so their number is bounded."""
    vetter = Vetter(T0)
    for number in range(MAX_PROCS):
        vetter.check(Mark(t_ns=T0, proc=f"rig-{number}", words=""))
    vetter.check(Mark(t_ns=T0, proc="rig-1", words=""))
    with pytest.raises(TraceError, match="processes"):
        vetter.check(Mark(t_ns=T0, proc="one-more", words=""))


def test_a_header_must_be_one() -> None:
    """Another record in the header's place, or an impossible time, is refused."""
    with pytest.raises(TraceError, match="no header"):
        check_header(Mark(t_ns=T0, words=""))
    with pytest.raises(TraceError, match="impossible time"):
        check_header(Header(t_ns=-1))
