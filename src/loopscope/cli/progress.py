"""A bar on standard error for what takes longer than two seconds."""

import sys
import time
from types import TracebackType
from typing import Self

from loopscope.core.format import share
from loopscope.core.text import plain

AFTER_S = 2.0
_EVERY_S = 0.2
_EVERY_LINE_S = 5.0
_WIDTH = 30


class Progress:
    """Says how much is done, from two seconds on: a bar in a terminal, else a line every five seconds."""

    def __init__(self, words: str) -> None:
        self._words = plain(words, 60)
        self._drawn = False
        self._terminal = sys.stderr.isatty()
        self._next_s = time.monotonic() + AFTER_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn and self._terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def __call__(self, done: float) -> None:
        """Tell the share that is done."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (_EVERY_S if self._terminal else _EVERY_LINE_S)
        self._drawn = True
        if self._terminal:
            full = round(done * _WIDTH)
            sys.stderr.write(f"\rloopscope: {self._words} [{'#' * full}{'.' * (_WIDTH - full)}] {share(done):>5} ")
        else:
            sys.stderr.write(f"loopscope: {self._words}: {share(done)}\n")
        sys.stderr.flush()
