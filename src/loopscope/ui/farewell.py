"""What is left in the terminal after the screen: what was seen in a few lines, and how to see it again."""

import shlex

from loopscope.core.format import clock, ms, plural, rate, share
from loopscope.core.text import plain
from loopscope.model.snapshot import Snapshot


def lines(snapshot: Snapshot, recording: str) -> list[str]:
    """Sum a session up: how long, what it carried, what was found, and the command that replays it."""
    ceiling = snapshot.ceiling
    carried = [
        plural(snapshot.requests, "request"),
        plural(snapshot.errors, "error"),
        plural(snapshot.chunks, "chunk"),
    ]
    found = [
        f"loopscope saw {plural(len(snapshot.agents), 'agent')} for {clock(snapshot.t_s)}: {', '.join(carried)}",
        f"at the end: {rate(ceiling.now_chunks_s)} chunks/s, loop busy {share(ceiling.elu)},"
        f" delivery delay p99 {ms(ceiling.delay_ms.p99)} ms",
    ]
    if snapshot.problem:
        found.append(f"problem: {plain(snapshot.problem)}")
    found += [f"found: {plain(one.sentence)}" for one in snapshot.findings if one.severity != "note"][:3]
    if recording:
        found.append(f"recorded in {plain(recording)}; see it again: loopscope replay {shlex.quote(plain(recording))}")
    else:
        found.append("nothing was recorded: loopscope --record FILE keeps a session")
    return found
