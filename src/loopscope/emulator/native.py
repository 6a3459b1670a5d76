"""Generation in Ollama's own dialect: ``/api/generate`` and ``/api/chat``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from loopscope.emulator.answers import JSON, NDJSON, Answer, ApiError, Headers, native_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import Generation, begin, find_model, keep_alive_ns, load, top_logprobs
from loopscope.emulator.go_encoding import go_json, go_string
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.logprobs import script_logprobs
from loopscope.emulator.messages import messages_of
from loopscope.emulator.models import Model
from loopscope.emulator.reply import Outcome
from loopscope.emulator.script import Script
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import FULL_STAMP, Frame, Frames, shape_of
from loopscope.emulator.stamps import clock

_COMMON = {
    "model": "string",
    "stream": "bool",
    "options": "map[string]interface {}",
    "truncate": "bool",
    "shift": "bool",
    "logprobs": "bool",
    "top_logprobs": "int",
}
_GENERATE = _COMMON | {
    "prompt": "string",
    "suffix": "string",
    "system": "string",
    "template": "string",
    "context": "[]int",
    "raw": "bool",
    "images": "[]string",
}
_CHAT = _COMMON | {"messages": "[]api.Message", "tools": "api.Tools"}
_IDS = [b"%d" % (105 + n * 7919 % 100_003) for n in range(4096)]
"""Made-up token ids for the ``context`` of a final line; they repeat."""
_OPENING = b'{"model":%b,"created_at":"'


def generate_frames(model: str) -> Frames:
    """Return the lines of ``/api/generate``."""
    opening, closing = _OPENING % go_string(model), b'","done":false}\n'
    return Frames(
        Frame(opening, b'Z","response":"', closing),
        thinking=Frame(opening, b'Z","response":"","thinking":"', closing),
        logprobs=(b'","done":false,"logprobs":[', b"]}\n"),
    )


def chat_frames(model: str, call: bytes = b"") -> Frames:
    """Return the lines of ``/api/chat``; ``call``: the tool call that one of them makes."""
    opening, said = _OPENING % go_string(model), b'Z","message":{"role":"assistant","content":"'
    return Frames(
        Frame(opening, said, b'"},"done":false}\n'),
        thinking=Frame(opening, said + b'","thinking":"', b'"},"done":false}\n'),
        call=Frame(opening, said + b'","tool_calls":[', b']},"done":false}\n'),
        call_json=call,
        logprobs=(b'"},"done":false,"logprobs":[', b"]}\n"),
    )


def metrics(outcome: Outcome) -> bytes:
    """Return the closing figures; a zero is left out, as Go's ``omitempty`` does."""
    pairs = (
        (b"total_duration", outcome.total_ns),
        (b"load_duration", outcome.load_ns),
        (b"prompt_eval_count", outcome.prompt_tokens),
        (b"prompt_eval_duration", outcome.prompt_ns),
        (b"eval_count", outcome.script.tokens),
        (b"eval_duration", outcome.eval_ns),
    )
    return b"".join(b',"%b":%d' % pair for pair in pairs if pair[1])


class _NativeReply:
    """Common parts of ``generate`` and ``chat``."""

    content_type = NDJSON
    headers: Headers = ()
    variable: bytes | None = None

    def __init__(self, model: str, script: Script, frames: Frames) -> None:
        self.model = go_string(model)
        self.shape = shape_of(script, FULL_STAMP, frames)

    def first(self, messages: list[bytes]) -> list[bytes]:
        return messages

    def broken(self, words: str) -> bytes | None:
        return b'{"error":' + go_string(words) + b"}\n"

    def error(self, error: ApiError) -> Answer:
        return native_error(error)

    def final(self, outcome: Outcome, stamp: bytes) -> list[bytes]:
        return [self._closing(outcome, stamp, self._said(b"", b"", b"")) + b"}\n"]

    def whole(self, outcome: Outcome, stamp: bytes) -> Answer:
        script = outcome.script
        thoughts = b',"thinking":"' + script.thoughts() + b'"' if script.thinking else b""
        calls = b',"tool_calls":[' + call_json(script) + b"]" if script.call is not None else b""
        body = self._closing(outcome, stamp, self._said(script.content(), thoughts, calls))
        if script.top_logprobs >= 0:
            body += b',"logprobs":[' + script_logprobs(script) + b"]"
        return Answer(200, body + b"}", JSON)

    def _closing(self, outcome: Outcome, stamp: bytes, said: bytes) -> bytes:
        reason = outcome.script.reason.encode()
        head = b'{"model":' + self.model + b',"created_at":"' + stamp + b'",' + said
        return head + b',"done":true,"done_reason":"' + reason + b'"' + self._context(outcome) + metrics(outcome)

    def _said(self, content: bytes, thoughts: bytes, calls: bytes) -> bytes:
        return b'"message":{"role":"assistant","content":"' + content + b'"' + thoughts + calls + b"}"

    def _context(self, outcome: Outcome) -> bytes:
        return b""


