"""As much of the protobuf wire format as a Perfetto trace takes: numbers, doubles, texts, messages.

The generated classes would do the same at some 40 times the size of this module (630 kB), and slower.
"""

import struct

_double = struct.Struct("<d").pack


def varint(value: int) -> bytes:
    """Encode an unsigned integer; a negative one as its 64 bit two's complement, as int64 fields have it."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """Encode a field of an integer type, an enum or a bool."""
    return varint(field << 3) + varint(value)


def double(field: int, value: float) -> bytes:
    """Encode a field of type double."""
    return varint(field << 3 | 1) + _double(value)


def message(field: int, *parts: bytes) -> bytes:
    """Encode a field that is a message, of its encoded fields."""
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def text(field: int, value: str) -> bytes:
    """Encode a field of type string."""
    return message(field, value.encode("utf-8", "replace"))
