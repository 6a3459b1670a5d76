"""httpx2, by the same code as httpx."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind("httpx2", 20, "httpx2", "httpx2", asks_bytes=64 << 10)
