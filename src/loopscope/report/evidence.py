"""The parts of a loss in words, and what each of them rests on: what the agents did together, beside what alone."""

from collections.abc import Iterator

from loopscope.core.format import count, ms, points, rate, seconds, signed, time
from loopscope.report.procedure_results.build import Figures, RoundsFound
from loopscope.stats.attribution import CLIENT_PARTS

LOSSES = {
    "imbalance": "idle: an agent had finished, or had not started",
    "cold_start": "loading beyond what it takes alone",
    "prompt": "prompts evaluated more slowly than alone",
    "decode": "decoding more slowly than alone",
    "queue": "waiting in the server beyond what it takes alone",
    "client": "connect, event loop, handling, throttle, batching, other",
    "unsplit": "server and client together: the servers report no durations",
}
CLIENT = {
    "connect": "opening connections",
    "loop": "the last chunk waited for the loop",
    "handling": "decoding and consuming the last chunk",
    "throttle": "held back by the throttle",
    "batching": "held back by batching",
    "other": "sending the request, the way of the last bytes, what an agent does between its requests",
}
FORMULAS = {
    "imbalance": "the round's wall time less the agent's own (start of its first request to end of its last)",
    "cold_start": "load time that its server reports, less that alone",
    "prompt": "prompt time that its server reports, less that alone for as many prompt tokens",
    "decode": "decode time that its server reports, less that alone for as many tokens",
    "queue": "what else the server counts in a request (total less load, prompt and decode), less that alone",
    "client": "the agent's wall time less its server's total, less the same alone",
    "unsplit": "the agent's wall time, less what its work takes alone",
}
"""What each part is for one agent; the loss is its sum over the agents, over agents x wall time."""
NOTEWORTHY = 0.005
"""Parts below half a point get no evidence in a text: nobody asks for it."""

_NONE = 0.0005
"""What is shown as 0.0 rests on nothing."""


def words_of(part: str) -> str:
    """Give a part's name for people."""
    return part.replace("_", " ")


def minus(value: float) -> str:
    """Say what a part takes away, in points; what is gained has a plus, and nothing is plain zero."""
    return signed(-value, points)


def alone(one: RoundsFound) -> str:
    """Say what each agent did alone; empty where none was measured."""
    told = [
        f"{name} {rate(figures.get('alone_tok_s'))} tok/s, TTFT {ms(figures.get('alone_ttft_ms'))} ms"
        for name, figures in one.by_agent.items()
        if figures.get("alone_wall_s") is not None
    ]
    return "; ".join(dict.fromkeys(told))


def evidence(part: str, one: RoundsFound) -> str:
    """Say what a part rests on, agent by agent; empty where the trace does not say (it is older than that)."""
    if part == "client":
        means = one.means
        known = [(name, means.get(f"client_{name}")) for name in CLIENT_PARTS]
        return ", ".join(f"{name} {minus(value)}" for name, value in known if value is not None)
    if abs(one.means.get(part, 0.0)) < _NONE:
        return ""
    return "; ".join(told for name, figures in one.by_agent.items() if (told := _agent(part, name, figures)))


def _agent(part: str, name: str, figures: Figures) -> str:
    lost = figures.get(part)
    if lost is None:
        return ""
    told = ", ".join(seen(part, figures))
    return f"{name} {minus(lost)} points{f' ({told})' if told else ''}"


_SEEN = {
    "imbalance": (("wall_s", seconds, "{} from its start to its end", ""),),
    "decode": (("tok_s", rate, "{} tok/s", "alone {}"), ("tokens", count, "{} tokens", "")),
    "unsplit": (("wall_s", seconds, "{}", "{} alone"),),
}
"""What is seen of a part: figure, how it is said, and how its value alone is."""
_TTFT = (("ttft_ms", time, "first chunk after {}", "alone {}"),)


def seen(part: str, figures: Figures) -> Iterator[str]:
    """Say what was seen of an agent's part: a figure of the rounds, and what it is alone."""
    for name, say, form, solo in _SEEN.get(part, _TTFT):
        together, by_itself = figures.get(name), figures.get(f"alone_{name}")
        if together is None:
            continue
        yield form.format(say(together))
        if solo and by_itself is not None:
            yield solo.format(say(by_itself))
