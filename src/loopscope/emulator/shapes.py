"""The lines of a stream with everything constant made beforehand: a chunk is one formatting and one ``send``.

A message is ``opening + variable + between + fragment + closing``. The variable part is the stamp in Ollama's own
dialect, id and time of the request in OpenAI's, nothing in the others. Its length is nearly always the same, so that
even the size line of the HTTP chunk can be made beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from loopscope.emulator.corpus import Text
from loopscope.emulator.logprobs import token_logprobs
from loopscope.emulator.script import Script

FULL_STAMP = len("2026-11-21T02:58:01.123456789")


FLAT_LINES = 4
"""Messages that leave in one ``send`` when there is no pace: each is an HTTP chunk of its own, all share the stamp of
that moment. A send costs 1-2 us here; more than four at a time would save little and hide reads from clients."""


class Frame(NamedTuple):
    """The constant parts of a message."""

    opening: bytes
    between: bytes
    closing: bytes


class Frames(NamedTuple):
    """The frames of a dialect, by what a token is."""

    content: Frame
    thinking: Frame | None = None
    call: Frame | None = None
    call_json: bytes = b""
    """The whole call, in the place of the fragment of the last token."""
    logprobs: tuple[bytes, bytes] = (b"", b"")
    """What takes the place of ``closing`` where probabilities are reported: before the entry and after it."""


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
        return b"".join([shape.framed(variable, place) for place in self.places if shape.post[place]])


class Shape:
    """Lists by place in the text: ``pre + variable + post`` is the whole HTTP chunk; ``post`` is empty for no line.

    ``leads``: messages that go ahead of the one at a place, each in an HTTP chunk of its own.
    """

    def __init__(
        self,
        variable: int,
        fragments: Sequence[bytes],
        frames: Sequence[Frame],
        leads: dict[int, list[bytes]] | None = None,
    ) -> None:
        self.fragments = fragments
        self.frames = frames
        self.leads = leads or {}
        self.pre: list[bytes] = []
        self.post: list[bytes] = []
        self._blocks: dict[int, Block] = {}
        heads: dict[tuple[int, bytes], bytes] = {}
        for fragment, (opening, between, closing) in zip(fragments, frames, strict=True):
            size = len(opening) + variable + len(between) + len(fragment) + len(closing)
            head = heads.get((size, opening))
            if head is None:
                head = heads[size, opening] = b"%x\r\n%b" % (size, opening)
            self.pre.append(head)
            self.post.append(between + fragment + closing + b"\r\n" if fragment else b"")
        for place, messages in self.leads.items():
            self.pre[place] = b"".join(map(chunk, messages)) + self.pre[place]

    def message(self, variable: bytes, place: int, fragment: bytes | None = None) -> bytes:
        """Return the message alone, without the HTTP chunk around it; ``fragment`` in place of the one of the text."""
        opening, between, closing = self.frames[place]
        content = self.fragments[place] if fragment is None else fragment
        return b"".join((opening, variable, between, content, closing))

    def framed(self, variable: bytes, place: int) -> bytes:
        """Return the HTTP chunks of a place."""
        return b"".join(map(chunk, [*self.leads.get(place, ()), self.message(variable, place)]))

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
def _kept(frame: Frame, variable: int, text: Text) -> Shape:
    return Shape(variable, text.fragments, [frame] * len(text.fragments))


def shape_of(
    script: Script,
    variable: int,
    frames: Frames,
    leads: dict[int, list[bytes]] | None = None,
    number: Callable[[int, Frame], Frame] | None = None,
) -> Shape:
    """Return the shape of a script; one that nothing but its text decides is kept for the requests to come.

    ``number``: make the frame of a place that carries a number of its own.
    """
    if script.plain and not leads and number is None:
        return _kept(frames.content, variable, script.text)
    fragments = list(script.text.fragments)
    last = script.spoken - 1 if script.call is not None else -1
    by_place = []
    for place, fragment in enumerate(fragments):
        frame = frames.content
        if place < script.thinking and frames.thinking is not None:
            frame = frames.thinking
        elif place == last and frames.call is not None:
            frame = frames.call
            fragments[place] = frames.call_json
        elif script.top_logprobs >= 0 and fragment and frames.logprobs[1]:
            before, after = frames.logprobs
            entry = token_logprobs(script.text.texts[place], script.top_logprobs)
            frame = Frame(frame.opening, frame.between, before + entry + after)
        by_place.append(number(place, frame) if number is not None and fragments[place] else frame)
    return Shape(variable, fragments, by_place, leads)
