"""Generation in Anthropic's dialect as Ollama speaks it: ``/v1/messages``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from loopscope.emulator.answers import JSON, JSON_BARE, SSE, Answer, ApiError, Stage
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import Generation, begin, find_model
from loopscope.emulator.go_encoding import go_json
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.messages import blocks_of
from loopscope.emulator.prompts import count_tokens
from loopscope.emulator.reply import Outcome
from loopscope.emulator.script import Script
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import Frame, Frames, shape_of
from loopscope.emulator.sse import STREAM_HEADERS, event

_FIELDS = {
    "model": "string",
    "max_tokens": "int",
    "messages": "[]anthropic.MessageParam",
    "stream": "bool",
    "temperature": "float64",
    "top_p": "float64",
    "top_k": "int",
    "stop_sequences": "[]string",
    "tools": "[]anthropic.Tool",
    "thinking": "anthropic.ThinkingConfig",
}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    503: "overloaded_error",
}
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":"'


def anthropic_error(error: ApiError) -> Answer:
    """Return the error as Anthropic's dialect says it."""
    kind = _TYPES.get(error.status, "api_error")
    request_id = _made_up("req", error.words)
    body = go_json({"type": "error", "error": {"type": kind, "message": error.words}, "request_id": request_id})
    if error.stage is Stage.READING:
        return Answer(error.status, body, JSON)
    return Answer(error.status, body + b"\n", JSON_BARE, chunked=error.stage is Stage.STREAMING)


def _made_up(prefix: str, of: object) -> str:
    return f"{prefix}_{sha256(str(of).encode('utf-8', 'replace')).hexdigest()[:24]}"


def _frames(index: int) -> Frames:
    """Return the events of a stream: ``index`` is that of the text, thoughts come before it."""
    closing = b'"}}\n\n'
    return Frames(
        Frame(_DELTA % (index, b"text_delta", b"text"), b"", closing),
        thinking=Frame(_DELTA % (0, b"thinking_delta", b"thinking"), b"", closing),
        call=Frame(b"", b"", b""),
    )


class _MessagesReply:
    content_type = SSE
    headers = STREAM_HEADERS
    variable = b""

    def __init__(self, name: str, number: int, script: Script, estimate: int) -> None:
        self.name = name
        self.script = script
        self.id = _made_up("msg", f"{name}/{number}")
        self.estimate = estimate
        """Input tokens as the start of the stream tells them: an estimate by length."""
        self._begun = False
        self._text = int(script.thinking > 0)
        """Index of the block that follows the thoughts."""
        frames, leads = _frames(self._text), {}
        if script.thinking and script.spoken > script.thinking:
            leads[script.thinking] = [self._stop(0)]
            if script.call is None:
                leads[script.thinking].append(self._start(self._text, {"type": "text", "text": ""}))
        if script.call is not None:
            *ahead, last = self._call_events(script)
            frames = frames._replace(call_json=last)
            place = script.spoken - 1
            leads[place] = [*leads.pop(script.thinking, []), *ahead]
        self.shape = shape_of(script, 0, frames, leads)

    def _start(self, index: int, block: Mapping[str, object]) -> bytes:
        return event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})

    def _stop(self, index: int) -> bytes:
        return event("content_block_stop", {"type": "content_block_stop", "index": index})

    def _call_events(self, script: Script) -> list[bytes]:
        assert script.call is not None  # noqa: S101 - the caller has looked
        block = {"type": "tool_use", "id": script.call.id, "name": script.call.name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": script.call.arguments}
        return [
            self._start(self._text, block),
            event("content_block_delta", {"type": "content_block_delta", "index": self._text, "delta": delta}),
            self._stop(self._text),
        ]

    def _message_start(self) -> bytes:
        message = self._message([], {"input_tokens": self.estimate, "output_tokens": 0})
        return event("message_start", {"type": "message_start", "message": message})

    def _message(self, content: list[Any], usage: dict[str, int], reason: str = "") -> dict[str, Any]:
        message: dict[str, Any] = {"id": self.id, "type": "message", "role": "assistant", "model": self.name}
        message["content"] = content
        if reason:
            message["stop_reason"] = reason
        return message | {"usage": usage}

    def first(self, messages: list[bytes]) -> list[bytes]:
        self._begun = True
        begin = [self._message_start()]
        if self.script.thinking:
            begin.append(self._start(0, {"type": "thinking", "thinking": ""}))
        elif self.script.call is None:
            begin.append(self._start(0, {"type": "text", "text": ""}))
        return begin + messages

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        script = outcome.script
        closing = [] if self._begun else [self._message_start()]
        if self._begun and script.call is None:
            closing.append(self._stop(self._text if script.spoken > script.thinking else 0))
        usage = _usage(outcome)
        closing.append(
            event("message_delta", {"type": "message_delta", "delta": {"stop_reason": _reason(script)}, "usage": usage})
        )
        return [*closing, event("message_stop", {"type": "message_stop"})]

    def broken(self, _words: str) -> bytes | None:
        """A real server loses the text here, and the stream ends without its last events."""
        return None

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        script = outcome.script
        content: list[dict[str, Any]] = []
        if script.thinking:
            content.append({"type": "thinking", "thinking": _text(script.thoughts())})
        said = _text(script.content())
        if said:
            content.append({"type": "text", "text": said})
        if script.call is not None:
            call = script.call
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)})
        message = self._message(content, _usage(outcome), _reason(script))
        return Answer(200, go_json(message) + b"\n", JSON_BARE)

    def error(self, error: ApiError) -> Answer:
        return anthropic_error(error)


