"""Who streams: one entry an agent, numbered by slot in the order in which they were first heard of."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.records import AgentSpec, AgentState, Request
from loopscope.core.text import plain
from loopscope.model.pace import Told
from loopscope.model.request_stack import MeanStack, request_stack
from loopscope.model.snapshot import LoadCount, Quantiles, RequestView
from loopscope.stats.arrays import grown, roomy
from loopscope.stats.ranks import exact_quantiles

MOST_AGENTS = 2_048
"""Twice what the lever allows at one time: agents come and go. Others are refused and counted."""
_MOST_IDS = 1 << 16
_RECENT = 20
_LAST_REQUESTS = 50
_DAY_NS = 86_400 * NS_PER_S
_MOST_TOKENS = 1 << 40
_MOST_MODELS = 64
COLD_SHARE, COLD_MS = 0.1, 20.0
"""A request waited for its model when loading took a tenth of its wall time and 20 ms: a model in memory answers with a
load of 1 to 4 ms, and a small one that is loaded for every request (516 to 1 048 ms) has 87 % of its time there."""
_LUMP = 2
"""Chunks a read from which they come in lumps."""
_ENOUGH = 3
"""Requests without company that make a median."""


@dataclass(slots=True, eq=False)
class Agent:
    """What is known of one agent, as of the latest record."""

    agent: int
    slot: int
    name: str
    server: int = 0
    model: str = ""
    state: str = ""
    words: str = ""
    said_by: str = ""
    """Process that told the state."""
    gone_at: int | None = None
    """When it went (ns since zero)."""
    requests: int = 0
    errors: int = 0
    taken: int = 0
    tokens: int = 0
    told_chunks: int = 0
    """Chunks of the requests whose token count is known ..."""
    told_tokens: int = 0
    """... and those tokens, see :func:`decoded_tokens`."""
    eval_ns: float = 0.0
    """Time in which the server says it generated ..."""
    eval_tokens: int = 0
    """... these tokens."""
    recent: tuple[RequestView, ...] = ()
    stacks: MeanStack = field(default_factory=MeanStack)
    ttft_ms: Quantiles = field(default_factory=Quantiles)
    itl_ms: Quantiles = field(default_factory=Quantiles)
    ttfts: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST_REQUESTS))
    itls: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST_REQUESTS))

    @property
    def tokens_per_chunk(self) -> float:
        """Server-reported tokens per chunk of the finished requests; 1 while none has told."""
        return self.told_tokens / self.told_chunks if self.told_chunks else 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """One request that has ended, its values checked. Times in ns."""

    slot: int
    kind: str
    """``ok``, ``error`` or ``taken``."""
    ttft_ns: float | None
    itl_ns: float | None
    tokens: int
    told_tokens: int
    told_chunks: int
    eval_ns: float = 0.0
    """How long the server says that it generated; 0: it does not say, ..."""
    eval_tokens: int = 0
    """... and how many tokens in that time."""
    queue_ns: float | None = None
    """How long it waited in the server for a slot: the server's total without load, prompt and eval."""


