"""What every test of the screen needs: an app over a source that nobody runs, at a size, without a clock."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from kit.processes import PATIENCE_S
from loopscope.ui.app import LoopscopeApp
from ui.fakes import FakeSource


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the shell reaches the app: colours, characters and themes are the same on every machine."""
    for name in ("NO_COLOR", "LOOPSCOPE_ASCII", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr("loopscope.settings.places.user_dir", lambda: __import__("pathlib").Path(os.devnull))
    monkeypatch.setattr("loopscope.ui.terminal.needs_ascii", lambda: os.environ.get("LOOPSCOPE_ASCII") == "1")


async def until(pilot: Pilot[None], holds: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Let the app work until something holds; fail when it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never held; on the screen:\n{screen_text(pilot)}"
        await pilot.pause(0.01)


def screen_text(pilot: Pilot[None]) -> str:
    """What stands on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


@asynccontextmanager
async def showing(
    source: FakeSource, size: tuple[int, int] = (120, 36), theme: str = "dark"
) -> AsyncIterator[Pilot[None]]:
    """Run the app over a source until it shows its first snapshot."""
    app = LoopscopeApp(source, theme=theme)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.view.seen)
        yield pilot
