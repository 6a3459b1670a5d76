"""Ask one address who answers there: which dialect, which server, which models, what is loaded.

Asks nothing that makes a server work: no model is loaded by it. Every text of a server passes ``plain``.
"""

import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopscope.core import api_key
from loopscope.core.api_key import authorization
from loopscope.core.failure_words import detail_of
from loopscope.core.text import plain
from loopscope.session.urls import host_port

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 1.0
"""A server on this machine answers these questions in 1 to 30 ms, also while it streams."""
REMOTE_TIMEOUT_S = 3.0
"""For addresses that the operator gave: they may be far away, and a TLS handshake comes on top."""
_MAX_BYTES = 4 << 20
"""An Ollama with 500 models lists them in 0.3 MB."""
_MAX_MODELS = 1000

EMULATOR = "loopscope emulator"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a server has. ``size_bytes`` and ``context`` (tokens) are ``None`` where it does not say."""

    name: str
    size_bytes: int | None = None
    context: int | None = None
    generates: bool = True
    """False for what only embeds."""
    quantization: str = ""
    """As the server tells it; empty: it does not."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory. ``vram_bytes`` 0: on the CPU alone; ``context``: tokens of one stream."""

    name: str
    size_bytes: int | None = None
    vram_bytes: int | None = None
    context: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Who answers at a URL. ``reason`` is empty when somebody does whom we can talk to."""

    url: str
    reason: str = ""
    api: str = ""
    """``ollama`` or ``openai``: the dialect that tells us most."""
    kind: str = ""
    """Ollama, llama.cpp, vLLM, LM Studio, OpenAI-compatible, or :data:`EMULATOR`."""
    version: str = ""
    models: tuple[Model, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    slots: int | None = None
    """Streams that it serves at the same time; ``None``: it does not say (Ollama never does)."""
    listening: bool = False
    """Something accepts connections there, whatever it is."""

    @property
    def reachable(self) -> bool:
        """Whether there is a server that we can talk to."""
        return not self.reason

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models that generate text."""
        return tuple(model.name for model in self.models if model.generates)

    @property
    def title(self) -> str:
        """Server and version, e.g. "Ollama 0.33.0"."""
        return f"{self.kind} {self.version}".strip()