class AgentTable:
    """All agents ever heard of."""

    def __init__(self) -> None:
        self.all: list[Agent] = []
        self.chunks: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """Chunks of each agent by slot, as of the latest record; may be shorter or longer than ``all``."""
        self.connects: deque[float] = deque(maxlen=_LAST_REQUESTS)
        """Durations (ms) of the last connects, of all agents."""
        self.loads = LoadCount()
        self._load_ms = 0.0
        self._loaded_wall_ms = 0.0
        self.solo: dict[str, deque[float]] = {}
        """TTFT (ms) of the last requests without company, by model."""
        self.solo_rates: dict[str, deque[float]] = {}
        """tok/s of the same, as far as no throttle held them back."""
        self._slot_of_id: NDArray[np.int16] = np.full(_MOST_IDS, -1, dtype=np.int16)
        self._alive: set[int] = set()
        self._company_until: int | None = None
        """Until when more than one agent was at work (ns since zero)."""

    def count(self, slots: NDArray[np.int16]) -> None:
        """Count chunks, one slot each."""
        chunks = self.counted()
        chunks += np.bincount(slots, minlength=chunks.size)

    def counted(self) -> NDArray[np.int64]:
        """Give the chunks of each agent so far, with room for all."""
        self.chunks = grown(self.chunks, roomy(len(self.all)))
        return self.chunks

    def slots(self, ids: NDArray[np.int64]) -> NDArray[np.int16]:
        """Slot of each agent id; -1 where it is refused."""
        if ids.min() >= 0 and ids.max() < _MOST_IDS:
            slots = self._slot_of_id[ids]
            if slots.min() >= 0:  # as nearly always
                return slots
        known = (ids >= 0) & (ids < _MOST_IDS)
        slots = np.where(known, self._slot_of_id[np.where(known, ids, 0)], np.int16(-1))
        new = known & (slots < 0)
        if new.any() and len(self.all) < MOST_AGENTS:
            for agent in np.unique(ids[new])[:MOST_AGENTS].tolist():
                self.find(agent)
            slots = np.where(known, self._slot_of_id[np.where(known, ids, 0)], np.int16(-1))
        return slots

    def find(self, agent: int) -> Agent | None:
        """Give the agent with this id, new if need be; ``None`` when it is refused."""
        if not 0 <= agent < _MOST_IDS:
            return None
        slot = int(self._slot_of_id[agent])
        if slot < 0:
            if len(self.all) >= MOST_AGENTS:
                return None
            slot = len(self.all)
            self._slot_of_id[agent] = slot
            self.all.append(Agent(agent, slot, f"agent-{agent}"))
        return self.all[slot]

    def plan(self, spec: AgentSpec) -> bool:
        """Take in what the header says of an agent."""
        agent = self.find(spec.agent)
        if agent is None:
            return False
        agent.name = plain(spec.name) or agent.name
        agent.server, agent.model = spec.server, plain(spec.model)
        return True

    def state(self, record: AgentState, t: int, current_proc: str) -> bool:
        """Take in a change of state.

        An older rig that hands an agent over says ``gone``; should that arrive after the new rig has started it, it
        must not overwrite the newer word.
        """
        agent = self.find(record.agent)
        if agent is None:
            return False
        if record.proc != current_proc and agent.said_by == current_proc and agent.said_by:
            return True
        agent.name = plain(record.name) or agent.name
        agent.model = plain(record.model) or agent.model
        agent.server, agent.said_by = record.server, record.proc
        agent.state, agent.words = plain(record.state, 20), plain(record.words)
        agent.gone_at = t if agent.state == "gone" else None
        if len(self._alive) > 1:
            self._company_until = t
        if agent.state == "gone":
            self._alive.discard(agent.slot)
        else:
            self._alive.add(agent.slot)
        return True

    def request(self, record: Request, zero: int) -> Ended | None:
        """Take in the end of a request; ``None`` when its agent is refused or its numbers cannot be."""
        agent = self.find(record.agent)
        duration = record.end_ns - record.start_ns
        if agent is None or not 0 <= duration <= _DAY_NS or not abs(record.end_ns - zero) < 1 << 60:
            return None
        kind = record.outcome if record.outcome in {"ok", "taken"} else "error"
        tokens = _count(record.tokens)
        chunks = _count(record.chunks) or 0
        ttft = _span(record.start_ns, record.first_ns)
        decode = _span(record.first_ns, record.last_ns)
        itl = _itl(decode, tokens, chunks, record.reads)
        told = decoded_tokens(tokens, chunks) if kind == "ok" else None
        stack = request_stack(record)
        eval_ns = _span(0, record.eval_ns) if kind == "ok" and tokens else None
        ended = Ended(
            agent.slot,
            kind,
            ttft,
            itl,
            tokens or 0,
            told or 0,
            chunks if told is not None else 0,
            eval_ns or 0.0,
            (tokens or 0) if eval_ns else 0,
            stack.queue * NS_PER_MS if stack is not None and kind == "ok" else None,
        )
        if kind == "taken":
            agent.taken += 1
        else:
            agent.requests += 1
            agent.errors += kind == "error"
        agent.tokens += ended.tokens
        agent.told_tokens += ended.told_tokens
        agent.told_chunks += ended.told_chunks
        agent.eval_ns += ended.eval_ns
        agent.eval_tokens += ended.eval_tokens
        if record.connect_ns is not None and 0 < record.connect_ns <= _DAY_NS:
            self.connects.append(record.connect_ns / NS_PER_MS)
        if ttft is not None:
            agent.ttfts.append(ttft / NS_PER_MS)
            agent.ttft_ms = _quantiles(agent.ttfts)
        if itl is not None:
            agent.itls.append(itl / NS_PER_MS)
            agent.itl_ms = _quantiles(agent.itls)
        view = RequestView(
            t_s=(record.end_ns - zero) / NS_PER_S,
            request=record.request,
            outcome=plain(record.outcome, 20),
            words=plain(record.words),
            ttft_ms=None if ttft is None else ttft / NS_PER_MS,
            itl_ms=None if itl is None else itl / NS_PER_MS,
            tokens=tokens,
            chunks=chunks,
            duration_s=duration / NS_PER_S,
            connect_ms=_ms(record.connect_ns),
            load_ms=_ms(record.load_ns),
            stack=stack,
        )
        if kind == "ok" and stack is not None:
            agent.stacks.add(stack)
        if kind != "taken":
            self._count_load(_ms(record.load_ns), duration / NS_PER_MS)
        room = agent.model in self.solo or len(self.solo) < _MOST_MODELS
        if kind == "ok" and ttft is not None and room and self._was_alone(record.start_ns - zero):
            self.solo.setdefault(agent.model, deque(maxlen=_LAST_REQUESTS)).append(ttft / NS_PER_MS)
            if itl and not record.throttle_ns:
                self.solo_rates.setdefault(agent.model, deque(maxlen=_LAST_REQUESTS)).append(NS_PER_S / itl)
        agent.recent = (view, *agent.recent[: _RECENT - 1])
        return ended

    def _count_load(self, load_ms: float | None, wall_ms: float) -> None:
        if load_ms is None:
            return
        self._load_ms += load_ms
        self._loaded_wall_ms += wall_ms
        told = self.loads
        cold = is_cold(load_ms, wall_ms)
        self.loads = LoadCount(
            told.told + 1,
            told.cold + cold,
            max(told.most_ms, load_ms),
            min(self._load_ms / self._loaded_wall_ms, 1.0) if self._loaded_wall_ms else 0.0,
        )

    def told(self) -> Told:
        """Give what finished requests say of each agent."""
        rates = [agent.eval_tokens * NS_PER_S / agent.eval_ns if agent.eval_ns else np.nan for agent in self.all]
        return Told(np.array([agent.tokens_per_chunk for agent in self.all], dtype=np.float64), np.array(rates))

    def connect_ms(self) -> Quantiles:
        """Quantiles of the last connects."""
        return _quantiles(self.connects) if self.connects else Quantiles()

    def solo_ttft_ms(self) -> dict[str, float]:
        """Median TTFT by model of requests that had no company, where there were enough of them."""
        return {
            model: exact_quantiles(values, (0.5,))[0] for model, values in self.solo.items() if len(values) >= _ENOUGH
        }

    def solo_tok_s(self) -> dict[str, float]:
        """Median tok/s by model of requests that had no company and no throttle, where there were enough of them."""
        return {
            model: exact_quantiles(values, (0.5,))[0]
            for model, values in self.solo_rates.items()
            if len(values) >= _ENOUGH
        }

    def _was_alone(self, since: int) -> bool:
        """Say whether nobody else was at work from ``since`` (ns since zero) until now."""
        return len(self._alive) == 1 and (self._company_until is None or since > self._company_until)


