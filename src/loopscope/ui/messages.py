"""Messages to the operator: they stand on a line of their own, so that none covers a pane."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["information", "warning", "error"]

_MOST = 3
"""Messages kept at once; older ones make room."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, with the moment at which it goes."""

    text: str
    title: str
    severity: Severity
    until_s: float


class Messages:
    """The messages that are to be seen now, the newest last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: list[Message] = []

    def add(self, text: str, title: str, severity: Severity, seconds: float) -> None:
        """Show a message for so long; the same text is not shown twice."""
        self._kept = [one for one in self._kept if (one.text, one.title) != (text, title)]
        self._kept.append(Message(text, title, severity, self._clock() + seconds))
        del self._kept[:-_MOST]

    def current(self) -> tuple[Message, ...]:
        """Return what is to be seen now, the newest last."""
        now = self._clock()
        self._kept = [one for one in self._kept if one.until_s > now]
        return tuple(self._kept)
