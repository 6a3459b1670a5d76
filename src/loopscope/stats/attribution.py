"""Efficiency of a round of agents, and an exact sum of what was lost.

For N agents in a round of wall time W, agent i's share of N W splits into being idle (W less its own wall time) and the
parts of its own wall time: what its server reports as load, prompt and eval, what is left of the server's total
(queue), and what is left of its wall time (client). The same split of what its work took *alone*, subtracted part by
part, gives the loss: nothing is modelled, so nothing is left over. A part may be negative: two agents can do better
than one after the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

PARTS = ("imbalance", "cold_start", "prompt", "decode", "queue", "client")
"""The parts of the loss, in the order in which they are shown."""
CLIENT_PARTS = ("connect", "loop", "handling", "throttle", "batching", "other")
"""What the client part is made of; ``other`` is the rest: sending the request, the way of the last bytes, and whatever
an agent does between its requests."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one agent did in one round, or alone. Times in seconds; ``None``: the server does not report it.

    ``wall_s`` goes from the start of its first request to the end of its last. ``connect_s`` and the four after it are
    evidence of where the client's part went, each the time by which it made the wall time longer.
    """

    wall_s: float
    tokens: float | None = None
    prompt_tokens: float | None = None
    total_s: float | None = None
    load_s: float | None = None
    prompt_s: float | None = None
    eval_s: float | None = None
    connect_s: float = 0.0
    loop_s: float = 0.0
    handling_s: float = 0.0
    throttle_s: float = 0.0
    batching_s: float = 0.0

    @property
    def reported(self) -> bool:
        """Whether the server said how long it took."""
        return self.total_s is not None and self.eval_s is not None


@dataclass(frozen=True, slots=True)
class Loss:
    """``1 - measured``, part by part, each as a fraction of N W. ``None``: cannot be told apart here.

    Where servers report no durations, everything but imbalance stands in ``unsplit`` (server and client as one).
    """

    imbalance: float | None = None
    cold_start: float | None = None
    prompt: float | None = None
    decode: float | None = None
    queue: float | None = None
    client: float | None = None
    unsplit: float | None = None

    def parts(self) -> dict[str, float]:
        """Give the parts that are known, by name, in their order."""
        known = ((part.name, getattr(self, part.name)) for part in fields(self))
        return {name: value for name, value in known if value is not None}


@dataclass(frozen=True, slots=True)
class Efficiency:
    """The three efficiencies of one round as fractions, and the loss; ``None``: not enough data for it."""

    agents: int
    wall_s: float
    measured: float | None
    """Sum of what each agent's work took alone, over N W."""
    wall: float
    """Sum of the agents' own wall times, over N W."""
    reported: float | None
    """Sum of the prompt and eval durations that the servers reported in this very round, over N W."""
    loss: Loss | None
    client: dict[str, float] | None
    """What the client part is made of, by name, as fractions of N W: sums to it."""
    by_agent: tuple[Loss, ...] = ()
    """Each agent's part of the loss, as fractions of N W."""

    @property
    def speedup(self) -> float | None:
        """How many times as fast as one agent after the other."""
        return None if self.measured is None else self.measured * self.agents


def average(works: Sequence[Work]) -> Work | None:
    """Give the mean of each figure over several times the same work; what one of them does not know is not known."""
    if not works:
        return None
    means: dict[str, float | None] = {}
    for part in fields(Work):
        values = [getattr(work, part.name) for work in works]
        means[part.name] = None if None in values else math.fsum(values) / len(values)
    return replace(works[0], **means)  # type: ignore[arg-type]  # wall_s is always known


