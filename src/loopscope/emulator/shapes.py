"""The lines of a stream with everything constant made beforehand: a chunk is one formatting and one ``send``.

A message is ``opening + variable + between + fragment + closing``. The variable part is the stamp in Ollama's own
dialect, id and time of the request in OpenAI's. Its length is nearly always the same, so that even the size line of the
HTTP chunk can be made beforehand.
"""

from functools import lru_cache
from typing import NamedTuple

from loopscope.emulator.words import Text, go_string

FULL_STAMP = len("2026-11-21T02:58:01.123456789")


class Shape(NamedTuple):
    """Lists by place in the text: ``pre + variable + post`` is the whole HTTP chunk; ``post`` is empty for no line."""

    opening: bytes
    between: bytes
    closing: bytes
    fragments: list[bytes]
    pre: list[bytes]
    post: list[bytes]

    def message(self, variable: bytes, place: int, fragment: bytes | None = None) -> bytes:
        """Give the message alone, without the HTTP chunk around it; ``fragment`` in place of the one of the text."""
        content = self.fragments[place] if fragment is None else fragment
        return b"".join((self.opening, variable, self.between, content, self.closing))


def chunk(data: bytes) -> bytes:
    """Put the HTTP chunk around a message."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def make_shape(opening: bytes, variable: int, between: bytes, fragments: list[bytes], closing: bytes) -> Shape:
    """Make the lists for a text; ``variable`` is the usual length of the variable part."""
    fixed = len(opening) + variable + len(between) + len(closing)
    heads: dict[int, bytes] = {}
    pre, post = [], []
    for fragment in fragments:
        size = fixed + len(fragment)
        head = heads.get(size)
        if head is None:
            head = heads[size] = b"%x\r\n%b" % (size, opening)
        pre.append(head)
        post.append(between + fragment + closing + b"\r\n" if fragment else b"")
    return Shape(opening, between, closing, fragments, pre, post)


@lru_cache(maxsize=32)
def _kept(opening: bytes, variable: int, between: bytes, text: Text, closing: bytes) -> Shape:
    return make_shape(opening, variable, between, text.fragments, closing)


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
