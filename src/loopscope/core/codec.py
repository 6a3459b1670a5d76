"""One record, one line. The only place where records become bytes and bytes become records."""

from typing import Any, get_args

import msgspec

from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Record

MAX_LINE_BYTES = 8 << 20
"""Longer lines are refused: a tick of 100 ms holds at most 65 536 chunks, about 2 MiB."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyRecord)

_KINDS: dict[str, type[Record]] = {kind.__struct_config__.tag: kind for kind in get_args(AnyRecord)}


def make(kind: str, /, **members: Any) -> Record:
    """Return a record of the kind that stands as ``k`` on its line.

    Raises:
        KeyError, TypeError: there is no such kind, or it has no such member.
    """
    return _KINDS[kind](**members)


def encode(record: Record) -> bytes:
    """Give the line of a record, with its line end."""
    return _encoder.encode(record) + b"\n"


def decode(line: bytes) -> AnyRecord:
    """Give the record of a line (with or without its line end).

    Raises:
        TraceError: the line is no record, whatever its bytes.
    """
    if len(line) > MAX_LINE_BYTES:
        raise TraceError(f"a line of {len(line)} bytes is longer than any record")
    try:
        record: AnyRecord = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TraceError(f"not a record: {error}") from error
    return record


def _number(value: Any) -> Any:
    """Return the plain number of one of numpy's; this module must not import it."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def as_json(value: Any) -> str:
    """Return an object as JSON for people and programs; infinities and nan are ``null``."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_number), indent=2).decode()


def as_dict(value: Any) -> dict[str, Any]:
    """Return an object as JSON holds it, in plain Python."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_number))
    return found
