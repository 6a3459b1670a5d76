"""Whole answers and errors, each in the dialect of its route."""

import json
from dataclasses import dataclass

from loopscope.emulator.go_encoding import go_string

JSON = "application/json; charset=utf-8"
JSON_OPENAI = "application/json"
PLAIN = "text/plain; charset=utf-8"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. ``close``: the connection ends after it."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    close: bool = False


class ApiError(Exception):
    """A request that is answered with an error; ``words`` as Ollama would say it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


def native_error(error: ApiError) -> Answer:
    """Return the error as ``/api`` says it."""
    return Answer(error.status, b'{"error":' + go_string(error.words) + b"}")


_TYPES = {400: "invalid_request_error", 404: "not_found_error"}


def openai_error(error: ApiError) -> Answer:
    """Return the error as ``/v1`` says it."""
    kind = _TYPES.get(error.status, "api_error").encode()
    words = go_string(error.words)
    body = b'{"error":{"message":' + words + b',"type":"' + kind + b'","param":null,"code":null}}\n'
    return Answer(error.status, body, JSON_OPENAI)


def plain_answer(status: int, words: str) -> Answer:
    """Return a text answer, as the web framework under Ollama does for what it does not know."""
    return Answer(status, words.encode(), "text/plain")


def json_answer(value: object, status: int = 200) -> Answer:
    """Return a value as compact JSON."""
    return Answer(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))
