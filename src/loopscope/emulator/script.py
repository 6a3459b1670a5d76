"""The script of one answer: all that it will say, before any of it is sent."""

from typing import NamedTuple

from loopscope.emulator.corpus import Text


class ToolCall(NamedTuple):
    """A call that the model makes. ``arguments``: JSON."""

    id: str
    name: str
    arguments: str


class Script(NamedTuple):
    """``spoken`` tokens of ``text`` from ``start`` on, then a silent end token if ``eos``.

    The first ``thinking`` tokens are thoughts. With a ``call`` the last token completes it, and the ones before it are
    silent. ``top_logprobs``: alternatives to report with each token; -1: report no probabilities.
    """

    text: Text
    start: int
    spoken: int
    eos: bool = False
    reason: str = "length"
    thinking: int = 0
    call: ToolCall | None = None
    top_logprobs: int = -1

    @property
    def tokens(self) -> int:
        """Tokens generated, the end token with them."""
        return self.spoken + self.eos

    @property
    def plain(self) -> bool:
        """Nothing but content, of a text that many requests share."""
        return self.text.shared and not self.thinking and self.call is None and self.top_logprobs < 0

    def content(self) -> bytes:
        """Return the content as a JSON fragment."""
        return self._joined(self.thinking, self.spoken - (self.call is not None))

    def thoughts(self) -> bytes:
        """Return the thoughts as a JSON fragment."""
        return self._joined(0, min(self.thinking, self.spoken))

    def _joined(self, first: int, end: int) -> bytes:
        fragments = self.text.fragments
        size = len(fragments)
        return b"".join([fragments[(self.start + n) % size] for n in range(first, end)])
