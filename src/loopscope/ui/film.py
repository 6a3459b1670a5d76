"""A replay as a terminal recording (asciicast v2): the real screen, driven at the trace's pace in virtual time.

The app runs as it does in a terminal, on a driver that keeps what it is given to write. Its clock is ours: the source
is put to the moment of each picture, asked, and the screen painted, so that it takes as long as painting takes.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from loopscope.core.clock import NS_PER_S
from loopscope.core.errors import LoopscopeError
from loopscope.session.replay import ReplaySource
from loopscope.trace.reader import last_ns, read
from loopscope.ui import theming
from loopscope.ui.app import LoopscopeApp
from loopscope.ui.feed import TICK_S

_ANSWER_S = 30.0
"""How long one picture may take: folding a second of a busy trace takes some 30 ms."""
_ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
_UNSET = ("NO_COLOR", "TEXTUAL_PRESS")


class _Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.at_ns = 0

    def __call__(self) -> int:
        return self.at_ns


class _Terminal(HeadlessDriver):
    """A terminal of a fixed size that keeps what is written to it."""

    @property
    def is_headless(self) -> bool:
        """No: what the screen has to show is wanted."""
        return False

    def write(self, data: str) -> None:
        """Keep it for the next picture."""
        app = self._app
        assert isinstance(app, _Filmed)  # noqa: S101 - nobody else has this driver
        app.written.append(data)


class _Filmed(LoopscopeApp):
    """The app, with our hand on its tick."""

    def __init__(self, source: ReplaySource, book: theming.Book, theme: str | None) -> None:
        self.written: list[str] = []
        self._shown = asyncio.Event()
        super().__init__(source, book, theme)

    def get_driver_class(self) -> type[Driver]:
        """Give the driver that keeps what is written."""
        return _Terminal

    def say(self, *args: Any, **more: Any) -> None:
        """Say nothing: a message goes by real time, and would stay for minutes of the trace's."""

    def _tick(self) -> None:
        """The timer's ticks are of real time: they do nothing."""

    def show(self, tick: int | None = None) -> None:
        """Draw, and tell that the snapshot of this picture is there."""
        super().show(tick)
        self._shown.set()

    @property
    def stands(self) -> bool:
        """Whether the screen made of panes is there."""
        from loopscope.ui.screens.board import Board

        return self.running and bool(self.screen_stack) and isinstance(self.screen, Board)

    async def paint_at(self, at_s: float) -> str:
        """Paint the screen at a moment of the trace; give what a terminal is sent for it."""
        self.feed.ticks = round(at_s / TICK_S)
        self._shown.clear()
        super()._tick()
        try:
            await asyncio.wait_for(self._shown.wait(), _ANSWER_S)
        except TimeoutError as error:
            self.failure = LoopscopeError(f"the replay gave no picture of second {at_s:g}; nothing was exported")
            raise self.failure from error
        # Live, a chart is drawn at every third tick: fewer pictures than ticks would miss most of those.
        self.show()
        painted = asyncio.get_running_loop().create_future()
        self.screen.call_after_refresh(painted.set_result, None)
        await asyncio.wait_for(painted, _ANSWER_S)
        data, self.written = "".join(self.written), []
        return data


@contextmanager
def _terminal_of_its_own() -> Iterator[None]:
    """While inside, the environment is that of a terminal with all colours, whatever ours is."""
    wanted = _ENVIRONMENT | {"LOOPSCOPE_ASCII": os.environ.get("LOOPSCOPE_ASCII", "0")}
    before = {name: os.environ.get(name) for name in (*wanted, *_UNSET)}
    os.environ.update(wanted)
    for name in _UNSET:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def shoot(
    path: Path,
    file: BinaryIO,
    *,
    size: tuple[int, int],
    fps: float,
    theme: str | None,
    each_picture: Callable[[float], None],
) -> str:
    """Write the replay of a trace into ``file``; give what is amiss with the trace, empty for nothing.

    ``each_picture`` is called with the seconds of the trace that are done.

    Raises:
        InputError: no such theme.
        TraceError: nothing of the file can be read.
        LoopscopeError: the screen broke.
    """
    book = theming.load()
    if theme is not None:
        book.check(theme)
    with read(path) as reading:
        header = reading.header
    length_s = max(0.0, (last_ns(path) - header.t_ns) / NS_PER_S)
    clock = _Clock()
    source = ReplaySource(path, clock=clock)
    about: dict[str, Any] = {"version": 2, "width": size[0], "height": size[1], "title": source.title}
    if header.anchor_wall_ns > 0:
        about["timestamp"] = header.anchor_wall_ns // NS_PER_S
    file.write(json.dumps(about | {"env": {"TERM": _ENVIRONMENT["TERM"]}}).encode() + b"\n")

    with _terminal_of_its_own():
        app = _Filmed(source, book, theme)
        problem = ""

        async def play(pilot: Pilot[object]) -> None:
            nonlocal problem
            try:
                while not (app.failure or app.stands):
                    await pilot.pause(0.005)
                if app.failure:
                    return
                pictures = int(length_s * fps) + 1
                for number in range(pictures + 1):
                    at_s = min(number / fps, length_s)
                    clock.at_ns = round(at_s * NS_PER_S)
                    data = await app.paint_at(at_s)
                    if data:
                        file.write(json.dumps([round(at_s, 3), "o", data], ensure_ascii=False).encode() + b"\n")
                    each_picture(at_s)
                problem = app.view.snapshot.problem
            finally:
                app.exit()

        try:
            asyncio.run(app.run_async(size=size, auto_pilot=play))
        finally:
            if app.starter.ident is not None:
                app.starter.join()
            if app.running:
                source.stop()
    if app.failure is not None:
        raise app.failure
    if app.return_code:
        raise LoopscopeError("the screen broke (the reason stands above); nothing was exported")
    return problem
