"""OpenAI's dialect as Ollama speaks it: ``/v1``. No stamps and no durations; the closing events share one flush."""

from __future__ import annotations

from time import time
from typing import Any

from loopscope.emulator.answers import JSON_OPENAI, SSE, Answer, ApiError, openai_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.corpus import Text
from loopscope.emulator.generation import begin, find_model
from loopscope.emulator.go_encoding import go_string
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.models import Model
from loopscope.emulator.native import modified_at, prompt_of
from loopscope.emulator.reply import Outcome
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import chat_event_shape, text_event_shape

_SAMPLING = {
    "model": "string",
    "stream": "bool",
    "stream_options": "openai.StreamOptions",
    "max_tokens": "int",
    "seed": "int",
    "temperature": "float64",
    "top_p": "float64",
    "frequency_penalty": "float64",
    "presence_penalty": "float64",
}
_CHAT = _SAMPLING | {"messages": "[]openai.Message", "response_format": "openai.ResponseFormat"}
_TEXT = _SAMPLING | {"prompt": "string", "suffix": "string"}
_DONE = b"data: [DONE]\n\n"


class _Reply:
    """Common parts of chat and text replies. ``usage``: the client asked for the counts at the end of the stream."""

    content_type = SSE

    def __init__(self, kind: str, prefix: str, model: str, number: int, *, usage: bool) -> None:
        self.model = go_string(model)
        self.usage = usage
        # Ollama takes any number below 999; of one length here, so that the lines can be made beforehand.
        self._id = f"{prefix}-{100 + number % 899}"
        self._created = int(time())
        self.variable = self._identity(kind)

    def _identity(self, kind: str) -> bytes:
        return f'{self._id}","object":"{kind}","created":{self._created}'.encode()

    def _event(self, choices: bytes, usage: bytes = b"", model: bytes | None = None) -> bytes:
        return b"data: " + self._object(self.variable, choices, usage, model) + b"\n\n"

    def _object(self, identity: bytes, choices: bytes, usage: bytes, model: bytes | None = None) -> bytes:
        named = b',"model":' + (self.model if model is None else model) + b',"system_fingerprint":"fp_ollama"'
        return b'{"id":"' + identity + named + b',"choices":[' + choices + b"]" + usage + b"}"

    def error(self, error: ApiError) -> Answer:
        return openai_error(error)


class _ChatReply(_Reply):
    def __init__(self, model: str, number: int, text: Text, *, usage: bool) -> None:
        super().__init__("chat.completion.chunk", "chatcmpl", model, number, usage=usage)
        self.shape = chat_event_shape(model, text, len(self.variable))

    def first(self, message: bytes) -> bytes:
        return message.replace(b'"delta":{', b'"delta":{"role":"assistant",', 1)

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        finish = b'{"index":0,"delta":{},"finish_reason":"%b"}' % outcome.script.reason.encode()
        closing = self._event(b"", _usage(outcome)) if self.usage else b""
        return [self._event(finish) + closing + _DONE]

    def broken(self, _words: str) -> bytes | None:
        """A real server loses the text here: an error line is read as an empty answer of no model."""
        return self._event(b'{"index":0,"delta":{"role":"","content":""},"finish_reason":null}', model=b'""')

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        choice = b'{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"%b"}' % (
            outcome.script.content(),
            outcome.script.reason.encode(),
        )
        body = self._object(self._identity("chat.completion"), choice, _usage(outcome))
        return Answer(200, body + b"\n", JSON_OPENAI)


class _TextReply(_Reply):
    def __init__(self, model: str, number: int, text: Text, *, usage: bool) -> None:
        super().__init__("text_completion", "cmpl", model, number, usage=usage)
        self.shape = text_event_shape(model, text, len(self.variable), usage=usage)
        self._zero = b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}' if usage else b""

    def first(self, message: bytes) -> bytes:
        return message

    def _object(self, identity: bytes, choices: bytes, usage: bytes, model: bytes | None = None) -> bytes:
        """Another order of members than in chat."""
        named = b',"model":' + (self.model if model is None else model) + b',"system_fingerprint":"fp_ollama"'
        return b'{"id":"' + identity + b',"choices":[' + choices + b"]" + named + usage + b"}"

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        finish = b'{"text":"","index":0,"finish_reason":"%b"}' % outcome.script.reason.encode()
        closing = self._event(b"", _usage(outcome)) if self.usage else b""
        return [self._event(finish, self._zero) + closing + _DONE]

    def broken(self, _words: str) -> bytes | None:
        return self._event(b'{"text":"","index":0,"finish_reason":null}', self._zero, model=b'""')

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        choice = b'{"text":"%b","index":0,"finish_reason":"%b"}' % (
            outcome.script.content(),
            outcome.script.reason.encode(),
        )
        return Answer(200, self._object(self.variable, choice, _usage(outcome)) + b"\n", JSON_OPENAI)


