"""Server-sent events, line by line.

A ``data:`` line is decoded as soon as it is there, not when the blank line after it comes: the stamp of a chunk must
not wait for that. Where it is no whole JSON, it may be one of several lines of one event, and is kept until all are
there.
"""

from loopscope.core.text import plain
from loopscope.streams.dialect import (
    Account,
    GarbageError,
    Loads,
    Meaning,
    Read,
    ServerError,
    Take,
    garbage,
    raise_error,
    server_error,
)

_MOST_LINES = 256
"""Data lines of one event, or lines of a JSON document: each may cost a decoding of all before it."""
_NOTHING: Meaning = (False, None)


def reader(take: Take) -> Read:
    """Return the function that reads a line of events whose messages ``take`` understands."""

    def read(line: bytes, loads: Loads, account: Account) -> Meaning:
        if not line.startswith(b"data:"):
            return _other(line, loads, account) if line and line != b"\r" else _blank(account)
        data = line[5:].strip()
        if data.startswith(b"[DONE]"):
            account.done = True
            return _NOTHING
        if account.pending or account.error_event or not data:
            return _rarely(data, loads, account, take)
        try:
            message = loads(data)
        except ValueError:
            account.pending.append(data)
            return _NOTHING
        except RecursionError:
            raise garbage(line, "nested too deep") from None
        if not isinstance(message, dict):
            raise garbage(data, "no object")
        return take(message, account)

    return read


def _blank(account: Account) -> Meaning:
    """An event is over."""
    if account.pending:
        raise garbage(b"\n".join(account.pending), "not JSON")
    account.error_event = False
    return _NOTHING


def _rarely(data: bytes, loads: Loads, account: Account, take: Take) -> Meaning:
    """Read a data line that is empty (a keep-alive), not the first of its event, or one of an error."""
    if not data:
        return _NOTHING
    account.pending.append(data)
    whole = b"\n".join(account.pending)
    if len(account.pending) > _MOST_LINES:
        raise garbage(whole, "not JSON")
    message = _decoded(whole, loads)
    if account.error_event:
        if isinstance(message, dict):
            raise_error(message)
            raise server_error(message)
        raise ServerError(plain(whole.decode("utf-8", "replace")))
    if message is None:
        return _NOTHING
    account.pending.clear()
    if not isinstance(message, dict):
        raise garbage(whole, "no object")
    return take(message, account)


def _other(line: bytes, loads: Loads, account: Account) -> Meaning:
    """Read a line that is no data: a comment, another field, or a JSON document where events should be."""
    if account.body or line.startswith(b"{"):
        _document(line, loads, account.body)
    elif line.startswith(b"event:"):
        account.error_event = line[6:].strip() == b"error"
    return _NOTHING


def _document(line: bytes, loads: Loads, body: list[bytes]) -> None:
    body.append(line)
    whole = b"\n".join(body)
    if len(body) > _MOST_LINES:
        raise garbage(whole, "no event")
    message = _decoded(whole, loads) if line.rstrip().endswith(b"}") else None
    if isinstance(message, dict):
        raise_error(message)
        raise GarbageError(f"the answer came as one JSON document ({len(whole)} bytes), not as a stream of events")


def _decoded(data: bytes, loads: Loads) -> object:
    try:
        return loads(data)
    except (ValueError, RecursionError):
        return None
