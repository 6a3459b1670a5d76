"""asyncio streams: no library at all."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind("streams", 40, "asyncio")
