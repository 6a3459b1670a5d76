"""Rules about requests and agents: starts, first tokens, failures, uneven agents."""

import ipaddress
from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

from loopscope.core.format import number, plural, rate, share, time
from loopscope.model.agents import is_cold
from loopscope.model.findings.rule import (
    FINE,
    NOTE,
    WARN,
    Answer,
    NotEnough,
    Rule,
    fewer_agents,
    found,
    lever,
)
from loopscope.model.snapshot import AgentView, RequestView, Snapshot
from loopscope.settings.thresholds import Limits

_MINUTE_S = 60.0
_LATELY_S = 10.0
"""What failed longer ago is over, unless its agent still retries."""
_COLD_S = 20.0
_ENOUGH_REQUESTS = 3
_ENOUGH_TO_COMPARE = 10
_ENOUGH_CHUNKS = 100
_RATE_S = 10
"""Seconds over which an agent's decode rate is taken."""


def _ended(snapshot: Snapshot, within_s: float) -> Iterator[tuple[AgentView, RequestView]]:
    """Requests that ended lately; those cut by a takeover are nobody's fault and are left out."""
    for agent in snapshot.agents:
        for request in agent.recent:
            if request.t_s < snapshot.t_s - within_s:
                break  # the newest one comes first
            if request.outcome != "taken":
                yield agent, request


def _errors(snapshot: Snapshot, limits: Limits) -> Answer:
    if not snapshot.agents:
        return NotEnough("an agent")
    ended = list(_ended(snapshot, _LATELY_S))
    failed = [(agent, request) for agent, request in ended if request.outcome != "ok"]
    retrying = [agent for agent in snapshot.agents if agent.state == "retrying"]
    if not failed and not retrying:
        return FINE
    who = sorted({agent.name for agent, _ in failed} | {agent.name for agent in retrying})
    names = ", ".join(who[:3]) + (f" and {len(who) - 3} more" if len(who) > 3 else "")
    # The newest failure speaks for all; an agent that waits longer than ten seconds says why itself.
    words = max(failed, key=lambda one: one[1].t_s)[1].words if failed else retrying[0].words
    of = f"{len(failed)} of the last {plural(len(ended), 'request')} failed" if failed else "no request is under way"
    return found(
        f"{names}: {of}{f': {words}' if words else ''}.",
        [
            ("errors", len(failed), f"{plural(len(failed), 'error')} in {_LATELY_S:.0f} s"),
            ("requests", len(ended), f"of {plural(len(ended), 'request')}"),
            ("retrying", len(retrying), f"{plural(len(retrying), 'agent')} retrying now"),
            ("errors_all", snapshot.errors, f"{plural(snapshot.errors, 'error')} since the start"),
        ],
        "look at the server: the sentence has its words",
    )


def _cold_start(snapshot: Snapshot, limits: Limits) -> Answer:
    loads = snapshot.loads
    lately = [
        (request.load_ms, request.duration_s * 1e3)
        for _, request in _ended(snapshot, _COLD_S)
        if request.load_ms is not None
    ]
    if not loads.told or not lately:
        return NotEnough("a request whose server tells how long the model took to load")
    longest = max((load for load, wall in lately if is_cold(load, wall)), default=0.0)
    if not longest or longest < limits["load_ms"]:
        return FINE
    return found(
        f"{loads.cold} of {plural(loads.told, 'request')} waited for the model to load, up to {time(loads.most_ms)};"
        f" loading is {share(loads.share)} of their time.",
        [
            ("load_max_ms", loads.most_ms, f"longest load {time(loads.most_ms)}"),
            ("cold_requests", loads.cold, f"{plural(loads.cold, 'cold request')}"),
            ("requests", loads.told, f"of {loads.told} since the start"),
            ("load_share", loads.share, f"loading {share(loads.share)} of the time"),
        ],
        "keep the model in memory (Ollama: keep_alive), and leave the first requests out",
    )


def _server_queue(snapshot: Snapshot, limits: Limits) -> Answer:
    ended = [
        (agent, request, request.stack)
        for agent, request in _ended(snapshot, _COLD_S)
        if request.outcome == "ok" and request.stack is not None
    ]
    if len(ended) < _ENOUGH_REQUESTS:
        return NotEnough(f"{len(ended)} of {_ENOUGH_REQUESTS} requests whose server reports its durations")
    queue = median(stack.queue for _, _, stack in ended)
    wall = median(stack.wall_ms for _, _, stack in ended)
    if queue < limits["queue_ms"] or queue < limits["queue_share"] * wall:
        return FINE
    servers = len({agent.server for agent, _, _ in ended})
    return found(
        f"{time(queue)} of the {time(wall)} of a request are a wait for a slot in the server: it works on fewer"
        " requests at a time than it is sent.",
        [
            ("queue_p50_ms", queue, f"queue p50 {time(queue)}"),
            ("wall_p50_ms", wall, f"of {time(wall)}"),
            ("queue_share", queue / wall, f"{share(queue / wall)} of the time"),
            ("requests", len(ended), f"{plural(len(ended), 'request')} in {_COLD_S:.0f} s"),
            ("servers", servers, plural(servers, "server")),
        ],
        "more slots (Ollama: OLLAMA_NUM_PARALLEL), or fewer agents a server",
    )


