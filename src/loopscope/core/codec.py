"""One record, one line. The only place where records become bytes and bytes become records."""

import msgspec

from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Record

MAX_LINE_BYTES = 8 << 20
"""Longer lines are refused: a tick of 100 ms holds at most 65 536 chunks, about 2 MiB."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyRecord)


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
