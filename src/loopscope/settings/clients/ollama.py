"""The official client of Ollama, over httpx."""

from loopscope.settings.clients.client import ClientKind

CLIENT = ClientKind(
    "ollama",
    50,
    "ollama",
    "ollama",
    speaks="Ollama's own dialects only",
    decodes=True,
    asks_bytes=64 << 10,
)
