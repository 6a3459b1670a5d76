"""Encode JSON as Go's encoding/json does."""

import json

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(
    {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    | {chr(code): f"\\u{code:04x}" for code in range(0x20) if code not in (8, 9, 10, 12, 13)}
    | _HTML
)
_IN_JSON = str.maketrans(_HTML)
"""What Go escapes besides what Python does; outside of strings none of these occurs."""


def go_fragment(text: str) -> bytes:
    """Return the JSON escape of a text, without quotes: U+0085 and DEL stay raw, lone surrogates become U+FFFD."""
    return _whole(text).translate(_ESCAPES).encode()


def go_string(text: str) -> bytes:
    """Return the JSON string of a text, with quotes."""
    return b'"' + go_fragment(text) + b'"'


def go_json(value: object) -> bytes:
    """Return a value as compact JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _whole(text).translate(_IN_JSON).encode()


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
