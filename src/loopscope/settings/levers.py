"""The levers: their names, what each may be set to, and how a value is read.

A value travels as one canonical string (``off``, ``60``, ``decode:50ms``, ``read:50ms``, ``decode:1KiB``, ``orjson``),
so that a command line, a key, a script and a trace all say the same thing.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from loopscope.core.errors import InputError
from loopscope.settings import dialects, sockets, throttle

MAX_AGENTS = 1024
MAX_LOOPS = 64
"""Rig processes side by side; each takes 40 MB and, to start, 0.4 s of a core."""


@dataclass(frozen=True, slots=True)
class Lever:
    """One lever. ``at_once``: acts on the running streams; else a new rig process takes over."""

    name: str
    default: str
    key: str
    at_once: bool
    valid: str
    """For people: every value that it takes."""
    help: str
    presets: tuple[str, ...]
    """What its key cycles through."""


def loops_here() -> tuple[str, ...]:
    """Names of the event loops that can run on this platform."""
    return ("asyncio",) if sys.platform == "win32" else ("asyncio", "uvloop")


CLIENTS = {"httpx": "httpx", "httpx2": "httpx2", "aiohttp": "aiohttp", "streams": "asyncio", "ollama": "ollama"}
"""Every client that a rig knows, and the module that it needs."""


@cache
def clients_here() -> tuple[str, ...]:
    """Names of the clients that are installed."""
    return tuple(name for name, module in CLIENTS.items() if find_spec(module) is not None)


def client_absent(name: str) -> str:
    """Say in one sentence that a client is not installed, and how to get it."""
    return f"client={name} is not installed here; python3 -m pip install 'loopscope[clients]' brings it"


def client_speaks(name: str, apis: Iterable[str]) -> str:
    """Say in one sentence that a client does not speak one of these dialects; empty when it speaks all of them."""
    wrong = sorted({api for api in apis if not dialects.own_client(api)}) if name == "ollama" else []
    if not wrong:
        return ""
    return f"client=ollama speaks Ollama's own dialects only, not {', '.join(wrong)}; take another client"


def no_effect(name: str, levers: Mapping[str, str]) -> str:
    """Say that a lever does nothing now, and why; empty when it acts."""
    batch = name == "batch" and levers["batch"].startswith("decode:")
    if levers["client"] == "ollama" and (name == "decoder" or batch):
        return "without effect: the ollama client decodes by itself"
    return ""


LEVERS: dict[str, Lever] = {
    lever.name: lever
    for lever in (
        Lever(
            "throttle",
            "off",
            "t",
            True,
            throttle.VALID,
            "token bucket in the client, one an agent or one for all: it does not slow the server, chunks wait in the"
            " socket",
            ("off", "60"),
        ),
        Lever(
            "loop",
            "asyncio",
            "u",
            False,
            "asyncio, uvloop",
            "the event loop: a new rig process takes over, the old one drains",
            ("asyncio", "uvloop"),
        ),
        Lever(
            "client",
            "httpx",
            "c",
            False,
            ", ".join(CLIENTS),
            "what moves the bytes (docs/clients.md): a new rig process takes over, the old one drains",
            tuple(CLIENTS),
        ),
        Lever(
            "placement",
            "loop",
            "p",
            False,
            f"loop, process, process:K (K from 2 to {MAX_LOOPS})",
            "where agents run: all on one loop, each in a process of its own, or spread over K processes; new rigs take"
            " over, the old ones drain",
            ("loop", "process:2", "process"),
        ),
        Lever(
            "batch",
            "off",
            "b",
            True,
            "off, decode:50ms, decode:1KiB, read:50ms (any time or size)",
            "decode: read as it comes, decode later (saves only decoding); read: let the socket coalesce (saves"
            " wake-ups, costs delay)",
            ("off", "decode:50ms", "read:50ms", "decode:1KiB"),
        ),
        Lever("decoder", "orjson", "d", True, "json, orjson", "what turns a line into a message", ("orjson", "json")),
        Lever(
            "read",
            "auto",
            "i",
            False,
            sockets.READ_VALID,
            "the most bytes that one read asks for (docs/clients.md): a new rig process takes over, the old one drains",
            ("auto", "4k", "16k", "128k"),
        ),
        Lever(
            "tcp",
            "default",
            "w",
            False,
            sockets.TCP_VALID,
            "TCP options of the client's sockets (docs/clients.md): a new rig process takes over, the old one drains",
            ("default", "nagle", *(("quickack",) if sockets.quickack_here() else ()), "rcvbuf:16k"),
        ),
        Lever(
            "agents",
            "2",
            "+/-",
            True,
            f"a count from 1 to {MAX_AGENTS}",
            "how many agents stream at the same time",
            (),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Batch:
    """How bytes are taken in. ``kind``: ``off``, ``decode``, ``read``; ``every_ns`` or ``size_bytes`` is set."""

    kind: str = "off"
    every_ns: int = 0
    size_bytes: int = 0


def loops_of(placement: str, agents: int) -> int:
    """How many loops, each in a process of its own, a canonical placement takes for so many agents.

    Raises:
        InputError: more than there may be.
    """
    kind, _, number = placement.partition(":")
    count = 1 if kind == "loop" else int(number or max(agents, 1))
    if count > MAX_LOOPS:
        raise InputError(
            f"placement=process would start {count} processes for {agents} agents, {MAX_LOOPS} are the most; spread"
            " them with placement=process:K"
        )
    return count


def _placement(text: str) -> str:
    word = text.lower()
    if word == "threads":
        raise InputError(
            "placement=threads is not offered: loops in threads share one interpreter lock, and builds without it are"
            f" not tested yet; valid: {LEVERS['placement'].valid}"
        )
    kind, sign, number = word.partition(":")
    if kind == "process" and sign and number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= MAX_LOOPS:
        return "loop" if int(number) == 1 else f"process:{int(number)}"
    if sign or kind not in ("loop", "process"):
        raise InputError(f"placement={text!r} is not known; valid: {LEVERS['placement'].valid}")
    return kind


_BATCH = re.compile(r"(?:(decode|read):)?([0-9]+(?:\.[0-9]+)?)\s*(ms|s|B|KiB|MiB)", re.IGNORECASE)
_TIME_NS = {"ms": 1_000_000, "s": 1_000_000_000}
_SIZE_B = {"b": 1, "kib": 1024, "mib": 1024 * 1024}


def parse_batch(text: str) -> Batch:
    """Read a batch value: ``off``, ``decode:T``, ``decode:B``, ``read:T``.

    Raises:
        InputError: with the values that are valid.
    """
    wrong = InputError(f"batch={text!r} is not known; valid: {LEVERS['batch'].valid}")
    if text.strip().lower() == "off":
        return Batch()
    match = _BATCH.fullmatch(text.strip())
    if match is None:
        raise wrong
    kind, number, unit = (match[1] or "decode").lower(), float(match[2]), match[3].lower()
    if unit in _TIME_NS:
        every_ns = round(number * _TIME_NS[unit])
        if not 1_000_000 <= every_ns <= 10_000_000_000:
            raise InputError(f"batch={text!r}: a time from 1 ms to 10 s")
        return Batch(kind, every_ns=every_ns)
    if kind == "read":
        raise InputError(f"batch={text!r}: read batching takes a time, e.g. read:50ms; sizes are for decode")
    size = round(number * _SIZE_B[unit])
    if not 1 <= size <= 1 << 20:
        raise InputError(f"batch={text!r}: a size from 1 B to 1 MiB")
    return Batch(kind, size_bytes=size)


def _plain_number(value: float) -> str:
    return f"{value:g}"


def _format_batch(batch: Batch) -> str:
    if batch.kind == "off":
        return "off"
    if batch.every_ns:
        return f"{batch.kind}:{_plain_number(batch.every_ns / 1e6)}ms"
    whole, rest = divmod(batch.size_bytes, 1024)
    return f"{batch.kind}:{whole}KiB" if not rest else f"{batch.kind}:{batch.size_bytes}B"


def canonical(name: str, text: str) -> str:
    """Check a lever's value and give its canonical string.

    Raises:
        InputError: no such lever, or no such value: names the valid ones.
    """
    lever = LEVERS.get(name)
    if lever is None:
        raise InputError(f"there is no lever {name!r}; levers: {', '.join(LEVERS)}")
    word = text.strip()
    if name == "batch":
        return _format_batch(parse_batch(word))
    if name == "throttle":
        return str(throttle.parse_throttle(word))
    if name == "agents":
        if not word.isascii() or not word.isdigit() or not 1 <= int(word[:9]) <= MAX_AGENTS:
            raise InputError(f"agents={text!r} is not known; valid: {lever.valid}")
        return str(int(word))
    if name == "placement":
        return _placement(word)
    if name == "read":
        return sockets.canonical_read(word)
    if name == "tcp":
        return sockets.canonical_tcp(word)
    choices = loops_here() if name == "loop" else lever.presets
    if word.lower() not in choices:
        raise InputError(f"{name}={text!r} is not known; valid: {', '.join(choices)}")
    if name == "client" and word.lower() not in clients_here():
        raise InputError(client_absent(word.lower()))
    return word.lower()


def parse_assignment(text: str) -> tuple[str, str]:
    """Read ``lever=value`` as given to ``--at``: its lever and canonical value.

    Raises:
        InputError: not of that form, no such lever, or no such value.
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"{text!r} is not of the form lever=value; levers: {', '.join(LEVERS)}")
    return name.strip().lower(), canonical(name.strip().lower(), value)


def next_preset(name: str, value: str) -> str:
    """Give what the lever's key sets next."""
    presets = LEVERS[name].presets
    if name in ("loop", "client"):
        presets = loops_here() if name == "loop" else clients_here()
    return presets[(presets.index(value) + 1) % len(presets)] if value in presets else presets[0]


def defaults() -> dict[str, str]:
    """Every lever at its default."""
    return {lever.name: lever.default for lever in LEVERS.values()}
