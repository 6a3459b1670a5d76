"""The stream of somebody else's request, read along: which framing and which dialect it has is found out as it comes.

Runs in the sender's thread for every line, so usual lines are skimmed instead of decoded. No text is kept.
"""

import re
from typing import Any

from loopscope.core.text import plain
from loopscope.streams import events
from loopscope.streams.dialect import Account, GarbageError, Loads, Meaning, Read, ServerError, raise_error
from loopscope.streams.dialects import dialect_at, dialect_of

_LINES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/x-jsonlines",
        "application/jsonlines",
        "application/jsonl",
        "application/json-lines",
        "application/stream+json",
    }
)
_EVENTS = "text/event-stream"
_UNTRUE = frozenset({"text/plain", "application/octet-stream", "application/json", ""})
"""Types under which gateways send streams all the same: the first line tells, where the path is one that we know."""
_NOT_DONE = re.compile(rb'"done" ?: ?false')
"""A line of Ollama's that another follows; a whole answer says ``true``."""
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


class Overheard:
    """One stream. ``path`` is where its request went, ``content_type`` what its head says."""

    __slots__ = ("_content_type", "_dialect", "_loads", "_read", "_seen", "account", "failed", "garbage", "model")

    def __init__(self, loads: Loads, path: str, content_type: str) -> None:
        self._loads = loads
        self._content_type = content_type.partition(";")[0].strip().lower()
        self._dialect = dialect_at(path)
        self._seen = False
        """The dialect is settled: a message has come."""
        self._read: Read | None = None
        if self._content_type in _LINES:
            self._read = self._read_line
        elif self._content_type == _EVENTS:
            self._read = events.reader(self._take)
        self.account = Account()
        self.model = ""
        self.failed = False
        """The server reported an error in the stream."""
        self.garbage = False

    @property
    def is_stream(self) -> bool:
        """Whether this is one that can be read; for a type that says nothing, once its first line has come."""
        return self._read is not None

    @property
    def may_be_stream(self) -> bool:
        """Whether its first line may still show that it is one."""
        return self._read is None and self._dialect is not None and self._content_type in _UNTRUE

    @property
    def words(self) -> str:
        """Why it is not read as a stream."""
        if self._content_type == "application/json":
            return "not a stream: the answer came in one piece"
        return f"content type {plain(self._content_type, 60) or 'not given'}: not known as a stream"

    @property
    def ends_openly(self) -> bool:
        """Whether its dialect has a final message, so that its absence means something."""
        return self._seen and self._dialect is not None

    def read(self, line: bytes) -> Meaning:
        """Return whether a line is a chunk with content, and the server's stamp."""
        read = self._read
        if read is None:
            read = self._recognise(line)
            if read is None:
                return False, None
        try:
            return read(line, self._loads, self.account)
        except ServerError:
            self.failed = True
        except (GarbageError, RecursionError):
            self.garbage = True
            self.account.pending.clear()
        return False, None

    def _recognise(self, line: bytes) -> Read | None:
        if line.startswith(_FIELDS):
            self._read = events.reader(self._take)
        elif _NOT_DONE.search(line) is not None and b'"created_at"' in line:
            self._read = self._read_line
        return self._read

    def _read_line(self, line: bytes, loads: Loads, account: Account) -> Meaning:
        """Read a line of newline-delimited JSON."""
        dialect = self._dialect
        if self._seen and dialect is not None and dialect.skim is not None:
            meaning = dialect.skim(line)
            if meaning is not None:
                return meaning
        if not line or line.isspace():
            return False, None
        try:
            message = loads(line)
        except (ValueError, RecursionError):
            raise GarbageError from None
        if not isinstance(message, dict):
            raise GarbageError
        return self._take(message, account)

    def _take(self, message: dict[str, Any], account: Account) -> Meaning:
        if not self._seen:
            self._settle(message)
        if self._dialect is None:
            raise_error(message)
            return True, None  # somebody else's: each message is a chunk
        return self._dialect.take(message, account)

    def _settle(self, message: dict[str, Any]) -> None:
        """Find out dialect and model by the first message that is no error."""
        if message.get("error"):
            return
        if self._dialect is None or not self._dialect.knows(message):
            self._dialect = dialect_of(message)
        self._seen = True
        inner = next((message[key] for key in ("message", "response") if isinstance(message.get(key), dict)), message)
        name = message.get("model", inner.get("model"))
        self.model = plain(name, 64) if isinstance(name, str) else ""
