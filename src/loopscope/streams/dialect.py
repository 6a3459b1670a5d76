"""What a dialect is: the request we send, and the meaning of each message that comes back.

One file each stands in :mod:`loopscope.streams.dialects`; the rig reads with it, and the program of one's own is read
along with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loopscope.core.text import plain

NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"

Loads = Callable[[bytes], Any]


class Asked(Protocol):
    """What a request asks for; :class:`loopscope.core.records.AgentSpec` is one."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def prompt(self) -> str:
        """The user's words."""

    @property
    def tokens(self) -> int:
        """Most tokens of the answer."""

    @property
    def options(self) -> Mapping[str, int | float | str | bool]:
        """Sampling options, sent as the dialect has them."""


class GarbageError(ValueError):
    """A line that is no message of this dialect."""


class ServerError(Exception):
    """The server said mid-stream that it failed; the text is safe to show."""


@dataclass(slots=True)
class Account:
    """What the server reported about one request, ``None`` where it said nothing; durations in ns."""

    done: bool = False
    """The final message of the dialect has come."""
    finished: bool = False
    """A reason was given why the answer ends, in dialects where that is not the final message."""
    tokens: int | None = None
    prompt_tokens: int | None = None
    total_ns: int | None = None
    load_ns: int | None = None
    prompt_ns: int | None = None
    eval_ns: int | None = None
    pending: list[bytes] = field(default_factory=list)
    """Data of an event of several lines that is not whole yet; see :mod:`loopscope.streams.events`."""
    body: list[bytes] = field(default_factory=list)
    """Lines of a JSON document that came in the place of events."""
    error_event: bool = False
    """The event under way is called ``error``."""


Meaning = tuple[bool, object]
"""Whether a message has content, and the server's stamp (or None)."""
Read = Callable[[bytes, Loads, Account], Meaning]
Take = Callable[[dict[str, Any], Account], Meaning]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect. The final figures of a request go to its account."""

    name: str
    family: str
    """What a server that speaks it is found to be: ``ollama`` or ``openai``."""
    path: str
    """Where a request goes."""
    ending: str
    """Paths that end so carry it, also behind a gateway's prefix."""
    accept: str
    """The content type of its streams."""
    body: Callable[[Asked], dict[str, Any]]
    read: Read
    """``read(line, loads, account)``: the meaning of a line."""
    take: Take
    """``take(message, account)``: the meaning of a line that is decoded already."""
    knows: Callable[[dict[str, Any]], bool]
    """Whether a decoded message is one of this dialect."""
    hear: Callable[[Any, Account], Meaning] | None = None
    """As ``take``, of an object of the official client; ``None``: no client of ours decodes by itself."""
    skim: Callable[[bytes], Meaning | None] | None = None
    """The meaning of a line found without decoding it; ``None``: it must be decoded."""
    emulated: bool = True
    """The emulator speaks it."""


def ending(account: Account, chunks: int) -> tuple[str, str]:
    """Return outcome (of :class:`loopscope.core.records.Request`) and words for a body that came to its end."""
    if not account.done and not account.finished:
        return "no_done", f"the stream ended after {chunks} chunks without its final message"
    if not chunks:
        counted = f" ({account.tokens} tokens are counted all the same)" if account.tokens else ""
        return "empty", f"the answer is empty: it ended without a chunk of text{counted}"
    return "ok", "" if account.done else "it gave a reason for its end and closed cleanly, but sent no final message"


def count(value: object) -> int | None:
    """Return a count of a server; ``None`` where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None


def garbage(line: bytes, what: str) -> GarbageError:
    """Return the error for a line; not a word of it is quoted: it may be a part of an answer."""
    return GarbageError(f"a line that is {what} ({len(line)} bytes)")


def raise_error(message: dict[str, Any]) -> None:
    """Look for an error of the server in a message.

    Raises:
        ServerError: with the server's words.
    """
    error = message.get("error")
    if not error and (message.get("object") == "error" or message.get("type") == "error"):
        error = message
    if not error and len(message) == 1:
        error = message.get("detail")
    if error:
        raise server_error(error)


def server_error(error: object) -> ServerError:
    """Return what is raised for an error in any of the shapes that servers give it."""
    if isinstance(error, dict):
        words = next((error[key] for key in ("message", "detail", "type", "code") if error.get(key)), "no reason given")
        error = words if isinstance(words, str | int) else "no reason given"
    return ServerError(plain(str(error)) if isinstance(error, str | int) else "no reason given")
