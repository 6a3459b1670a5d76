"""A fixture that runs coroutines on each loop that is here."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from loopscope.rig.loops import make_loop
from loopscope.settings.levers.loop import loops_here


@pytest.fixture(params=loops_here())
def on_loop(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on the loop of this parameter."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=lambda: make_loop(request.param).loop) as runner:
            return runner.run(coroutine)

    return run
