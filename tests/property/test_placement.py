"""Figures of several loops side by side merge exactly: the same as if one loop had carried all of it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.tape import MS, Rig, S, header, hello, merged
from loopscope.core.codec import as_dict
from loopscope.core.records import AnyRecord, Chunks, Pulse, Request
from loopscope.model.fold import Fold
from loopscope.model.summary import summary

_ADDING = ("chunks", "tokens", "requests", "errors", "taken")
_SPREAD = ("delay_ms", "gap_ms", "server_gap_ms", "ttft_ms", "itl_ms", "handled_ms")


def _fold(records: list[AnyRecord]) -> Fold:
    fold = Fold()
    for record in records:
        fold.feed(record)
    return fold


def _greeting(proc: str) -> AnyRecord:
    told = hello(proc=proc)
    return replace(told, info={**told.info, "group": "1"})


@settings(max_examples=25)
@given(
    loops=st.integers(2, 5),
    gaps=st.lists(st.sampled_from([5 * MS, 10 * MS, 20 * MS, 33 * MS]), min_size=5, max_size=5),
    delays=st.lists(st.integers(10_000, 30 * MS), min_size=5, max_size=5),
    elus=st.lists(st.floats(0.01, 0.95), min_size=5, max_size=5),
)
def test_many_loops_add_up_to_one(loops: int, gaps: list[int], delays: list[int], elus: list[float]) -> None:
    """Chunks, tokens, requests and every histogram are those of one loop that had all agents; CPU adds up; the loop
    that is shown is the fullest."""
    rigs = [
        Rig(
            S // 2,
            8 * S,
            (place,),
            proc=f"rig-{place + 1}",
            gap=gaps[place],
            delay=delays[place],
            elu=elus[place],
            cpu=elus[place] / 2,
            length=64,
        )
        for place in range(loops)
    ]
    several = _fold([header(loops), *(_greeting(rig.proc) for rig in rigs), *merged(*rigs)])
    streams: list[AnyRecord] = []
    for record in merged(*rigs):
        if isinstance(record, Chunks | Request):
            streams.append(replace(record, proc="rig-1"))
        elif isinstance(record, Pulse) and record.proc == "rig-1":
            streams.append(record)
    one = _fold([header(loops), _greeting("rig-1"), *streams])

    left, right = as_dict(summary(several)), as_dict(summary(one))
    assert {name: left[name] for name in _ADDING} == {name: right[name] for name in _ADDING}
    assert {name: left[name] for name in _SPREAD} == {name: right[name] for name in _SPREAD}
    assert left["agents"] == right["agents"]
    assert left["chunks_s"] == right["chunks_s"]
    assert left["loop"]["count"] == loops
    fullest = max(elus[:loops])
    assert abs(left["loop"]["elu"] - fullest) < 0.01
    assert abs(left["loop"]["cpu_all"] - sum(elus[:loops]) / 2) < 0.01 * loops
    shown = several.snapshot()
    assert len(shown.loops) == loops
    assert shown.loop == shown.loops[0]
    assert shown.loop.elu is not None and abs(shown.loop.elu - fullest) < 0.01
