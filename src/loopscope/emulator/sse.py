"""Server-sent events that carry their name."""

from loopscope.emulator.answers import Headers
from loopscope.emulator.go_encoding import go_json

STREAM_HEADERS: Headers = (("Cache-Control", "no-cache"), ("Connection", "keep-alive"))
"""Of the dialects that Ollama added last."""


def event(name: str, data: dict[str, object]) -> bytes:
    """Return one event."""
    return b"event: " + name.encode() + b"\ndata: " + go_json(data) + b"\n\n"