def _contention(snapshot: Snapshot, limits: Limits) -> Answer:
    solo = snapshot.solo_ttft_ms
    if not solo:
        return NotEnough("a solo TTFT: three requests while only one agent runs")
    known = [
        (request.ttft_ms, solo[agent.model])
        for agent, request in _ended(snapshot, _MINUTE_S)
        if request.ttft_ms is not None and agent.model in solo
    ]
    if len(known) < _ENOUGH_TO_COMPARE:
        return NotEnough(f"{len(known)} of {_ENOUGH_TO_COMPARE} requests in a minute")
    met = [ttft for ttft, alone in known if ttft > limits["contention_ratio"] * alone]
    part = len(met) / len(known)
    # One slow request among ten is 10 %, and says nothing.
    if len(met) < 2 or part <= limits["contention_share"]:
        return FINE
    alone = median(solo.values())
    return found(
        f"{share(part)} of the requests waited more than {number(limits['contention_ratio'])} times as long for their"
        f" first token as a request alone, which takes {time(alone)}.",
        [
            ("contended_share", part, f"{len(met)} of {len(known)} requests in a minute"),
            ("contended_ttft_p50_ms", median(met), f"their TTFT p50 {time(median(met))}"),
            ("solo_ttft_p50_ms", alone, f"solo TTFT p50 {time(alone)}"),
        ],
        fewer_agents(snapshot) or "fewer requests at a time",
    )


def _slow_first_token(snapshot: Snapshot, limits: Limits) -> Answer:
    ttfts = [request.ttft_ms for _, request in _ended(snapshot, _MINUTE_S) if request.ttft_ms is not None]
    if len(ttfts) < _ENOUGH_REQUESTS:
        return NotEnough(f"{len(ttfts)} of {_ENOUGH_REQUESTS} requests in a minute")
    middle = median(ttfts)
    if middle <= limits["ttft_ms"]:
        return FINE
    return found(
        f"Half of the requests wait more than {time(middle)} for their first token.",
        [
            ("ttft_p50_ms", middle, f"TTFT p50 {time(middle)}"),
            ("ttft_max_ms", max(ttfts), f"max {time(max(ttfts))}"),
            ("requests", len(ttfts), f"of {plural(len(ttfts), 'request')} in a minute"),
        ],
        fewer_agents(snapshot) or "a shorter prompt, or a faster server",
    )


def _streaming(snapshot: Snapshot) -> list[tuple[AgentView, float]]:
    """Agents whose decode rate stands on enough chunks."""
    return [
        (agent, agent.tok_s)
        for agent in snapshot.agents
        if agent.tok_s is not None and float(agent.spark_chunks_s[-_RATE_S:].sum()) >= _ENOUGH_CHUNKS
    ]


def _throughput(snapshot: Snapshot, limits: Limits) -> Answer:
    rates = [rate for _, rate in _streaming(snapshot)]
    if not rates:
        return NotEnough(f"an agent with {_ENOUGH_CHUNKS} chunks in {_RATE_S} s")
    mean = sum(rates) / len(rates)
    if mean >= limits["tok_s"]:
        return FINE
    return found(
        f"An agent decodes at {rate(mean)} tok/s, less than {number(limits['tok_s'])}.",
        [
            ("tok_s", mean, f"mean of {plural(len(rates), 'agent')} {rate(mean)} tok/s"),
            ("tok_s_least", min(rates), f"slowest {rate(min(rates))}"),
            ("tok_s_most", max(rates), f"fastest {rate(max(rates))}"),
        ],
        "throttle=off"
        if lever(snapshot, "throttle") not in {"", "off"}
        else "a smaller model, or fewer agents a server",
    )


