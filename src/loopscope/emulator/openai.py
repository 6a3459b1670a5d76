"""Generation in OpenAI's dialect as Ollama speaks it: ``/v1/chat/completions`` and ``/v1/completions``.

No stamps and no durations; the closing events share one flush.
"""

from __future__ import annotations

from time import time
from typing import Any

from loopscope.emulator.answers import JSON_BARE, SSE, Answer, ApiError, Headers, Stage, openai_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import Generation, begin, find_model, top_logprobs
from loopscope.emulator.go_encoding import go_json, go_string
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.logprobs import script_logprobs
from loopscope.emulator.messages import parts_of
from loopscope.emulator.release import Release
from loopscope.emulator.reply import Outcome
from loopscope.emulator.script import Script
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import Frame, Frames, shape_of

_SAMPLING = {
    "model": "string",
    "stream": "bool",
    "stream_options": "openai.StreamOptions",
    "max_tokens": "int",
    "max_completion_tokens": "int",
    "seed": "int",
    "temperature": "float64",
    "top_p": "float64",
    "frequency_penalty": "float64",
    "presence_penalty": "float64",
}
_CHAT = _SAMPLING | {
    "messages": "[]openai.Message",
    "response_format": "openai.ResponseFormat",
    "tools": "[]api.Tool",
    "logprobs": "bool",
    "top_logprobs": "int",
    "reasoning_effort": "string",
    "reasoning": "openai.Reasoning",
}
_TEXT = _SAMPLING | {"prompt": "string", "suffix": "string"}
_DONE = b"data: [DONE]\n\n"
_NO_USAGE = b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'
_OPENING = b'data: {"id":"'


def _named(model: str) -> bytes:
    return b',"model":' + go_string(model) + b',"system_fingerprint":"fp_ollama"'


def chat_frames(model: str, *, one_role: bool = True, call: bytes = b"") -> Frames:
    """Return the events of ``/v1/chat/completions``; ``one_role``: only the first has the role."""
    start = _named(model) + b',"choices":[{"index":0,"delta":{'
    said = start if one_role else start + b'"role":"assistant",'
    empty = b"" if one_role else b'"content":"",'
    return Frames(
        Frame(_OPENING, said + b'"content":"', b'"},"finish_reason":null}]}\n\n'),
        thinking=Frame(_OPENING, said + empty + b'"reasoning":"', b'"},"finish_reason":null}]}\n\n'),
        call=Frame(_OPENING, said + empty + b'"tool_calls":[', b']},"finish_reason":null}]}\n\n'),
        call_json=call,
        logprobs=(b'"},"finish_reason":null,"logprobs":{"content":[', b"]}}]}\n\n"),
    )


def text_frames(model: str, *, usage: bool) -> Frames:
    """Return the events of ``/v1/completions``; with ``usage`` each carries one that is zero, as Ollama has it."""
    closing = b'","index":0,"finish_reason":null}]' + _named(model) + (_NO_USAGE if usage else b"") + b"}\n\n"
    return Frames(Frame(_OPENING, b',"choices":[{"text":"', closing))


class _Reply:
    """Common parts of chat and text replies. ``usage``: the client asked for the counts at the end of the stream."""

    content_type = SSE
    headers: Headers = ()

    def __init__(self, kind: str, prefix: str, model: str, number: int, *, usage: bool) -> None:
        self.named = _named(model)
        self.usage = usage
        # Ollama takes any number below 999; of one length here, so that the lines can be made beforehand.
        self._id = f"{prefix}-{100 + number % 899}"
        self._created = int(time())
        self.variable = self._identity(kind)

    def _identity(self, kind: str) -> bytes:
        return f'{self._id}","object":"{kind}","created":{self._created}'.encode()

    def _event(self, choices: bytes, usage: bytes = b"", named: bytes | None = None) -> bytes:
        named = self.named if named is None else named
        return _OPENING + self.variable + named + b',"choices":[' + choices + b"]" + usage + b"}\n\n"

    def _whole(self, kind: str, choice: bytes, outcome: Outcome) -> Answer:
        identity = b'{"id":"' + self._identity(kind) + self.named
        return Answer(200, identity + b',"choices":[' + choice + b"]" + _usage(outcome) + b"}\n", JSON_BARE)

    def error(self, error: ApiError) -> Answer:
        return openai_error(error)


_NAMELESS = b',"model":"","system_fingerprint":"fp_ollama"'


class _ChatReply(_Reply):
    def __init__(self, model: str, number: int, script: Script, release: Release, *, usage: bool) -> None:
        super().__init__("chat.completion.chunk", "chatcmpl", model, number, usage=usage)
        self.one_role = release.one_role
        frames = chat_frames(model, one_role=release.one_role, call=_call_json(script))
        self.shape = shape_of(script, len(self.variable), frames)

    def first(self, messages: list[bytes]) -> list[bytes]:
        if self.one_role:
            messages[-1] = messages[-1].replace(b'"delta":{', b'"delta":{"role":"assistant",', 1)
        return messages

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        delta = b"" if self.one_role else b'"role":"assistant","content":""'
        finish = b'{"index":0,"delta":{%b},"finish_reason":"%b"}' % (delta, _reason(outcome))
        closing = self._event(b"", _usage(outcome)) if self.usage else b""
        return [self._event(finish) + closing + _DONE]

    def broken(self, _words: str) -> bytes | None:
        """A real server loses the text here: an error line is read as an empty answer of no model."""
        return self._event(b'{"index":0,"delta":{"role":"","content":""},"finish_reason":null}', named=_NAMELESS)

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        script = outcome.script
        thoughts = b',"reasoning":"' + script.thoughts() + b'"' if script.thinking else b""
        calls = b',"tool_calls":[' + _call_json(script) + b"]" if script.call is not None else b""
        said = b'"role":"assistant","content":"' + script.content() + b'"' + thoughts + calls
        choice = b'{"index":0,"message":{%b},"finish_reason":"%b"' % (said, _reason(outcome))
        if script.top_logprobs >= 0:
            choice += b',"logprobs":{"content":[' + script_logprobs(script) + b"]}"
        return self._whole("chat.completion", choice + b"}", outcome)