class _NoAnswerError(Exception):
    """The question cannot be answered; the text is the reason for people."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    server: str
    body: dict[str, Any]


def probe(url: str, timeout_s: float = TIMEOUT_S) -> Found:
    """Find out who answers at a normalised URL; takes ``timeout_s`` at most, but for a name look-up that hangs."""
    deadline_s = time.monotonic() + timeout_s
    try:
        _knock(url, timeout_s)
    except _NoAnswerError as error:
        return Found(url, str(error))
    try:
        with http_client(url) as client:
            return _identify(_Questions(client, deadline_s), url)
    except _NoAnswerError as error:
        return Found(url, str(error), listening=True)


def get_object(client: "httpx.Client", path: str, timeout_s: float) -> dict[str, Any] | None:
    """Return the JSON object at a path, ``None`` where there is none or it does not come in time."""
    try:
        answer = _Questions(client, time.monotonic() + timeout_s).get(path)
    except _NoAnswerError:
        return None
    return answer.body if answer.status == 200 else None


def probe_all(urls: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Found]:
    """Probe several at the same time; a name look-up that hangs does not hold up the answer."""
    found: dict[int, Found] = {}

    def ask(number: int, url: str) -> None:
        found[number] = probe(url, timeout_s)

    threads = [
        threading.Thread(target=ask, args=(number, url), name=f"probe-{number}", daemon=True)
        for number, url in enumerate(urls)
    ]
    for thread in threads:
        thread.start()
    # Half a second more than the questions may take: for the import of the HTTP client on a cold disk.
    end_s = time.monotonic() + timeout_s + 0.5
    for thread in threads:
        thread.join(max(0.0, end_s - time.monotonic()))
    return [found.get(number) or Found(url, _late(url, timeout_s)) for number, url in enumerate(urls)]


def _late(url: str, timeout_s: float) -> str:
    """Say why a server has not answered: a name may hang, an address cannot."""
    host = host_port(url)[0]
    try:
        ipaddress.ip_address(host)
        literal = True
    except ValueError:
        literal = host == "localhost"
    reason = "the machine is busy, or the server is" if literal else "does its name resolve?"
    return f"did not answer within {timeout_s:g} s ({reason})"


def _knock(url: str, timeout_s: float) -> None:
    """Connect and close again: a port that nobody listens on costs microseconds, without the HTTP client (0.1 s)."""
    try:
        with socket.create_connection(host_port(url), timeout=timeout_s):
            return
    except ConnectionRefusedError:
        raise _NoAnswerError("nothing listens there (connection refused)") from None
    except TimeoutError:
        raise _NoAnswerError(f"no connection within {timeout_s:g} s") from None
    except socket.gaierror:
        raise _NoAnswerError("the name of the host is not known") from None
    except (OSError, UnicodeError) as error:
        raise _NoAnswerError(f"no connection: {detail_of(error)}") from None


def http_client(url: str) -> "httpx.Client":
    """Return a client for one server, as the agents would reach it."""
    import httpx

    # No proxy from the environment: what is measured is this server, not the way to it. TLS trusts what the agents
    # trust: the system's store, or what SSL_CERT_FILE names. Without TLS no certificates need to be read (35 ms).
    verify = ssl.create_default_context() if url.startswith("https:") else False
    return httpx.Client(base_url=url, trust_env=False, verify=verify, headers=authorization())


class _Questions:
    """GET requests to one server under one deadline."""

    def __init__(self, client: "httpx.Client", deadline_s: float) -> None:
        self._client = client
        self._deadline_s = deadline_s

    def get(self, path: str) -> _Answer:
        """Ask; a body that is no JSON object is an empty one.

        Raises:
            _NoAnswerError: no whole answer in time, or it is no HTTP.
        """
        import httpx

        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise _NoAnswerError("it listens, but did not answer in time")
        try:
            with self._client.stream("GET", path, timeout=left_s) as response:
                data = bytearray()
                for piece in response.iter_bytes():
                    data += piece
                    if len(data) > _MAX_BYTES or time.monotonic() > self._deadline_s:
                        raise _NoAnswerError("it listens, but its answer has no end")
                return _Answer(response.status_code, response.headers.get("server", ""), _object(bytes(data)))
        except httpx.TimeoutException as error:
            raise _NoAnswerError("it listens, but did not answer in time") from error
        except (httpx.ConnectError, httpx.InvalidURL) as error:
            raise _NoAnswerError(f"no connection: {detail_of(error)}") from error
        except httpx.HTTPError as error:
            raise _NoAnswerError("it listens, but does not speak HTTP as we know it") from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _identify(ask: _Questions, url: str) -> Found:
    version = ask.get("/api/version")
    if version.status == 200 and isinstance(version.body.get("version"), str):
        return _ollama(ask, url, plain(version.body["version"], 40))
    models = ask.get("/v1/models")
    if models.status == 200 and isinstance(models.body.get("data"), list):
        return _openai(ask, url, models)
    if 401 in {version.status, models.status}:
        refused = f"it does not take the key of {api_key.KEY}" if api_key.api_key() else f"{api_key.HOW}"
        raise _NoAnswerError(f"it wants an API key (401): {refused}")
    if 403 in {version.status, models.status}:
        raise _NoAnswerError(
            "it refuses us (403): an Ollama bound to loopback accepts only local host names; if it wants a key,"
            f" {api_key.HOW}"
        )
    if models.status == 503:
        raise _NoAnswerError("it is still loading (503)")
    raise _NoAnswerError(f"a web server, but neither Ollama's nor OpenAI's API ({models.status} for /v1/models)")


def _text(value: object) -> str:
    return plain(value, 20) if isinstance(value, str) else ""


def _ollama(ask: _Questions, url: str, version: str) -> Found:
    models = [
        Model(
            name,
            _count(item.get("size")),
            _count(_dict(item.get("details")).get("context_length")),
            _generates(item.get("capabilities"), name),
            quantization=_text(_dict(item.get("details")).get("quantization_level")),
        )
        for item, name in _named(ask.get("/api/tags").body.get("models"), "name", "model")
    ]
    loaded = [
        Loaded(name, _count(item.get("size")), _count(item.get("size_vram", 0)), _count(item.get("context_length")))
        for item, name in _named(ask.get("/api/ps").body.get("models"), "name", "model")
    ]
    # Our own emulator says so when asked: nobody may take it for a real one.
    stats = ask.get("/emulator/stats").body
    if isinstance(stats.get("emulator"), str):
        slots = _count(stats.get("parallel")) or None  # 0: no limit
        return Found(url, "", "ollama", EMULATOR, version, tuple(models), tuple(loaded), slots, listening=True)
    return Found(url, "", "ollama", "Ollama", version, tuple(models), tuple(loaded), listening=True)


def _openai(ask: _Questions, url: str, answer: _Answer) -> Found:
    items = _named(answer.body.get("data"), "id")
    owners = {str(item.get("owned_by", "")).lower() for item, _ in items}
    models = tuple(Model(name, _count(_dict(item.get("meta")).get("size")), _context(item)) for item, name in items)
    if "llama.cpp" in answer.server.lower() or "llamacpp" in owners:
        props = ask.get("/props").body
        loaded = tuple(Loaded(model.name, model.size_bytes, None, model.context) for model in models)
        version = plain(str(props.get("build_info", "")), 40)
        return Found(
            url, "", "openai", "llama.cpp", version, models, loaded, _count(props.get("total_slots")), listening=True
        )
    if "vllm" in owners:
        version = plain(str(ask.get("/version").body.get("version", "")), 40)
        loaded = tuple(Loaded(model.name, None, None, model.context) for model in models)
        return Found(url, "", "openai", "vLLM", version, models, loaded, listening=True)
    studio = ask.get("/api/v0/models").body.get("data")
    if isinstance(studio, list) and any("state" in item for item, _ in _named(studio, "id")):
        return _lm_studio(url, studio)
    return Found(url, "", "openai", "OpenAI-compatible", "", models, listening=True)


def _lm_studio(url: str, data: list[Any]) -> Found:
    items = _named(data, "id")
    models = tuple(
        Model(name, None, _count(item.get("max_context_length")), item.get("type") != "embeddings")
        for item, name in items
    )
    loaded = tuple(
        Loaded(name, None, None, _count(item.get("loaded_context_length")))
        for item, name in items
        if item.get("state") == "loaded"
    )
    return Found(url, "", "openai", "LM Studio", "", models, loaded, listening=True)


def _named(value: object, *keys: str) -> list[tuple[dict[str, Any], str]]:
    """Objects of a list with the first of ``keys`` that is a name; what is none is left out."""
    found: list[tuple[dict[str, Any], str]] = []
    for item in value[:_MAX_MODELS] if isinstance(value, list) else []:
        if isinstance(item, dict):
            name = next((item[key] for key in keys if isinstance(item.get(key), str) and item[key]), "")
            if name and name == plain(name, 300):  # a name that is not printable cannot be shown, nor asked for
                found.append((item, name))
    return found


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 60 else None


def _context(item: dict[str, Any]) -> int | None:
    """Tokens of one stream: llama.cpp says ``meta.n_ctx``, vLLM ``max_model_len``."""
    return _count(_dict(item.get("meta")).get("n_ctx", item.get("max_model_len")))


def _generates(capabilities: object, name: str) -> bool:
    """Newer Ollamas list capabilities; for older ones the name tells what only embeds."""
    if isinstance(capabilities, list) and capabilities:
        return "completion" in capabilities
    return "embed" not in name.lower()
