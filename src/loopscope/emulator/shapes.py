"""The lines of a stream with everything constant made beforehand: a chunk is one formatting and one ``send``.

A message is ``opening + variable + between + fragment + closing``. The variable part is the stamp in Ollama's own
dialect, id and time of the request in OpenAI's. Its length is nearly always the same, so that even the size line of the
HTTP chunk can be made beforehand.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from loopscope.emulator.corpus import Text
from loopscope.emulator.go_encoding import go_string

FULL_STAMP = len("2026-11-21T02:58:01.123456789")


FLAT_LINES = 4
"""Messages that leave in one ``send`` when there is no pace: each is an HTTP chunk of its own, all share the stamp of
that moment. A send costs 1-2 us here; more than four at a time would save little and hide reads from clients."""


class Block(NamedTuple):
    """A few messages in a row: ``variable.join(parts)`` is all their HTTP chunks."""

    parts: list[bytes]
    tokens: int
    lines: int
    places: range
    after: int
    """Place of the token that follows."""

    def framed(self, shape: Shape, variable: bytes) -> bytes:
        """Return the HTTP chunks for a variable part of an unusual length."""
        return b"".join([chunk(shape.message(variable, place)) for place in self.places if shape.post[place]])


class Shape:
    """Lists by place in the text: ``pre + variable + post`` is the whole HTTP chunk; ``post`` is empty for no line."""

    def __init__(self, opening: bytes, variable: int, between: bytes, fragments: list[bytes], closing: bytes) -> None:
        self.opening = opening
        self.between = between
        self.closing = closing
        self.fragments = fragments
        self.pre: list[bytes] = []
        self.post: list[bytes] = []
        self._blocks: dict[int, Block] = {}
        fixed = len(opening) + variable + len(between) + len(closing)
        heads: dict[int, bytes] = {}
        for fragment in fragments:
            size = fixed + len(fragment)
            head = heads.get(size)
            if head is None:
                head = heads[size] = b"%x\r\n%b" % (size, opening)
            self.pre.append(head)
            self.post.append(between + fragment + closing + b"\r\n" if fragment else b"")

    def message(self, variable: bytes, place: int, fragment: bytes | None = None) -> bytes:
        """Return the message alone, without the HTTP chunk around it; ``fragment`` in place of the one of the text."""
        content = self.fragments[place] if fragment is None else fragment
        return b"".join((self.opening, variable, self.between, content, self.closing))

    def block(self, place: int) -> Block:
        """Return the messages of the next tokens, ``FLAT_LINES`` or as many as there are before the text repeats."""
        block = self._blocks.get(place)
        if block is None:
            block = self._blocks[place] = self.make_block(place, FLAT_LINES)
        return block

    def make_block(self, place: int, tokens: int) -> Block:
        """Make a block of at most so many tokens."""
        places = range(place, min(place + tokens, len(self.post)))
        shown = [n for n in places if self.post[n]]
        edges = [b"", *(self.post[n] for n in shown)], [*(self.pre[n] for n in shown), b""]
        parts = [after + before for after, before in zip(*edges, strict=True)]
        return Block(parts, len(places), len(shown), places, places.stop % len(self.post))


def chunk(data: bytes) -> bytes:
    """Put the HTTP chunk around a message."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@lru_cache(maxsize=32)
def _kept(opening: bytes, variable: int, between: bytes, text: Text, closing: bytes) -> Shape:
    return Shape(opening, variable, between, text.fragments, closing)


def _shape(opening: bytes, variable: int, between: bytes, text: Text, closing: bytes) -> Shape:
    make = _kept if text.shared else _kept.__wrapped__
    return make(opening, variable, between, text, closing)


def generate_shape(model: str, text: Text) -> Shape:
    """Lines of ``/api/generate``."""
    opening = b'{"model":' + go_string(model) + b',"created_at":"'
    return _shape(opening, FULL_STAMP, b'Z","response":"', text, b'","done":false}\n')


def chat_shape(model: str, text: Text) -> Shape:
    """Lines of ``/api/chat``."""
    opening = b'{"model":' + go_string(model) + b',"created_at":"'
    return _shape(opening, FULL_STAMP, b'Z","message":{"role":"assistant","content":"', text, b'"},"done":false}\n')


def chat_event_shape(model: str, text: Text, variable: int) -> Shape:
    """Events of ``/v1/chat/completions``."""
    between = (
        b',"model":'
        + go_string(model)
        + (b',"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"content":"')
    )
    return _shape(b'data: {"id":"', variable, between, text, b'"},"finish_reason":null}]}\n\n')


def text_event_shape(model: str, text: Text, variable: int, *, usage: bool) -> Shape:
    """Events of ``/v1/completions``; with ``usage`` each carries one that is zero, as Ollama has it."""
    closing = b'","index":0,"finish_reason":null}],"model":' + go_string(model) + b',"system_fingerprint":"fp_ollama"'
    if usage:
        closing += b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'
    return _shape(b'data: {"id":"', variable, b',"choices":[{"text":"', text, closing + b"}\n\n")