def _usage(outcome: Outcome) -> bytes:
    prompt, said = outcome.prompt_tokens, outcome.script.tokens
    return b',"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}' % (prompt, said, prompt + said)


def _options(body: dict[str, Any]) -> dict[str, Any]:
    """Return the options as ``/api`` has them; temperature and top_p are 1 here where they are not given."""
    options: dict[str, Any] = {"temperature": body.get("temperature", 1.0), "top_p": body.get("top_p", 1.0)}
    for name, option in (("max_tokens", "num_predict"), ("seed", "seed")):
        if name in body:
            options[option] = body[name]
    stop = body.get("stop")
    if isinstance(stop, str):
        options["stop"] = [stop]
    elif isinstance(stop, list):
        options["stop"] = [word for word in stop if isinstance(word, str)]
    return options


def _wants_usage(body: dict[str, Any]) -> bool:
    return bool(body.get("stream_options", {}).get("include_usage"))


def chat_completions(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """``/v1/chat/completions``."""
    try:
        body = read_object(request.body, "ChatCompletionRequest", _CHAT)
        prompt = prompt_of(_flattened(body.get("messages", [])))
        if prompt is None:
            raise ApiError(400, "[] is too short - 'messages'")
        name = body.get("model", "")
        if not name:
            raise ApiError(400, "model is required")
        form = body.get("response_format", {}).get("type") in ("json_object", "json_schema")
        begin(
            server,
            connection,
            find_model(server, name),
            prompt,
            _options(body),
            lambda script, number: _ChatReply(name, number, script.text, usage=_wants_usage(body)),
            stream=body.get("stream", False),
            form=form,
        )
    except ApiError as error:
        return openai_error(error)
    return None


def _flattened(messages: list[Any]) -> list[Any]:
    """Turn a message made of parts into one with their text."""
    flat = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            parts = [part for part in content if isinstance(part, dict) and isinstance(part.get("type"), str)]
            if len(parts) != len(content):
                raise ApiError(400, "invalid message format")
            flat.append({"content": " ".join(str(part.get("text", "")) for part in parts)})
        elif isinstance(content, str):
            flat.append(message)
        else:
            raise ApiError(400, f"invalid message content type: {_go_type(content)}")
    return flat


def _go_type(value: object) -> str:
    names = {type(None): "<nil>", bool: "bool", int: "float64", float: "float64"}
    return names.get(type(value), "map[string]interface {}")


def completions(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """``/v1/completions``."""
    try:
        body = read_object(request.body, "CompletionRequest", _TEXT)
        name = body.get("model", "")
        model = find_model(server, name)
        begin(
            server,
            connection,
            model,
            body.get("prompt", "") or " ",
            _options(body),
            lambda script, number: _TextReply(name, number, script.text, usage=_wants_usage(body)),
            stream=body.get("stream", False),
        )
    except ApiError as error:
        return openai_error(error)
    return None


def _model(model: Model, name: str) -> bytes:
    created = int(modified_at(model).timestamp())
    return b'{"id":%b,"object":"model","created":%d,"owned_by":"library"}' % (go_string(name), created)


def models(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """``/v1/models`` and ``/v1/models/NAME``."""
    name = request.path.removeprefix("/v1/models").removeprefix("/")
    try:
        if name:
            return Answer(200, _model(find_model(server, name), name) + b"\n", JSON_OPENAI)
    except ApiError as error:
        return openai_error(error)
    listed = b",".join(_model(model, model.full_name) for model in server.models.values())
    return Answer(200, b'{"object":"list","data":[' + listed + b"]}\n", JSON_OPENAI)
