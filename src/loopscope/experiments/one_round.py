"""One round: start agents together, wait until each has ended by itself, and say what each of them did."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Protocol

import numpy as np

from loopscope.core.clock import NS_PER_S
from loopscope.core.format import time as time_of
from loopscope.core.records import AgentSpec, AgentState, AnyRecord, Chunks, ClockAnchor, Lever, Loss, Request
from loopscope.model.figure import figures
from loopscope.model.intake import Intake
from loopscope.model.snapshot import Figure
from loopscope.session.procedure import Host, Task
from loopscope.stats.attribution import Work

_LOOK_S = 0.05
LIMIT_S = 1800.0
"""Longest that a round may take: an agent that hangs must not hold the others' figures back for ever."""


class RoundHost(Host, Protocol):
    """A session that can run rounds; :class:`~loopscope.session.live.LiveSource` is one."""

    def start_agents(self, specs: Sequence[AgentSpec]) -> None:
        """Begin to stream with agents that end by themselves."""

    def lag_floors_ns(self) -> dict[str, int]:
        """Give the idle floor of each rig's heartbeat, by the rig's name, where it is known."""


@dataclass(slots=True)
class Deed:
    """What one agent did in one round."""

    spec: AgentSpec
    start_ns: int | None = None
    end_ns: int | None = None
    requests: list[Request] = field(default_factory=list)
    lasts: list[tuple[int | None, int] | None] = field(default_factory=list)
    """For each request the delivery delay and the time to handling of its last chunk (ns)."""
    words: str = ""
    """Why it ended early, if it did."""

    @property
    def problem(self) -> str:
        """Why it does not count; empty when it does."""
        if self.start_ns is None or self.end_ns is None:
            return self.words or "did not end in time"
        failed = next((request for request in self.requests if request.outcome != "ok"), None)
        if failed is not None:
            return f"failed: {failed.words or failed.outcome}"
        if not self.requests:
            return self.words or "sent no request"
        if not sum(request.tokens if request.tokens is not None else request.chunks for request in self.requests):
            return "generated no tokens"
        return ""

    @property
    def wall_s(self) -> float | None:
        """From its start to its end; ``None`` when one of them was not seen."""
        if self.start_ns is None or self.end_ns is None:
            return None
        return (self.end_ns - self.start_ns) / NS_PER_S

    @property
    def tokens(self) -> int | None:
        """Of all its requests; ``None`` when it has none, or one of them does not say."""
        return _sum(request.tokens for request in self.requests) if self.requests else None

    @property
    def ttft_ms(self) -> float | None:
        """Request start to first chunk with content, of its first request."""
        first = next((request for request in self.requests if request.first_ns is not None), None)
        return None if first is None or first.first_ns is None else (first.first_ns - first.start_ns) / 1e6

    @property
    def tok_s(self) -> float | None:
        """Tokens/s while decoding, as the server reports it; else from its first chunk to its last."""
        tokens = seconds = 0.0
        for request in self.requests:
            if request.tokens is None:
                return None
            if request.eval_ns:
                tokens, seconds = tokens + request.tokens, seconds + request.eval_ns / NS_PER_S
            elif request.first_ns is not None and request.last_ns is not None and request.tokens > 1:
                tokens += request.tokens - 1
                seconds += (request.last_ns - request.first_ns) / NS_PER_S
        return tokens / seconds if seconds > 0 else None

    def work(self) -> Work:
        """Give it in the terms of the identity. Only of a deed without a problem."""
        wall_s = self.wall_s
        assert wall_s is not None  # noqa: S101 - no problem
        requests = self.requests
        evidence = [_evidence(request, last) for request, last in zip(requests, self.lasts, strict=True)]
        return Work(
            wall_s=wall_s,
            tokens=self.tokens,
            prompt_tokens=_sum(request.prompt_tokens for request in requests),
            total_s=_sum_s(request.total_ns for request in requests),
            load_s=_sum_s(request.load_ns for request in requests),
            prompt_s=_sum_s(request.prompt_ns for request in requests),
            eval_s=_sum_s(request.eval_ns for request in requests),
            connect_s=sum(request.connect_ns or 0 for request in requests) / NS_PER_S,
            loop_s=sum(item["loop"] for item in evidence) / NS_PER_S,
            handling_s=sum(item["handling"] for item in evidence) / NS_PER_S,
            throttle_s=sum(item["throttle"] for item in evidence) / NS_PER_S,
            batching_s=sum(item["batching"] for item in evidence) / NS_PER_S,
        )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _sum_s(values: Iterable[int | None]) -> float | None:
    total_ns = _sum(values)
    return None if total_ns is None else total_ns / NS_PER_S


