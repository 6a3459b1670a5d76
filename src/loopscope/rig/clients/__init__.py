"""HTTP clients behind one small protocol: the same agent, the same probes, whatever library moves the bytes.

The module ``NAME_client`` declares its class as ``CLIENT``; it is imported only when it is asked for. What is known of
it before stands in :mod:`loopscope.settings.clients`.
"""

from importlib import import_module
from typing import cast

from loopscope.core.errors import InputError
from loopscope.rig.clients.base import Client, ReadGate
from loopscope.settings.clients import CLIENTS


def client_class(name: str) -> type[Client]:
    """Import a client.

    Raises:
        InputError: there is no such client, or its library is not installed.
    """
    kind = CLIENTS.get(name)
    if kind is None:
        raise InputError(f"there is no client {name!r}; valid: {', '.join(CLIENTS)}")
    try:
        found = import_module(kind.code or f"{__name__}.{name}_client").CLIENT
    except ImportError as error:
        raise InputError(
            f"client={name} cannot be had here ({error}); python3 -m pip install 'loopscope[{kind.extra}]' brings it"
        ) from error
    return cast(type[Client], found)


def make_client(kind: type[Client], gate: ReadGate, *, secure: bool) -> Client:
    """Make a client on the running loop. ``secure``: some server speaks TLS."""
    return kind(gate, secure=secure)  # type: ignore[call-arg]