def _imbalance(snapshot: Snapshot, limits: Limits) -> Answer:
    by_model: dict[str, list[tuple[AgentView, float]]] = {}
    for agent, tok_s in _streaming(snapshot):
        by_model.setdefault(agent.model, []).append((agent, tok_s))
    # Two models may well differ: only agents that ask for the same one are compared.
    groups = [group for group in by_model.values() if len(group) > 1]
    if not groups:
        return NotEnough(f"two agents on one model with {_ENOUGH_CHUNKS} chunks each in {_RATE_S} s")
    ends = [(min(group, key=_rate), max(group, key=_rate)) for group in groups]
    (slow, least), (fast, most) = min(ends, key=lambda pair: pair[0][1] / pair[1][1])
    if least >= limits["imbalance_share"] * most:
        return FINE
    at = f" ({slow.endpoint})" if slow.endpoint != fast.endpoint else ""
    return found(
        f"{slow.name}{at} decodes at {rate(least)} tok/s, {share(least / most)} of what {fast.name} gets"
        f" ({rate(most)}).",
        [
            ("slowest_share", least / most, f"slowest to fastest {share(least / most)}"),
            ("tok_s_least", least, f"{slow.name} {rate(least)} tok/s"),
            ("tok_s_most", most, f"{fast.name} {rate(most)} tok/s"),
        ],
        "spread the agents so that every server has its share"
        if len({agent.server for agent in snapshot.agents}) > 1
        else "look at what the slower agent asks for: its prompts, its options",
    )


def _rate(one: tuple[AgentView, float]) -> float:
    return one[1]


def _connection_cap(snapshot: Snapshot, limits: Limits) -> Answer:
    loop = snapshot.loop
    if loop.queued is None or loop.connections is None:
        return NotEnough("a client whose pool tells who waits in it")
    if not loop.queued or not loop.connections:
        return FINE
    return found(
        f"{plural(loop.queued, 'request')} {'waits' if loop.queued == 1 else 'wait'} in the client for a connection:"
        f" its pool has {loop.connections} and opens no more.",
        [
            ("queued", loop.queued, f"{loop.queued} waiting"),
            ("connections", loop.connections, f"{plural(loop.connections, 'connection')} open"),
        ],
        "a larger pool: httpx.Limits(max_connections=None), aiohttp.TCPConnector(limit=0)",
    )


def _localhost(snapshot: Snapshot, limits: Limits) -> Answer:
    slow: list[tuple[str, float]] = []
    seen = False
    for agent, request in _ended(snapshot, _MINUTE_S):
        host = _host(agent.endpoint)
        if not request.connect_ms or not _names_this_machine(host):
            continue
        seen = True
        # A loop that was held up, or had no core, connects late whatever the name leads to.
        if request.connect_ms - _held_ms(snapshot, request) >= limits["connect_ms"]:
            slow.append((host, request.connect_ms))
    if not seen:
        return NotEnough("a new connection to a server under the name localhost")
    if not slow:
        return FINE
    host, worst = max(slow, key=lambda one: one[1])
    return found(
        f"Connecting to {host} took {time(worst)}: the name leads to an address where the server does not listen"
        " first.",
        [
            ("connect_max_ms", worst, f"longest connect {time(worst)}"),
            ("slow_connects", len(slow), f"{plural(len(slow), 'slow connection')} in a minute"),
        ],
        f"write 127.0.0.1 instead of {host}",
    )


def _held_ms(snapshot: Snapshot, request: RequestView) -> float:
    """For how long a stall held the loop up while a request was connecting."""
    begin_s = request.t_s - request.duration_s
    end_s = begin_s + (request.connect_ms or 0.0) / 1e3
    return sum(
        max(0.0, min(end_s, stall.t_s + stall.ms / 1e3) - max(begin_s, stall.t_s)) * 1e3 for stall in snapshot.stalls
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _names_this_machine(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Other names may lead anywhere, and a far server may well take 100 ms to connect to.
        return host == "localhost" or host.endswith(".localhost")
    return False


PLACE = 10
RULES = (
    Rule("errors", WARN, (), _errors),
    Rule("cold-start", WARN, ("load_ms",), _cold_start),
    Rule("server-queue", WARN, ("queue_ms", "queue_share"), _server_queue, follows=("cold-start",)),
    Rule(
        "contention",
        WARN,
        ("contention_ratio", "contention_share"),
        _contention,
        follows=("core-stolen", "server-queue", "cold-start"),
    ),
    Rule(
        "slow-first-token",
        WARN,
        ("ttft_ms",),
        _slow_first_token,
        follows=("core-stolen", "client-cpu", "server-queue", "cold-start"),
    ),
    Rule("throughput", NOTE, ("tok_s",), _throughput, follows=("core-stolen", "client-cpu")),
    Rule("imbalance", WARN, ("imbalance_share",), _imbalance, follows=("core-stolen", "client-cpu")),
    Rule("connection-cap", WARN, (), _connection_cap),
    Rule("localhost", WARN, ("connect_ms",), _localhost),
)