def is_cold(load_ms: float, wall_ms: float) -> bool:
    """Return whether a request of ``wall_ms`` waited for its model."""
    return load_ms >= COLD_MS and load_ms >= COLD_SHARE * wall_ms


def _itl(decode_ns: float | None, tokens: int | None, chunks: int, reads: int) -> float | None:
    """Give the time between two tokens (ns); ``None`` where arrivals carry none: a whole answer in one read."""
    if not decode_ns or tokens is None or tokens < 2 or reads == 1:
        return None
    if reads > 1 and chunks >= _LUMP * reads:
        # In lumps: the tokens of the first read took no time that was seen.
        return decode_ns / (tokens * (1 - 1 / reads))
    return decode_ns / (tokens - 1)


def decoded_tokens(tokens: int | None, chunks: int) -> int | None:
    """How many tokens the chunks of a request carried, given what its server counted; ``None`` when not known.

    A server counts the end-of-sequence token too, which has no chunk and no gap of its own: one more token than chunks
    means one token a chunk. Without this, streams of 20 tokens at 100 tok/s would show 105.
    """
    if tokens is None or tokens <= 0 or chunks <= 0:
        return None
    return chunks if abs(tokens - chunks) <= 1 else tokens


def _count(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= _MOST_TOKENS else None


def _ms(duration_ns: int | None) -> float | None:
    return duration_ns / NS_PER_MS if duration_ns is not None and 0 <= duration_ns <= _DAY_NS else None


def _span(begin: int | None, end: int | None) -> float | None:
    if begin is None or end is None or not 0 <= end - begin <= _DAY_NS:
        return None
    return float(end - begin)


def _quantiles(values: deque[float]) -> Quantiles:
    p50, p90, p99, most = exact_quantiles(values, (0.5, 0.9, 0.99, 1.0))
    return Quantiles(len(values), p50, p90, p99, most)
