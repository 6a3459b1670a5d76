"""Coroutines run on both loops, agents with every client."""

import pytest

from kit.loops import on_loop
from loopscope.rig.clients import client_class
from loopscope.rig.clients.base import Client
from loopscope.settings.clients import clients_here

__all__ = ["kind", "on_loop"]


@pytest.fixture(params=clients_here())
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """Every client that is installed."""
    return client_class(request.param)
