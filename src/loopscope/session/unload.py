"""Ask an Ollama server to forget its model, so that the next request starts cold."""

from loopscope.core.errors import InputError, WorkerError
from loopscope.core.records import Server
from loopscope.core.text import plain
from loopscope.settings import dialects

_TIMEOUT_S = 30.0


def unload(server: Server) -> None:
    """Unload the server's model; returns when it says that it has.

    Raises:
        InputError: it does not speak Ollama's own dialect, which alone has such a request.
        WorkerError: it did not do so.
    """
    import httpx

    if dialects.FAMILY.get(server.api) != "ollama":
        raise InputError(f"{server.url} speaks {server.api}: only Ollama's own dialect can unload a model")
    try:
        body = {"model": server.model, "keep_alive": 0}
        answer = httpx.post(f"{server.url}/api/generate", json=body, timeout=_TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise WorkerError(f"{server.url} did not unload {server.model}: {plain(str(error), 100)}") from error
