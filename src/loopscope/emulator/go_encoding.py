"""Encode text as Go's encoding/json does."""

_ESCAPES = {
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0C: "\\f",
    0x0D: "\\r",
    0x22: '\\"',
    0x5C: "\\\\",
    0x3C: "\\u003c",
    0x3E: "\\u003e",
    0x26: "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
} | {c: f"\\u{c:04x}" for c in range(0x20) if c not in (8, 9, 10, 12, 13)}


def go_fragment(text: str) -> bytes:
    """Return the JSON escape of a text, without quotes: U+0085 and DEL stay raw, lone surrogates become U+FFFD."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.translate(_ESCAPES).encode()


def go_string(text: str) -> bytes:
    """Return the JSON string of a text, with quotes."""
    return b'"' + go_fragment(text) + b'"'