def _text(fragment: bytes) -> str:
    return str(json.loads(b'"' + fragment + b'"'))


def _reason(script: Script) -> str:
    if script.call is not None:
        return "tool_use"
    return {"stop": "end_turn", "length": "max_tokens"}[script.reason]


def _usage(outcome: Outcome) -> dict[str, int]:
    return {"input_tokens": outcome.prompt_tokens, "output_tokens": outcome.script.tokens}


def messages(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/v1/messages``."""
    try:
        body = read_object(request.body, "MessagesRequest", _FIELDS, middleware=True)
        name = body.get("model", "")
        limit = body.get("max_tokens", 0)
        for wrong, words in (
            (not name, "model is required"),
            (limit <= 0, "max_tokens is required and must be positive"),
            (not body.get("messages"), "messages is required"),
        ):
            if wrong:
                raise ApiError(400, words, Stage.READING)
        said = blocks_of(body["messages"])
        find_model(server, name)
        prompt = _system(body.get("system")) + said.text
        asked = Generation(
            name,
            prompt,
            _options(body, limit),
            body.get("stream", False),
            think=_think(body.get("thinking", {})),
            tools=[_tool(tool) for tool in body.get("tools", [])],
            answers_tool=said.answers_tool,
            images=said.images,
        )
        estimate = count_tokens(prompt, template=False)
        begin(server, connection, asked, lambda script, number: _MessagesReply(name, number, script, estimate))
    except ApiError as error:
        return anthropic_error(error)
    return None


def _options(body: dict[str, Any], limit: int) -> dict[str, Any]:
    options = {"num_predict": limit} | {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body}
    stops = body.get("stop_sequences", [])
    return options | ({"stop": [word for word in stops if isinstance(word, str)]} if stops else {})


def _think(thinking: dict[str, Any]) -> bool | None:
    return {"enabled": True, "disabled": False}.get(str(thinking.get("type")))


def _tool(tool: object) -> dict[str, Any]:
    described = tool if isinstance(tool, dict) else {}
    return {"function": {"name": described.get("name"), "parameters": described.get("input_schema")}}


def _system(system: object) -> str:
    if isinstance(system, list):
        return "".join(str(block.get("text", "")) for block in system if isinstance(block, dict))
    return system if isinstance(system, str) else ""
