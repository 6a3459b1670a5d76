"""Coroutines run on both loops, agents with every client."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from loopscope.rig.clients import client_class
from loopscope.rig.clients.base import Client
from loopscope.rig.loops import make_loop
from loopscope.settings.levers import clients_here, loops_here


@pytest.fixture(params=loops_here())
def on_loop(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on the loop of this parameter."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=lambda: make_loop(request.param).loop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture(params=clients_here())
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """Every client that is installed."""
    return client_class(request.param)