class _GenerateReply(_NativeReply):
    def __init__(self, model: str, script: Script, context: int | None) -> None:
        super().__init__(model, script, generate_frames(model))
        self.context = context

    def _said(self, content: bytes, thoughts: bytes, calls: bytes) -> bytes:
        return b'"response":"' + content + b'"' + thoughts

    def _context(self, outcome: Outcome) -> bytes:
        """Made-up token ids, as many as there were tokens; without a template there is no context."""
        if self.context is None:
            return b""
        count = max(self.context, outcome.prompt_tokens) + outcome.script.spoken
        whole, part = divmod(count, len(_IDS))
        return b',"context":[' + b",".join(_IDS * whole + _IDS[:part]) + b"]"


def call_json(script: Script) -> bytes:
    """Return the tool call of a script as ``/api`` has it."""
    call = script.call
    if call is None:
        return b""
    arguments = json.loads(call.arguments)
    return go_json({"id": call.id, "function": {"index": 0, "name": call.name, "arguments": arguments}})


def generate(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/api/generate``."""
    try:
        body = read_object(request.body, "GenerateRequest", _GENERATE)
        name = body.get("model", "")
        model = find_model(server, name)
        keep_alive = keep_alive_ns(body.get("keep_alive"))
        prompt, raw = body.get("prompt", ""), body.get("raw", False)
        if raw and (body.get("template") or body.get("system") or body.get("context")):
            raise ApiError(400, "raw mode does not support template, system, or context")
        if not prompt and not body.get("suffix"):
            options, said = body.get("options", {}), b'"response":""'
            return _load(server, connection, model, options, keep_alive, lambda why: _bare(name, why, said))
        asked = Generation(
            name,
            body.get("system", "") + prompt,
            body.get("options", {}),
            body.get("stream", True),
            template=not raw,
            shift=body.get("shift", True),
            truncate=body.get("truncate", True),
            keep_alive=keep_alive,
            form=body.get("format"),
            think=body.get("think"),
            suffix=bool(body.get("suffix")),
            images=bool(body.get("images")),
            context=len(body.get("context", ())),
            top_logprobs=top_logprobs(body.get("logprobs"), body.get("top_logprobs")),
            talks="generate",
        )
        context = None if raw else context_of(server, asked)
        begin(server, connection, asked, lambda script, _: _GenerateReply(name, script, context))
    except ApiError as error:
        return native_error(error)
    return None


def context_of(server: EmulatorServer, asked: Generation) -> int:
    """Return how many tokens of the prompt the context lists: 0.33 lists all of them, even where it cut the prompt."""
    return asked.counted() if server.options.release.llama_server else 0


def chat(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/api/chat``."""
    try:
        body = read_object(request.body, "ChatRequest", _CHAT)
        name = body.get("model", "")
        if not name:
            raise ApiError(400, "model is required")
        model = find_model(server, name)
        keep_alive = keep_alive_ns(body.get("keep_alive"))
        said = messages_of(body.get("messages", []))
        if not said.messages:
            bare = b'"message":{"role":"assistant","content":""}'
            options = body.get("options", {})
            return _load(server, connection, model, options, keep_alive, lambda why: _bare(name, why, bare))
        asked = Generation(
            name,
            said.text,
            body.get("options", {}),
            body.get("stream", True),
            shift=body.get("shift", True),
            truncate=body.get("truncate", True),
            keep_alive=keep_alive,
            form=body.get("format"),
            think=body.get("think"),
            tools=body.get("tools", []),
            answers_tool=said.answers_tool,
            images=said.images,
            top_logprobs=top_logprobs(body.get("logprobs"), body.get("top_logprobs")),
        )
        begin(
            server,
            connection,
            asked,
            lambda script, _: _NativeReply(name, script, chat_frames(name, call_json(script))),
        )
    except ApiError as error:
        return native_error(error)
    return None


def _bare(name: str, why: str, said: bytes) -> Answer:
    head = b'{"model":' + go_string(name) + b',"created_at":"' + clock.stamp() + b'",'
    return Answer(200, head + said + b',"done":true,"done_reason":"' + why.encode() + b'"}', JSON)


def _load(
    server: EmulatorServer,
    connection: Connection,
    model: Model,
    options: dict[str, Any],
    keep_alive: int | None,
    answer: Callable[[str], Answer],
) -> Answer | None:
    """Load the model, or unload it, where there is no prompt: one JSON answer even where a stream was asked for."""
    if keep_alive == 0:
        server.runner(model).rest(0, 0)
        return answer("unload")

    def loaded() -> None:
        if not connection.closed:
            connection.answer(answer("load"))

    load(server, model, options, keep_alive, loaded)
    return None
