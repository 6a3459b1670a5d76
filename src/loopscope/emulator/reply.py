"""Between a request under way and the dialect that words it: what will be said, what it came to, how to say it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from loopscope.emulator.answers import Answer, ApiError
from loopscope.emulator.corpus import Text
from loopscope.emulator.shapes import Shape


class Script(NamedTuple):
    """What will be said: ``spoken`` tokens of ``text`` from ``start`` on, then a silent end token if ``eos``."""

    text: Text
    start: int
    spoken: int
    eos: bool = False
    reason: str = "length"

    @property
    def tokens(self) -> int:
        """Tokens generated, the end token with them."""
        return self.spoken + self.eos

    def content(self) -> bytes:
        """Return all that is said, as a JSON fragment."""
        fragments = self.text.fragments
        size = len(fragments)
        return b"".join([fragments[(self.start + n) % size] for n in range(self.spoken)])


class Outcome(NamedTuple):
    """What the final message reports; durations in ns."""

    script: Script
    prompt_tokens: int
    total_ns: int
    load_ns: int
    prompt_ns: int
    eval_ns: int


class Reply(Protocol):
    """How a dialect words one request."""

    content_type: str
    shape: Shape

    @property
    def variable(self) -> bytes | None:
        """The variable part of every message; ``None``: the stamp."""

    def first(self, message: bytes) -> bytes:
        """Return the first message in place of ``message``."""

    def final(self, outcome: Outcome, stamp: bytes) -> list[bytes]:
        """Return what follows the last token: one entry for each flush."""

    def broken(self, words: str) -> bytes | None:
        """Return the message that says that the model failed; ``None``: this dialect has none and just ends."""

    def whole(self, outcome: Outcome, stamp: bytes) -> Answer:
        """Return the answer of a request that did not ask for a stream."""

    def error(self, error: ApiError) -> Answer:
        """Return an error that comes before the stream."""
