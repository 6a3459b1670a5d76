"""What a run came to, as names with values and meanings: the same facts for text, Markdown and HTML."""

from collections.abc import Iterator
from dataclasses import dataclass

from loopscope.core.format import count, ms, plural, rate, share, size, time
from loopscope.model.metrics import METRICS
from loopscope.model.snapshot import Quantiles
from loopscope.model.summary_types import FileSummary, Lag, PowerSummary, StandingSummary, Summary
from loopscope.report.columns import UNKNOWN, Table, word


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure in words."""

    name: str
    value: str
    meaning: str = ""


FACTS: Table[Fact] = (word("figure", lambda one: one.name), word("over the whole run", lambda one: one.value))


def _means(name: str) -> str:
    return METRICS[name].meaning


def known(text: str, value: object, reason: str = "") -> str:
    """Return the text, or that there is not enough data, and why."""
    if value is not None:
        return text
    return f"{UNKNOWN}: {reason}" if reason else UNKNOWN


def three(found: Quantiles | Lag, reason: str = "") -> str:
    """Return median, 99 % and the largest."""
    return known(f"{ms(found.p50)}, {ms(found.p99)}, {ms(found.max)} ms", found.p50, reason)


def run(summary: Summary) -> Iterator[Fact]:
    """Return what the streams came to."""
    delay = summary.delay_ms
    why = summary.delay_words
    yield Fact(
        "throughput",
        known(f"{rate(summary.chunks_s)} chunks/s", summary.chunks_s),
        _means("chunks_s"),
    )
    yield Fact("decode rate", known(f"{rate(summary.tok_s)} tok/s an agent", summary.tok_s), _means("tok_s.decode"))
    yield Fact(
        "delivery delay p50, p99, max",
        three(delay, why) + (f" ({why})" if why and delay.p50 is not None else ""),
        _means("delay.p99"),
    )
    yield Fact("TTFT p50, p99, max", three(summary.ttft_ms), _means("ttft.p50"))
    yield Fact("client gap p50, p99, max", three(summary.gap_ms), _means("gap.p50"))
    yield Fact("server gap p50, p99, max", three(summary.server_gap_ms), _means("server_gap.p50"))
    yield from ceilings(summary)
    yield Fact(*power(summary.power), _means("watts"))
    yield Fact(
        "requests, errors, taken",
        ", ".join(count(number) for number in (summary.requests, summary.errors, summary.taken)),
        "ended; failed; cut by a takeover or the end",
    )


def ceilings(summary: Summary) -> Iterator[Fact]:
    """Return each standing of the ceiling that is known."""
    found = summary.ceiling
    value = f"{rate(found.at_least_chunks_s)} chunks/s"
    if found.headroom is not None:
        value += f", at least {share(found.headroom)} free"
    yield Fact("ceiling, at least", known(value, found.at_least_chunks_s, found.words), _means("at_least"))
    for name, standing in (("expected", found.expected), ("measured", found.measured)):
        if standing is not None:
            yield Fact(f"ceiling, {name}", _standing(standing), "with its interval")


def _standing(found: StandingSummary) -> str:
    high = "?" if found.hi is None else rate(found.hi)
    stale = f"; OUT OF DATE: {found.stale}" if found.stale else ""
    return f"{rate(found.chunks_s)} ({rate(found.lo)} to {high}) chunks/s: {found.words}{stale}"


def power(found: PowerSummary | None) -> tuple[str, str]:
    """Return the label of the power and its mean; of a share, which is utilisation, no watts."""
    if found is None:
        return "power", "no reading"
    if found.watts is not None:
        return found.label.removesuffix(", W"), f"{rate(found.watts)} W"
    return found.label, known(share(found.share), found.share)


def loop(summary: Summary) -> Iterator[Fact]:
    """Return what the event loop did."""
    found = summary.loop
    reasons = found.words
    yield Fact("loop", f"{found.name or 'not known'}{f', {found.known_words}' if found.known_words else ''}")
    for name, title, value in (
        ("elu", "busy (ELU)", found.elu),
        ("cpu", "CPU of its thread", found.cpu),
        ("runq", "waiting for a core", found.runq),
        ("gc", "garbage collector", found.gc),
    ):
        yield Fact(title, known(share(value), value, reasons.get(name, "")), _means(name))
    if (stack := found.stack) is not None:
        told = ", ".join(f"{title} {share(value)}" for title, value in stack.parts())
        yield Fact("its time", told, "parts of wall time that add up to 100 %")
    yield Fact("loop lag p50, p99, max", three(found.lag_ms), _means("lag.p99"))
    yield Fact(
        "idle floor",
        known(time(found.lag_ms.floor), found.lag_ms.floor),
        "median lateness of the same heartbeat before any agent started; subtracted",
    )
    yield Fact(
        "over 10 ms, over 50 ms",
        known(f"{share(found.waited_10ms)}, {share(found.waited_50ms)} of the time", found.waited_10ms),
        "share of the time in which a callback that was ready would have waited longer than that",
    )
    yield Fact("CPU a chunk", known(f"{ms(found.cpu_us_per_chunk)} us", found.cpu_us_per_chunk), _means("cpu_us"))
    yield Fact("chunks a read", known(ms(found.chunks_per_read), found.chunks_per_read), _means("chunks_read"))
    yield Fact("backlog", known(size(found.backlog_bytes), found.backlog_bytes), _means("backlog"))
    yield Fact(
        "context switches",
        known(f"{rate(found.switches_s)} by itself, {rate(found.preempted_s)} core taken, a second", found.switches_s),
        "how often its thread went to wait by itself, and how often its core was taken from it",
    )
    if found.connect_ms.n:
        yield Fact(
            "connects p50, p99, max",
            f"{three(found.connect_ms)} of the last {count(found.connect_ms.n)}",
            "time until a new connection stood",
        )


def observer(summary: Summary, file: FileSummary | None = None) -> Iterator[Fact]:
    """Return what loopscope itself cost and lost, and how the file was."""
    found = summary.observer
    yield Fact("probes", core(found.rig_share), "CPU of the probes' thread in the measured process")
    yield Fact("screen, recorder, fold", core(found.screen_share), "CPU of the session's own process")
    yield Fact("dropped", plural(found.dropped, "sample"), "samples for which a probe had no room")
    yield Fact("lost", plural(found.lost_lines, "line"), "lines that could not be read or written while it ran")
    yield Fact("impossible", plural(found.ignored, "record or row", "records or rows"), "left out: they cannot be true")
    if file is not None:
        yield Fact("records in the file", count(file.records), "good ones")
        yield Fact(
            "damaged, missing lines",
            f"{count(file.damaged_lines)}, {count(file.missing_lines)}",
            "lines that are no records, and lines that the trailer counts and the file does not have",
        )
        yield Fact("file", file.words or "whole: closed properly, every line read")


def core(value: float | None) -> str:
    """Return a share of one core."""
    return f"{share(value)} of a core" if value is not None else "not known"