def scaled(solo: Work, to: Work) -> Work:
    """What ``to``'s work would have taken alone: the solo work with its decoding scaled to the tokens generated, and
    its prompt to the prompt tokens evaluated. What does not depend on them (load, queue, connect) stays.

    Without reported durations the whole wall time is scaled by tokens.
    """
    decode = _ratio(to.tokens, solo.tokens)
    if not solo.reported:
        return replace(solo, wall_s=solo.wall_s * decode)
    prompt = _ratio(to.prompt_tokens, solo.prompt_tokens)
    eval_s, prompt_s = solo.eval_s or 0.0, solo.prompt_s or 0.0
    more_s = eval_s * (decode - 1.0) + prompt_s * (prompt - 1.0)
    return replace(
        solo,
        wall_s=solo.wall_s + more_s,
        total_s=(solo.total_s or 0.0) + more_s,
        eval_s=eval_s * decode,
        prompt_s=None if solo.prompt_s is None else prompt_s * prompt,
    )


def efficiency(work: Sequence[Work], solo: Sequence[Work | None], wall_s: float) -> Efficiency:
    """Efficiency of one round. ``solo[i]``: what agent i's same work took alone, already :func:`scaled`.

    Raises:
        ValueError: no agent, as many solo entries as agents are not given, or a wall time that is not above zero.
    """
    count = len(work)
    if not count or len(solo) != count or not (wall_s > 0 and math.isfinite(wall_s)):
        raise ValueError("a round needs agents, one solo entry for each, and a wall time")
    share = count * wall_s
    alone = [entry for entry in solo if entry is not None]
    whole = len(alone) == count
    split = whole and all(item.reported for item in (*work, *alone))
    by_agent: tuple[Loss, ...] = ()
    if whole:
        by_agent = tuple(_loss(item, entry, wall_s, share, split) for item, entry in zip(work, alone, strict=True))
    loss = _sum(by_agent) if whole else None
    return Efficiency(
        agents=count,
        wall_s=wall_s,
        measured=math.fsum(entry.wall_s for entry in alone) / share if whole else None,
        wall=math.fsum(item.wall_s for item in work) / share,
        reported=(
            math.fsum((item.prompt_s or 0.0) + (item.eval_s or 0.0) for item in work) / share
            if all(item.reported for item in work)
            else None
        ),
        loss=loss,
        client=_client(work, alone, share, loss.client) if loss is not None and loss.client is not None else None,
        by_agent=by_agent,
    )


def _loss(item: Work, alone: Work, wall_s: float, share: float, split: bool) -> Loss:
    idle = (wall_s - item.wall_s) / share
    if not split:
        return Loss(imbalance=idle, unsplit=(item.wall_s - alone.wall_s) / share)
    return Loss(
        imbalance=idle,
        cold_start=((item.load_s or 0.0) - (alone.load_s or 0.0)) / share,
        prompt=((item.prompt_s or 0.0) - (alone.prompt_s or 0.0)) / share,
        decode=((item.eval_s or 0.0) - (alone.eval_s or 0.0)) / share,
        queue=(_queue_s(item) - _queue_s(alone)) / share,
        client=(_client_s(item) - _client_s(alone)) / share,
    )


def _queue_s(work: Work) -> float:
    return (work.total_s or 0.0) - math.fsum((work.load_s or 0.0, work.prompt_s or 0.0, work.eval_s or 0.0))


def _client_s(work: Work) -> float:
    return work.wall_s - (work.total_s or 0.0)


def _client(work: Sequence[Work], alone: Sequence[Work], share: float, whole: float) -> dict[str, float]:
    parts = {
        name: math.fsum(
            value
            for item, entry in zip(work, alone, strict=True)
            for value in (getattr(item, f"{name}_s"), -getattr(entry, f"{name}_s"))
        )
        / share
        for name in CLIENT_PARTS[:-1]
    }
    parts[CLIENT_PARTS[-1]] = whole - math.fsum(parts.values())
    return parts


def _sum(losses: Sequence[Loss]) -> Loss:
    total: dict[str, float | None] = {}
    for part in fields(Loss):
        values = [value for loss in losses if (value := getattr(loss, part.name)) is not None]
        total[part.name] = math.fsum(values) if values else None
    return Loss(**total)


def _ratio(now: float | None, then: float | None) -> float:
    return now / then if now is not None and then else 1.0
