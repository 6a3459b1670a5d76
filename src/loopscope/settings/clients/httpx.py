"""httpx, over httpcore and anyio."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind("httpx", 10, "httpx", "httpx", asks_bytes=64 << 10)
