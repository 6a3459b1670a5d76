"""A client that a test adds."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind("parrot", 60, "asyncio")
