"""Embeddings: made-up vectors, the same for the same text, in the three forms that Ollama has for them."""

from __future__ import annotations

import base64
import math
import random
import struct
from typing import Any

from loopscope.emulator.answers import JSON_BARE, Answer, ApiError, Stage, json_answer, native_error, openai_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import find_model, keep_alive_ns, load
from loopscope.emulator.go_encoding import go_json
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.models import Model
from loopscope.emulator.prompts import count_tokens
from loopscope.emulator.server import EmulatorServer

_COMMON = {"model": "string", "options": "map[string]interface {}", "truncate": "bool", "dimensions": "int"}
_REFUSED = "This server does not support embeddings. Start it with `--embeddings`"
_MOST_TEXTS = 2048


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list) and all(isinstance(text, str) for text in value) and len(value) <= _MOST_TEXTS:
        return [text for text in value if isinstance(text, str)]
    raise ApiError(400, "invalid input type")


def _vector(model: Model, text: str, dimensions: int = 0) -> list[float]:
    """Return the direction of a text, of length 1."""
    rng = random.Random(f"{model.full_name}/{text}")  # noqa: S311 - no secret
    size = min(dimensions, model.embedding) if dimensions > 0 else model.embedding
    values = [rng.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [_float32(value / length) for value in values]


def _float32(value: float) -> float:
    """Return the shortest decimal that a 32-bit float has, as Go prints it."""
    return float(f"{struct.unpack('f', struct.pack('f', value))[0]:.8g}")


def _check(server: EmulatorServer, model: Model, status: int) -> None:
    if server.options.release.llama_server and not model.can("embedding"):
        raise ApiError(status, _REFUSED)


def _load(server: EmulatorServer, connection: Connection, model: Model, body: dict[str, Any], answer: Answer) -> None:
    def loaded() -> None:
        if not connection.closed:
            connection.answer(answer)

    load(server, model, body.get("options", {}), keep_alive_ns(body.get("keep_alive")), loaded)


def embed(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/api/embed``."""
    try:
        body = read_object(request.body, "EmbedRequest", _COMMON)
        model = find_model(server, body.get("model", ""))
        texts = _texts(body.get("input", ""))
        _check(server, model, 501)
        vectors = [_vector(model, text, body.get("dimensions", 0)) for text in texts]
        tokens = sum(count_tokens(text, template=False) for text in texts)
        told: dict[str, Any] = {"model": body.get("model", ""), "embeddings": vectors}
        told |= {"total_duration": 4_000_000, "load_duration": 1_500_000}
        _load(server, connection, model, body, json_answer(told | ({"prompt_eval_count": tokens} if tokens else {})))
    except ApiError as error:
        return native_error(error)
    return None


def embeddings(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/api/embeddings``: one text, a vector that is not of length 1."""
    try:
        body = read_object(request.body, "EmbeddingRequest", _COMMON | {"prompt": "string"})
        model = find_model(server, body.get("model", ""))
        _check(server, model, 500)
        prompt = body.get("prompt", "")
        vector = [value * math.sqrt(model.embedding) for value in _vector(model, prompt)] if prompt else []
        _load(server, connection, model, body, json_answer({"embedding": vector}))
    except ApiError as error:
        return native_error(error)
    return None


def openai_embeddings(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/v1/embeddings``."""
    try:
        body = read_object(request.body, "EmbedRequest", _COMMON | {"encoding_format": "string"}, middleware=True)
        packed = str(body.get("encoding_format", "float")).lower()
        if packed not in ("float", "base64"):
            words = f"Invalid value for 'encoding_format' = {packed}. Supported values: ['float', 'base64']."
            raise ApiError(400, words, Stage.READING)
        if body.get("input") in (None, []):
            raise ApiError(400, "invalid input", Stage.READING)
        model = find_model(server, body.get("model", ""))
        texts = _texts(body["input"]) or [""]
        _check(server, model, 501)
        vectors = [_vector(model, text, body.get("dimensions", 0)) for text in texts]
        shown: list[object] = [_packed(vector) for vector in vectors] if packed == "base64" else list(vectors)
        tokens = sum(count_tokens(text, template=False) for text in texts)
        data = [{"object": "embedding", "embedding": vector, "index": n} for n, vector in enumerate(shown)]
        told = {"object": "list", "data": data, "model": body.get("model", "")}
        told["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        _load(server, connection, model, body, Answer(200, go_json(told) + b"\n", JSON_BARE))
    except ApiError as error:
        return openai_error(error)
    return None


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