def _evidence(request: Request, last: tuple[int | None, int] | None) -> dict[str, int]:
    """By how much each cause made this request end later (ns).

    What comes late while the server still generates costs no wall time: only what lies between the server's last stamp
    and our end does, so the evidence is that of the last chunk. What passed from its receipt until it was handled, but
    for the handling itself, goes to decode batching as far as that held chunks at all; the rest of it, what passed
    after it was handled, and its delay, to the throttle in the same way; what is left of the delay to read batching in
    the same way, then to the loop.
    """
    parts = {"loop": 0, "handling": 0, "throttle": 0, "batching": 0}
    if last is None or not request.chunks:
        return parts
    delay_ns, handled_ns = last
    parts["handling"] = min(request.handle_ns // request.chunks, handled_ns)
    waited_ns = handled_ns - parts["handling"]
    held_ns = min(waited_ns, request.batch_ns)
    # Chunks that came in one read are paid for one after the other, and the last ones after they were handled.
    after_ns = 0 if request.last_ns is None else max(0, request.end_ns - request.last_ns - handled_ns)
    throttled_ns = min(waited_ns - held_ns + after_ns, request.throttle_ns)
    left_ns = max(0, delay_ns or 0)
    unread_ns = min(left_ns, request.throttle_ns - throttled_ns)
    batched_ns = min(left_ns - unread_ns, request.batch_ns - held_ns)
    parts["throttle"] = throttled_ns + unread_ns
    parts["batching"] = held_ns + batched_ns
    parts["loop"] = left_ns - unread_ns - batched_ns
    return parts


@dataclass(frozen=True, slots=True)
class Round:
    """What came of a round: one deed an agent, in the order of their numbers."""

    deeds: tuple[Deed, ...]
    start_ns: int
    end_ns: int
    problem: str
    """Why it does not count as a whole; empty when it does."""
    metrics: Mapping[str, Figure]
    """Every metric over the round."""

    @property
    def wall_s(self) -> float:
        """From the first start to the last end."""
        return (self.end_ns - self.start_ns) / NS_PER_S


class _Listener:
    """Hears every record of the session, from the hub's thread."""

    def __init__(self, specs: Sequence[AgentSpec], floors_ns: dict[str, int]) -> None:
        self.deeds = {spec.agent: Deed(spec) for spec in specs}
        self.problem = ""
        self.over = threading.Event()
        self.chunks = 0
        self.intake = Intake(floors_ns)
        self._last: dict[int, tuple[int | None, int]] = {}

    def __call__(self, record: AnyRecord) -> None:
        if isinstance(record, Chunks):
            self._chunks(record)
        elif not self.over.is_set():
            self.intake.feed(record)
        if isinstance(record, Chunks):
            return
        if isinstance(record, Request):
            if (deed := self.deeds.get(record.agent)) is not None and deed.start_ns is not None:
                deed.requests.append(record)
                deed.lasts.append(self._last.pop(record.agent, None))
        elif isinstance(record, AgentState):
            self._state(record)
        elif isinstance(record, ClockAnchor):
            if record.step_ns:
                self.problem = (
                    self.problem or f"the wall clock of {record.proc} stepped by {time_of(record.step_ns / 1e6)}"
                )
        elif isinstance(record, Lever):
            self.problem = self.problem or f"{record.name} was set to {record.new} while it ran"
        elif isinstance(record, Loss) and record.what in ("rig", "emulator"):
            self.problem = self.problem or record.words
            if record.what == "rig":
                self.over.set()

    def _chunks(self, record: Chunks) -> None:
        self.chunks += len(record.agent)
        rows = self.intake.rows(record)
        if rows is None:
            return
        if not self.over.is_set():
            self.intake.take(rows, record.proc)
        # Rows stand agent by agent: the last one of each. A stamp that may not be used gives no delay.
        for place in np.flatnonzero(np.append(rows.slot[1:] != rows.slot[:-1], True)).tolist():
            delay = float(rows.delay[place])
            agent = self.intake.agents.all[int(rows.slot[place])].agent
            self._last[agent] = (None if isnan(delay) else int(delay), int(rows.handled[place]))

    def _state(self, record: AgentState) -> None:
        deed = self.deeds.get(record.agent)
        if deed is None:
            return
        if record.state == "starting" and deed.start_ns is None:
            deed.start_ns = record.t_ns
        elif record.state == "gone" and deed.start_ns is not None:
            deed.end_ns, deed.words = record.t_ns, record.words
            if all(one.end_ns is not None for one in self.deeds.values()):
                self.over.set()


def run_round(
    host: RoundHost,
    task: Task,
    specs: Sequence[AgentSpec],
    *,
    tick: Callable[[int], None] = lambda chunks: None,
    limit_s: float = LIMIT_S,
) -> Round:
    """Run one round with these agents, each of which ends by itself (``requests`` above zero).

    ``tick`` is told now and then how many chunks have come. Raises CancelledError.
    """
    heard = _Listener(specs, host.lag_floors_ns())
    end = host.listen(heard)
    waited_s = 0.0
    try:
        host.start_agents(specs)
        while not heard.over.is_set() and waited_s < limit_s:
            task.wait(_LOOK_S)
            waited_s += _LOOK_S
            tick(heard.chunks)
    finally:
        end()
    deeds = tuple(heard.deeds.values())
    problems = [f"{deed.spec.name} {deed.problem}" for deed in deeds if deed.problem]
    problem = heard.problem or "; ".join(problems)
    starts = [deed.start_ns for deed in deeds if deed.start_ns is not None]
    ends = [deed.end_ns for deed in deeds if deed.end_ns is not None]
    if not problem and (not starts or not ends or max(ends) <= min(starts)):
        problem = "its times cannot be"
    start_ns, end_ns = min(starts, default=0), max(ends, default=0)
    metrics = figures(heard.intake.aggregate((end_ns - start_ns) / NS_PER_S))
    return Round(deeds, start_ns, end_ns, problem, metrics)
