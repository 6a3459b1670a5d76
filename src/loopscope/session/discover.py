"""Which servers a session uses: those on the command line, or two Ollama servers that answer on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loopscope.core.errors import InputError
from loopscope.core.records import Server
from loopscope.session.probe import REMOTE_TIMEOUT_S, TIMEOUT_S, Found, probe, probe_all
from loopscope.session.urls import normalise, short

__all__ = ["PAIR_URLS", "Found", "NoPair", "find_pair", "probe", "probe_all", "resolve", "with_tag"]

PAIR_URLS = ("http://127.0.0.1:11434", "http://127.0.0.1:11435")
"""Ollama's own port, and the one beside it that dual deployments use."""
_SHOWN = 8
"""Names of models in a sentence; more are counted."""


@dataclass(frozen=True, slots=True)
class NoPair:
    """There are no two servers to use, and why. False where a list of servers is true."""

    reason: str
    answering: tuple[str, ...] = ()
    """URLs of the servers that do answer."""

    def __bool__(self) -> Literal[False]:
        return False


def with_tag(name: str) -> str:
    """Give a model name its tag as Ollama does: ``gemma3`` is ``gemma3:latest``."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def find_pair(
    model: str | None = None, urls: Sequence[str] = PAIR_URLS, timeout_s: float = TIMEOUT_S
) -> list[Server] | NoPair:
    """Look for two Ollama servers on this machine that have a model in common; well under 0.1 s when nothing listens.

    Raises:
        InputError: both answer, but not with the ``model`` that was asked for.
    """
    found = probe_all(urls, timeout_s)
    pair = [server for server in found if server.reachable and server.api == "ollama"]
    answering = tuple(server.url for server in pair)
    where = " and ".join(short(url) for url in urls)
    if len(pair) < len(urls):
        if not pair:
            return NoPair(f"no Ollama server answers on {where}")
        missing = next(server for server in found if server not in pair)
        return NoPair(
            f"only {short(pair[0].url)} answers as Ollama; {short(missing.url)}: {missing.reason or missing.title}"
            " ('loopscope servers up' starts what is missing)",
            answering,
        )
    shared = _shared(pair)
    if model:
        name = next((name for name in shared if with_tag(name) == with_tag(model)), None)
        if name is None:
            raise InputError(
                f"not both servers ({where}) have the model {model!r}; {_both(shared)}"
                " (--embedded starts the embedded pair instead)"
            )
    elif shared:
        name = _preferred(pair, shared)
    else:
        return NoPair(f"the servers on {where} have no model in common", answering)
    return [_server(server, "ollama", name) for server in pair]


def resolve(
    urls: Sequence[str], api: str | None = None, model: str | None = None, timeout_s: float = REMOTE_TIMEOUT_S
) -> list[Server]:
    """Give the servers at these URLs, with dialect and model; ``api`` and ``model`` are found out unless given.

    A server that does not answer is kept where its dialect and model are known all the same: its agents say what is
    wrong and try again.

    Raises:
        InputError: a URL is wrong, a server does not speak ``api``, the model is not there, or cannot be chosen.
    """
    wanted = [normalise(url) for url in urls]
    found = probe_all(wanted, timeout_s)
    alive = [server for server in found if server.reachable]
    for server in alive:
        if api == "ollama" and server.api != "ollama":
            raise InputError(f"{server.url} is {server.title}, which does not speak Ollama's API: leave --api out")
    models = _models(found, alive, model or "")
    # One that does not answer most likely speaks as the others do; alone, it is taken for what loopscope is made for.
    default = api or (alive[0].api if alive else "ollama")
    return [_server(server, api or server.api or default, name) for server, name in zip(found, models, strict=True)]


def _models(found: Sequence[Found], alive: Sequence[Found], model: str) -> list[str]:
    """Name of the model for each server, as that server writes it."""
    if model:
        return [_own_name(server, model) for server in found]
    if not alive:
        silent = found[0]
        raise InputError(
            f"{silent.url} does not answer: {silent.reason}; start it, or name the model with --model to wait for it"
        )
    for server in alive:
        if not server.names:
            raise InputError(f"{server.url} ({server.title}) has no model: pull one, or name one with --model")
    if all(len(server.names) == 1 for server in alive):
        # One model each: they may bear different names and still be the same.
        return [server.names[0] if server.names else alive[0].names[0] for server in found]
    shared = _shared(alive)
    if not shared:
        lists = "; ".join(f"{short(server.url)} has {_listed(server.names)}" for server in alive)
        raise InputError(f"the servers have no model in common: {lists}")
    name = _loaded_everywhere(alive, shared) or (shared[0] if len(shared) == 1 else "")
    if not name:
        raise InputError(f"several models are there, choose one with --model: {_listed(shared)}")
    return [name for _ in found]


def _own_name(server: Found, model: str) -> str:
    """The model's name as this server writes it; a server that does not answer, or lists nothing, gets it as given."""
    names = [entry.name for entry in server.models]
    if not server.reachable or not names or model in names:
        return model
    same = next((name for name in names if with_tag(name) == with_tag(model)), None)
    if same is None or server.api != "ollama":
        raise InputError(f"{server.url} ({server.title}) has no model {model!r}; it has {_listed(server.names)}")
    return same


def _shared(servers: Sequence[Found]) -> list[str]:
    """Names that all servers have, in the order of the first one (Ollama: most recently changed first)."""
    others = [set(server.names) for server in servers[1:]]
    return [name for name in servers[0].names if all(name in names for names in others)]


def _loaded_everywhere(servers: Sequence[Found], names: Sequence[str]) -> str:
    """The one model that all servers have in memory; empty when there is none, or several."""
    loaded = [name for name in names if all(name in {entry.name for entry in server.loaded} for server in servers)]
    return loaded[0] if len(loaded) == 1 else ""


def _preferred(servers: Sequence[Found], shared: Sequence[str]) -> str:
    """Without a word of the operator: what most servers have in memory, then what changed last."""
    return max(shared, key=lambda name: sum(name in {entry.name for entry in server.loaded} for server in servers))


def _server(found: Found, api: str, model: str) -> Server:
    words = found.reason or found.title
    if found.slots is not None:
        words += f", {found.slots} slot{'s' * (found.slots != 1)}"
    quantization = next((entry.quantization for entry in found.models if entry.name == model), "")
    return Server(url=found.url, api=api, model=model, version=found.version, words=words, quantization=quantization)


def _both(shared: Sequence[str]) -> str:
    return f"both have {_listed(shared)}" if shared else "they have no model in common"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "") if names else "none"