class _TextReply(_Reply):
    def __init__(self, model: str, number: int, script: Script, *, usage: bool) -> None:
        super().__init__("text_completion", "cmpl", model, number, usage=usage)
        self.shape = shape_of(script, len(self.variable), text_frames(model, usage=usage))
        self._zero = _NO_USAGE if usage else b""

    def first(self, messages: list[bytes]) -> list[bytes]:
        return messages

    def _event(self, choices: bytes, usage: bytes = b"", named: bytes | None = None) -> bytes:
        """Return an event; its members have another order than in chat."""
        named = self.named if named is None else named
        return _OPENING + self.variable + b',"choices":[' + choices + b"]" + named + usage + b"}\n\n"

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        finish = b'{"text":"","index":0,"finish_reason":"%b"}' % outcome.script.reason.encode()
        closing = self._event(b"", _usage(outcome)) if self.usage else b""
        return [self._event(finish, self._zero) + closing + _DONE]

    def broken(self, _words: str) -> bytes | None:
        return self._event(b'{"text":"","index":0,"finish_reason":null}', self._zero, named=_NAMELESS)

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        script = outcome.script
        choice = b'{"text":"%b","index":0,"finish_reason":"%b"}' % (script.content(), script.reason.encode())
        return self._whole("text_completion", choice, outcome)


def _reason(outcome: Outcome) -> bytes:
    return b"tool_calls" if outcome.script.call is not None else outcome.script.reason.encode()


def _call_json(script: Script) -> bytes:
    call = script.call
    if call is None:
        return b""
    function = {"name": call.name, "arguments": call.arguments}
    return go_json({"id": call.id, "index": 0, "type": "function", "function": function})


def _usage(outcome: Outcome) -> bytes:
    prompt, said = outcome.prompt_tokens, outcome.script.tokens
    return b',"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}' % (prompt, said, prompt + said)


def sampling_options(body: dict[str, Any], *limits: str) -> dict[str, Any]:
    """Return the options as ``/api`` has them; temperature and top_p are 1 here where they are not given.

    ``limits``: the members that bound the length, the later ones first.
    """
    options: dict[str, Any] = {"temperature": body.get("temperature", 1.0), "top_p": body.get("top_p", 1.0)}
    for name in limits:
        if name in body:
            options["num_predict"] = body[name]
    if "seed" in body:
        options["seed"] = body["seed"]
    stop = body.get("stop")
    if isinstance(stop, str):
        options["stop"] = [stop]
    elif isinstance(stop, list):
        options["stop"] = [word for word in stop if isinstance(word, str)]
    return options


def _wants_usage(body: dict[str, Any]) -> bool:
    return bool(body.get("stream_options", {}).get("include_usage"))


def effort(value: object) -> object:
    """Return what ``think`` is for an effort: ``none`` is False."""
    return False if value == "none" else value or None


def chat_completions(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/v1/chat/completions``."""
    try:
        body = read_object(request.body, "ChatCompletionRequest", _CHAT, middleware=True)
        said = parts_of(body.get("messages", []))
        if not said.messages:
            raise ApiError(400, "[] is too short - 'messages'", Stage.READING)
        name = body.get("model", "")
        if not name:
            raise ApiError(400, "model is required")
        find_model(server, name)
        asked = Generation(
            name,
            said.text,
            sampling_options(body, "max_tokens", "max_completion_tokens"),
            body.get("stream", False),
            form=_form(body.get("response_format", {})),
            think=effort(body.get("reasoning_effort") or body.get("reasoning", {}).get("effort")),
            tools=body.get("tools", []),
            answers_tool=said.answers_tool,
            images=said.images,
            top_logprobs=top_logprobs(body.get("logprobs"), body.get("top_logprobs")),
        )
        release, usage = server.options.release, _wants_usage(body)
        begin(
            server,
            connection,
            asked,
            lambda script, number: _ChatReply(name, number, script, release, usage=usage),
        )
    except ApiError as error:
        return openai_error(error)
    return None


def _form(response_format: dict[str, Any]) -> object:
    kind = response_format.get("type")
    if kind == "json_schema":
        described = response_format.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        return schema if isinstance(schema, dict) else "json"
    return "json" if kind == "json_object" else None


def completions(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/v1/completions``."""
    try:
        body = read_object(request.body, "CompletionRequest", _TEXT, middleware=True)
        name = body.get("model", "")
        find_model(server, name)
        asked = Generation(
            name,
            body.get("prompt", "") or " ",
            sampling_options(body, "max_tokens"),
            body.get("stream", False),
            suffix=bool(body.get("suffix")),
            talks="generate",
        )
        usage = _wants_usage(body)
        begin(server, connection, asked, lambda script, number: _TextReply(name, number, script, usage=usage))
    except ApiError as error:
        return openai_error(error)
    return None
