"""Whatever a snapshot holds, every rule answers, and what it finds can be written on a line."""

from dataclasses import fields
from math import isfinite

from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopscope.core.codec import decode, encode
from loopscope.core.records import Finding
from loopscope.model.findings import RULES, Found
from loopscope.model.loop_stack import LoopStack
from loopscope.model.snapshot import LeverView, ObserverView, Quantiles, Recent, Snapshot, StallView
from loopscope.settings.thresholds import THRESHOLDS

NUMBERS = st.one_of(st.none(), st.sampled_from([0.0, 1e-9, 0.5, 0.95, 1.0, 2.0, 150.0, 1e6, 1e12]))
QUANTILES = st.builds(Quantiles, st.integers(0, 9), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
KNOWN = {
    "seconds": st.sampled_from([0.0, 1.0, 2.5, 3.0]),
    "chunks": st.sampled_from([0, 19, 20, 10**6]),
    "lag_ms": QUANTILES,
    "delay_ms": QUANTILES,
}
STACKS = st.none() | st.builds(LoopStack, *[st.floats(0, 1)] * 5)
RECENTS = st.builds(
    Recent, **{each.name: {"stack": STACKS, **KNOWN}.get(each.name, NUMBERS) for each in fields(Recent)}
)
STALLS = st.lists(
    st.builds(
        StallView,
        st.floats(0, 100),
        st.sampled_from([0.0, 30.0, 300.0, 1e7]),
        st.sampled_from(["callback", "gc", "turn", "gil", "core"]),
        st.sampled_from(["", "a.py:1", "b.py:2 in f"]),
        cpu_ms=NUMBERS,
    ),
    max_size=20,
)
LEVERS = st.lists(
    st.builds(
        LeverView,
        st.sampled_from(["throttle", "loop", "batch", "decoder", "agents"]),
        st.sampled_from(["", "off", "20", "2.5", "adaptive", "read:50ms", "asyncio", "uvloop", "json", "²", "16"]),
    )
)
SNAPSHOTS = st.builds(
    Snapshot,
    t_s=st.sampled_from([0.0, 3.0, 100.0]),
    recent=RECENTS,
    levers=LEVERS.map(tuple),
    stalls=STALLS.map(lambda held: tuple(sorted(held, key=lambda stall: stall.t_s))),
    observer=st.builds(ObserverView, NUMBERS, NUMBERS, st.integers(0, 9), dropped_at_s=NUMBERS),
    host_cpu=st.lists(st.floats(0, 1), max_size=3).map(tuple),
)
LIMITS = st.fixed_dictionaries({name: st.sampled_from([0.0, one.default, 1e9]) for name, one in THRESHOLDS.items()})


AT_ONCE = Snapshot(t_s=3.0, stalls=(StallView(3.0, 0.0, "callback", "a.py:1"),) * 20)


@settings(max_examples=200)
@given(SNAPSHOTS, LIMITS)
@example(AT_ONCE, dict.fromkeys(THRESHOLDS, 0.0))
def test_every_rule_answers(snapshot: Snapshot, limits: dict[str, float]) -> None:
    """No rule raises, and a finding is a finite, printable record that reads back as it was."""
    for name, rule in RULES.items():
        answer = rule.ask(snapshot, limits)
        if isinstance(answer, Found):
            assert answer.sentence.isprintable()
            assert all(isfinite(value) for value in answer.figures.values())
            record = Finding(
                t_ns=1, name=name, on=True, sentence=answer.sentence, evidence=answer.evidence, figures=answer.figures
            )
            assert decode(encode(record)) == record
