"""The one line a second of a session without a screen."""

from statistics import fmean

from loopscope.core.format import ms, plural, rate, share
from loopscope.model.snapshot import Snapshot


def one_line(snapshot: Snapshot) -> str:
    """Say in one line how a session is doing just now."""
    agents = [agent for agent in snapshot.agents if agent.state != "gone"]
    decoding = [agent.tok_s for agent in agents if agent.tok_s is not None]
    ceiling, loop = snapshot.ceiling, snapshot.loop
    parts = [
        f"{snapshot.t_s:6.1f} s",
        f"{rate(ceiling.now_chunks_s)} chunks/s",
        f"{plural(len(agents), 'agent')} at {rate(fmean(decoding) if decoding else None)} tok/s",
        f"{loop.name or 'loop'} {share(loop.elu)} busy",
        f"at least {rate(ceiling.at_least_chunks_s)}/s",
        f"delay p99 {ms(ceiling.delay_ms.p99)} ms",
        f"lag p99 {ms(loop.lag_ms.p99)} ms",
    ]
    if loop.draining:
        parts.append(f"draining {', '.join(loop.draining)}")
    if snapshot.errors:
        parts.append(plural(snapshot.errors, "error"))
    if snapshot.observer.dropped:
        parts.append(f"{plural(snapshot.observer.dropped, 'sample')} dropped")
    if snapshot.problem:
        parts.append(snapshot.problem)
    return "  ".join(parts)
