"""The interface between a request under way and the dialect that words it."""

from typing import NamedTuple, Protocol

from loopscope.emulator.answers import Answer, ApiError
from loopscope.emulator.script import Script
from loopscope.emulator.shapes import Shape


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
    headers: tuple[tuple[str, str], ...]
    shape: Shape

    @property
    def variable(self) -> bytes | None:
        """The variable part of every message; ``None``: the stamp."""

    def first(self, messages: list[bytes]) -> list[bytes]:
        """Return the first messages in place of ``messages``; the last of them has the first content."""

    def final(self, outcome: Outcome, stamp: bytes) -> list[bytes]:
        """Return what follows the last token: one entry for each flush."""

    def broken(self, words: str) -> bytes | None:
        """Return the message that says that the model failed; ``None``: this dialect has none and just ends."""

    def whole(self, outcome: Outcome, stamp: bytes) -> Answer:
        """Return the answer of a request that did not ask for a stream."""

    def error(self, error: ApiError) -> Answer:
        """Return an error that comes before the stream."""
