"""Whether a session without a screen did what it was for: what failed is not exit code 0."""

from loopscope.core.format import number, plural
from loopscope.model.agents import Agent
from loopscope.model.fold import Fold

Left = list[tuple[float, str, str]]
"""Scripted pulls that were not done: second, lever, value."""

_FOR_GOOD = ("rig", "emulator", "takeover")
"""Losses after which something that was asked for did not happen."""
_LAST = 2
"""So many of the last requests of each agent must have failed for its server to count as gone."""


def failures(fold: Fold, left: Left, why_left: str = "") -> list[str]:
    """Return a sentence for each thing that failed; empty when the session did what it was asked to."""
    found = [lost.words for lost in fold.losses if lost.what in _FOR_GOOD]
    found += _requests(fold)
    found += [
        f"{lever}={value} was to be set at {number(at_s)} s and was not"
        + (f": {why_left}" if why_left else ": the session had ended by then")
        for at_s, lever, value in left
    ]
    return found


def _requests(fold: Fold) -> list[str]:
    agents = [agent for agent in fold.agents.all if agent.requests]
    total, errors = sum(agent.requests for agent in agents), sum(agent.errors for agent in agents)
    if total and errors == total:
        return [f"{'the only request' if total == 1 else f'all {number(total)} requests'} failed: {_words(agents)}"]
    sentences = []
    for server in sorted({agent.server for agent in agents}):
        here = [agent for agent in agents if agent.server == server]
        if all(_gone(agent) for agent in here):
            where = fold.endpoint(server) or f"server {server + 1}"
            who = plural(len(here), "agent")
            sentences.append(f"{where} failed at the end, for each of its {who}: {_words(here)}")
    return sentences


def _gone(agent: Agent) -> bool:
    last = [request for request in agent.recent if request.outcome != "taken"][:_LAST]
    return len(last) == _LAST and all(request.outcome != "ok" for request in last)


def _words(agents: list[Agent]) -> str:
    """Return what the newest failure said."""
    failed = [request for agent in agents for request in agent.recent if request.outcome not in {"ok", "taken"}]
    newest = max(failed, key=lambda request: request.t_s, default=None)
    return (newest.words or newest.outcome) if newest is not None else "no reason was given"
