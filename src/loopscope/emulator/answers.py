"""Whole answers and errors, each in the dialect of its route."""

from dataclasses import dataclass
from enum import Enum

from loopscope.emulator.go_encoding import go_json, go_string

JSON = "application/json; charset=utf-8"
JSON_BARE = "application/json"
PLAIN = "text/plain; charset=utf-8"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
HTML = "text/html; charset=utf-8"
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. ``close``: the connection ends after it; ``chunked``: its length is not told beforehand."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    close: bool = False
    headers: Headers = ()
    chunked: bool = False


class Stage(Enum):
    """How far a request had come when it failed: it decides how the error looks."""

    READING = "reading"
    """Its body could not be used."""
    HANDLING = "handling"
    STREAMING = "streaming"
    """The model's own process refused it, and a stream had been asked for."""


class ApiError(Exception):
    """A request that is answered with an error; ``words`` as Ollama would say it."""

    def __init__(self, status: int, words: str, stage: Stage = Stage.HANDLING) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words
        self.stage = stage


def native_error(error: ApiError) -> Answer:
    """Return the error as ``/api`` says it."""
    streaming = error.stage is Stage.STREAMING
    body = b'{"error":' + go_string(error.words) + b"}"
    return Answer(error.status, body, JSON_BARE if streaming else JSON, chunked=streaming)


_TYPES = {400: "invalid_request_error", 404: "not_found_error"}


def openai_error(error: ApiError) -> Answer:
    """Return the error as OpenAI's dialect says it; what fails before the handler has a charset and no newline."""
    kind = _TYPES.get(error.status, "api_error").encode()
    words = go_string(error.words)
    body = b'{"error":{"message":' + words + b',"type":"' + kind + b'","param":null,"code":null}}'
    if error.stage is Stage.READING:
        return Answer(error.status, body, JSON)
    return Answer(error.status, body + b"\n", JSON_BARE, chunked=error.stage is Stage.STREAMING)


def plain_answer(status: int, words: str, headers: Headers = ()) -> Answer:
    """Return a text answer, as the web framework under Ollama does for what it does not know."""
    return Answer(status, words.encode(), "text/plain", headers=headers)


def json_answer(value: object, status: int = 200) -> Answer:
    """Return a value as compact JSON."""
    return Answer(status, go_json(value))
