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
