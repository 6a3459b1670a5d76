"""HTTP clients behind one small protocol: the same agent, the same probes, whatever library moves the bytes.

:func:`make_client` imports a client only when it is asked for.
"""

from importlib import import_module
from typing import cast

from loopscope.core.errors import InputError
from loopscope.rig.clients.base import Client, ReadGate

_CLASSES = {
    "httpx": ("httpx_client", "HttpxClient"),
    "httpx2": ("httpx2_client", "Httpx2Client"),
    "aiohttp": ("aiohttp_client", "AiohttpClient"),
    "streams": ("streams_client", "StreamsClient"),
    "ollama": ("ollama_client", "OllamaClient"),
}


def client_class(name: str) -> type[Client]:
    """Import a client.

    Raises:
        InputError: there is no such client, or its library is not installed.
    """
    if name not in _CLASSES:
        raise InputError(f"there is no client {name!r}; valid: {', '.join(_CLASSES)}")
    module, member = _CLASSES[name]
    try:
        found = getattr(import_module(f"{__name__}.{module}"), member)
    except ImportError as error:
        raise InputError(
            f"client={name} cannot be had here ({error}); python3 -m pip install 'loopscope[clients]' brings it"
        ) from error
    return cast(type[Client], found)


def make_client(kind: type[Client], gate: ReadGate, *, secure: bool) -> Client:
    """Make a client on the running loop. ``secure``: some server speaks TLS."""
    return kind(gate, secure=secure)  # type: ignore[call-arg]
