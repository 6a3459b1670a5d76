"""The decision text of a report: what the figures say about what to do. Each sentence holds the figure it rests on."""

from collections.abc import Iterator

from loopscope.core.errors import InputError
from loopscope.core.format import ms, number, points, rate, share, tenths
from loopscope.model.fold import Fold
from loopscope.model.snapshot import ResultView, Snapshot
from loopscope.model.standing import Standing
from loopscope.model.summary_types import Summary
from loopscope.settings.prices import Prices, load_prices
from loopscope.stats.attribution import PARTS

FULL_ELU = 0.95
_ROOM = 0.5
"""Half of the ceiling free: another client changes nothing that one would see."""
_REMEDIES = {
    "imbalance": "give the agents work of the same size, or more agents than rounds",
    "cold_start": "keep the models loaded (keep_alive), or warm them up",
    "prompt": "shorten the prompts, or let the server keep its prompt cache",
    "decode": "the servers share a card: one server with several slots, or a card for each, is what would help",
    "queue": "more slots on the server (OLLAMA_NUM_PARALLEL), or more servers",
    "client": "see what the client part is made of, and try the lever it names",
}


def verdict(summary: Summary, snapshot: Snapshot, prices: Prices) -> list[str]:
    """Give the sentences for one session or trace, the most important first."""
    return [
        *_ceiling(summary, snapshot),
        *_client(summary, snapshot),
        *_levers(snapshot),
        *_cost(summary, prices),
    ]


def told(summary: Summary, fold: Fold) -> list[str]:
    """Give the sentences with the operator's prices; a file of them that cannot be used is said to be so."""
    try:
        prices, problem = load_prices(), []
    except InputError as error:
        prices, problem = Prices(), [f"No prices: {error}."]
    return [*verdict(summary, fold.snapshot(), prices), *problem]


def _interval(standing: Standing) -> str:
    if standing.low is None or standing.high is None:
        return rate(standing.mid)
    return f"{rate(standing.mid)} ({rate(standing.low)} to {rate(standing.high)})"


def _ceiling(summary: Summary, snapshot: Snapshot) -> Iterator[str]:
    now = summary.ceiling.now_chunks_s
    view = snapshot.ceiling
    if now is None:
        yield "Not enough data to hold the rate against a ceiling."
        return
    if view.server_words:
        yield f"{view.server_words[0].upper()}{view.server_words[1:].rstrip('.')}."
    if view.measured is not None:
        told, of = f"a hard ceiling of {_interval(view.measured)} chunks/s, measured by a ramp", view.measured.mid
    elif view.expected is not None:
        told, of = (
            f"a hard ceiling of {_interval(view.expected)} chunks/s, expected from a calibration",
            view.expected.mid,
        )
    elif summary.ceiling.at_least_chunks_s is not None:
        of = summary.ceiling.at_least_chunks_s
        told = (
            f"at least {rate(of)} chunks/s that it could carry (a lower bound; a calibration or a ramp would say more)"
        )
    else:
        yield f"The agents together receive {rate(now)} chunks/s; how much more would fit is not known."
        return
    free = 1 - now / of if of > 0 else None
    yield f"The agents together receive {rate(now)} chunks/s, against {told}: {share(free)} of it is free."


def _rounds(snapshot: Snapshot) -> ResultView | None:
    found = [result for result in snapshot.results if result.what == "scenario"]
    return found[-1] if found and found[-1].figures.get("measured") is not None else None


def _client(summary: Summary, snapshot: Snapshot) -> Iterator[str]:
    rounds = _rounds(snapshot)
    if rounds is not None:
        yield from _of_rounds(rounds)
        return
    elu, cpu, delay = summary.loop.elu, summary.loop.cpu, summary.delay_ms.p99
    if elu is None or cpu is None or not summary.ceiling.now_chunks_s:
        return  # what the loop did without a chunk is no client's cost
    if elu >= FULL_ELU:
        yield (
            f"The loop is full ({share(elu)} busy): here another client, event loop or placement changes how late"
            " chunks are, and how many fit. 'loopscope ceiling' measures which."
        )
        return
    late = (
        ""
        if delay is None
        else f", and chunks come at most {ms(delay)} ms earlier (99 % of them are that late or less)"
    )
    yield (
        f"The loop is busy {share(elu)} of the time. A client that cost nothing, in whatever language, would free"
        f" {share(cpu)} of one core{late}; the servers would be no faster."
    )


def _of_rounds(rounds: ResultView) -> Iterator[str]:
    figures = rounds.figures
    measured = figures["measured"]
    parts = {name: value for name in PARTS if (value := figures.get(name)) is not None}
    assert measured is not None  # noqa: S101 - asked for before
    lost = f"The rounds reach {tenths(measured)} of what the agents take alone"
    if not parts:
        yield f"{lost}; the servers report no durations, so the loss cannot be split between server and client."
        return
    name = max(parts, key=lambda part: parts[part])
    largest = parts[name]
    told = f"{name.replace('_', ' ')}, {points(largest)} points"
    yield f"{lost}. The largest part of the loss is {told}: {_REMEDIES[name]}."
    if (client := parts.get("client")) is not None and name != "client":
        most = max(0.0, client)
        yield (
            f"The client's part is {points(client)} points: another client, event loop, placement or language can"
            f" give back no more than {points(most)} points here."
        )


def _levers(snapshot: Snapshot) -> Iterator[str]:
    now = snapshot.ceiling.now_chunks_s
    for lever in snapshot.ceiling.next_levers[:3]:
        worth = ""
        of = snapshot.ceiling.expected
        if now is not None and of is not None and now < _ROOM * of.mid:
            worth = "; at the present rate that changes the delay, not the throughput"
        yield f"{lever.lever} {lever.value} is expected to carry {_interval(lever.expected)} chunks/s{worth}."


def _cost(summary: Summary, prices: Prices) -> Iterator[str]:
    """Only with prices that the operator gave, and power that was measured."""
    power, tokens, seconds = summary.power, summary.tokens, summary.measured_s
    if not tokens or not seconds or not power:
        return
    watts = power.watts
    if prices.per_kwh is not None and watts is not None and not power.simulated:
        kwh = watts * seconds / 3.6e6 / tokens * 1e6
        yield (
            f"At {rate(watts)} W ({power.label}) and {rate(tokens / seconds)} tok/s in all, a million tokens take"
            f" {number(kwh)} kWh: {number(kwh * prices.per_kwh)} {prices.currency} at {number(prices.per_kwh)}"
            f" {prices.currency}/kWh."
        )
    if prices.per_gpu_hour is not None and not power.simulated and power.source == "nvml":
        hours = seconds / 3600 / tokens * 1e6
        yield (
            f"At {rate(tokens / seconds)} tok/s in all, a million tokens take {number(hours)} hours:"
            f" {number(hours * prices.per_gpu_hour)} {prices.currency} for each card at {number(prices.per_gpu_hour)}"
            f" {prices.currency} an hour."
        )
