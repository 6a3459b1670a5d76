"""aiohttp."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind("aiohttp", 30, "aiohttp", "aiohttp")
