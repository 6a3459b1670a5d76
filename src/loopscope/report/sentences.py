"""What a session's figures mean, in plain sentences. Each holds its number, and none says more than was measured."""

from typing import Any

from loopscope.core.format import change, count, ms, plural, rate, seconds, share
from loopscope.model.summary_types import EffectSummary, Summary

_WAITS_MS = 1.0
"""From here on chunks wait between receipt and handling: the price of decode batching, which no delay shows."""


def sentences(summary: Summary) -> list[str]:
    """Give the sentences that end a report."""
    return [
        *_streams(summary),
        *_loop(summary),
        *_delay(summary),
        *(_lever(lever) for lever in summary.levers),
        *_best(summary),
        *_lost(summary),
    ]


def _streams(summary: Summary) -> list[str]:
    agents = plural(len(summary.agents), "agent")
    if not summary.chunks:
        return [f"{agents} received no chunk in {seconds(summary.duration_s)}; {_outcome(summary)}."]
    speed = f", each decoding at {rate(summary.tok_s)} tok/s while it streamed" if summary.tok_s else ""
    return [f"{agents} received {plural(summary.chunks, 'chunk')}{speed}; {_outcome(summary)}."]


def _outcome(summary: Summary) -> str:
    requests = plural(summary.requests, "request")
    failed = f"{count(summary.errors)} with an error" if summary.errors else "none with an error"
    taken = f", {count(summary.taken)} cut by takeovers or the end" if summary.taken else ""
    return f"{requests} ended, {failed}{taken}"


def _loop(summary: Summary) -> list[str]:
    loop, ceiling = summary.loop, summary.ceiling
    name = loop.name or "The loop"
    if loop.elu is None:
        why = loop.words.get("elu")
        return [f"How busy the loop was is not known{f': {why}' if why else ''}."] if loop.name else []
    text = f"{name} was busy {share(loop.elu)} of the time"
    if len(summary.segments) > 1:
        text = f"Over the whole run, all settings together, the loop was busy {share(loop.elu)} of the time"
    if ceiling.at_least_chunks_s is None:
        return [f"{text}; no ceiling: {ceiling.words}."]
    return [
        f"{text}: with this load's shape it can carry at least {rate(ceiling.at_least_chunks_s)} chunks/s (a lower"
        f" bound: a fuller loop wakes less often per chunk), so at least {share(ceiling.headroom)} is free."
    ]


def _delay(summary: Summary) -> list[str]:
    delay = summary.delay_ms
    if delay.p50 is None:
        words = summary.delay_words
        return [f"Delivery delay is not known: {words}."] if words else []
    return [
        f"Half of the chunks were in hand {ms(delay.p50)} ms after the server's stamp, 99 % within"
        f" {ms(delay.p99)} ms, the last one after {ms(delay.max)} ms."
    ]


def _lever(lever: EffectSummary) -> str:
    pulled = f"{lever.name} {lever.old} -> {lever.new} at {seconds(lever.t_s)}"
    before, after = lever.before, lever.after
    if before is None or after is None:
        side = "before" if before is None else "after"
        return f"{pulled}: not enough data {side} it to say what it did."
    parts = [
        _moved("tok/s", rate, before.tok_s, after.tok_s),
        _moved("at least", rate, before.at_least_chunks_s, after.at_least_chunks_s, " chunks/s"),
        _moved("delay p99", ms, before.delay_p99_ms, after.delay_p99_ms, " ms"),
        _moved("lag p99", ms, before.lag_p99_ms, after.lag_p99_ms, " ms"),
    ]
    handled = before.handled_p99_ms, after.handled_p99_ms
    if max(handled[0] or 0.0, handled[1] or 0.0) >= _WAITS_MS:
        parts.append(_moved("received to handled p99", ms, *handled, " ms"))
    said = [part for part in parts if part]
    return f"{pulled}: {', '.join(said) or 'nothing is known of its effect'}.{_surely(lever)}"


def _surely(lever: EffectSummary) -> str:
    """What the intervals let be said of a pull."""
    changes = lever.changes
    if not changes:
        return ""
    told = [f"{one.title} {one.words}" for one in changes if one.surely]
    return f" Surely: {'; '.join(told)}." if told else " No figure has surely moved."


def _best(summary: Summary) -> list[str]:
    """The best of the run's stretches."""
    told = [
        f"{one.title} {(ms if one.unit == 'ms' else rate)(one.value)} {one.unit} ({one.words}, {seconds(one.t_s)})"
        for one in summary.best
    ]
    return [f"Best of the stretches between levers: {', '.join(told)}."] if told else []


def _moved(title: str, say: Any, before: float | None, after: float | None, unit: str = "") -> str:
    if before is None or after is None:
        return ""
    moved = change(before, after)
    return f"{title} {say(before)} to {say(after)}{unit}{f' ({moved})' if moved else ''}"


def _lost(summary: Summary) -> list[str]:
    observer = summary.observer
    told = [f"Lost: {lost.count} {lost.what}: {lost.words or 'no reason'}." for lost in summary.losses]
    if observer.dropped:
        told.append(f"{plural(observer.dropped, 'sample')} found no room and are missing from every figure above.")
    if observer.ignored:
        told.append(f"{plural(observer.ignored, 'record or row')} cannot be true and were left out.")
    if not told:
        told.append("No sample was dropped and no line was lost.")
    return told
