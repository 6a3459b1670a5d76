"""Generation in OpenAI's newer dialect as Ollama speaks it: ``/v1/responses``.

Each event carries the number of its place in the stream, so the lines of every request are its own.
"""

from __future__ import annotations

import json
from time import time
from typing import Any

from loopscope.emulator.answers import JSON_BARE, SSE, Answer, ApiError, Stage, openai_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import Generation, begin, find_model
from loopscope.emulator.go_encoding import go_json
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.messages import items_of
from loopscope.emulator.openai import effort, sampling_options
from loopscope.emulator.reply import Outcome
from loopscope.emulator.script import Script
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import Frame, Frames, shape_of
from loopscope.emulator.sse import STREAM_HEADERS, event

_FIELDS = {
    "model": "string",
    "background": "bool",
    "instructions": "string",
    "max_output_tokens": "int",
    "reasoning": "openai.ResponsesReasoning",
    "temperature": "float64",
    "text": "openai.ResponsesText",
    "top_p": "float64",
    "truncation": "string",
    "tools": "[]openai.ResponsesTool",
    "stream": "bool",
}
_TEXT, _THOUGHT = "response.output_text.delta", "response.reasoning_summary_text.delta"


class _ResponsesReply:
    content_type = SSE
    headers = STREAM_HEADERS
    variable = b""

    def __init__(self, number: int, script: Script, body: dict[str, Any]) -> None:
        self.script = script
        self.body = body
        self.id = f"resp_{(number * 7919 + 100_003) % 999_999}"
        self.item = f"msg_{(number * 104_729 + 15_485) % 999_999}"
        self.thought = f"rs_{(number * 1_299_709 + 32_452) % 999_999}"
        self._created = int(time())
        self._sequence = 0
        self._begun = False
        self._index = int(script.thinking > 0)
        """Place in the output of what follows the thoughts."""
        self._lead = [
            self._event(f"response.{name}", response=self._response("in_progress", []))
            for name in ("created", "in_progress")
        ]
        leads: dict[int, list[bytes]] = {}
        self._shown = [n for n in range(script.spoken) if script.text.texts[n]]
        numbers = self._plan(leads)
        frames = Frames(
            Frame(b"", b"", b""), thinking=Frame(b"", b"", b""), call=Frame(b"", b"", b""), call_json=self._call_json
        )
        self.shape = shape_of(script, 0, frames, leads, lambda place, frame: self._numbered(place, frame, numbers))

    # -- events

    def _event(self, name: str, **data: object) -> bytes:
        """Return the next event: members in the order of their names, as Go writes a map."""
        data |= {"type": name, "sequence_number": self._sequence}
        self._sequence += 1
        return event(name, dict(sorted(data.items())))

    def _plan(self, leads: dict[int, list[bytes]]) -> dict[int, int]:
        """Number the events of the stream; returns the number of the delta of each place that shows something."""
        script, numbers = self.script, {}
        self._call_json = b""
        last = script.spoken - 1 if script.call is not None else -1
        spoken_before = thought_before = False
        for place in self._shown:
            ahead: list[bytes] = []
            if place < script.thinking:
                if not thought_before:
                    item = {"id": self.thought, "type": "reasoning", "summary": []}
                    ahead = [self._event("response.output_item.added", output_index=0, item=item)]
                thought_before = True
            else:
                if thought_before:
                    ahead = self._thoughts_done()
                    thought_before = False
                if place == last:
                    *more, self._call_json = self._call_events()
                    ahead += more
                elif not spoken_before:
                    ahead += self._text_begun()
                    spoken_before = True
            if ahead:
                leads[place] = ahead
            if place != last:
                numbers[place] = self._sequence
                self._sequence += 1
        self._open_thoughts, self._open_text = thought_before, spoken_before
        return numbers

    def _numbered(self, place: int, frame: Frame, numbers: dict[int, int]) -> Frame:
        number = numbers.get(place)
        if number is None:
            return frame  # the call: its events are whole
        thought = place < self.script.thinking
        name = _THOUGHT if thought else _TEXT
        index = 0 if thought else self._index
        opening = f'event: {name}\ndata: {{{"" if thought else chr(34) + "content_index" + chr(34) + ":0,"}"delta":"'
        if thought:
            rest = f'","item_id":"{self.thought}","output_index":0,"sequence_number":{number},"summary_index":0'
        else:
            rest = f'","item_id":"{self.item}","logprobs":[],"output_index":{index},"sequence_number":{number}'
        return Frame(opening.encode(), b"", f'{rest},"type":"{name}"}}\n\n'.encode())

    def _text_begun(self) -> list[bytes]:
        item = {"id": self.item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        return [
            self._event("response.output_item.added", output_index=self._index, item=dict(sorted(item.items()))),
            self._event(
                "response.content_part.added",
                item_id=self.item,
                output_index=self._index,
                content_index=0,
                part=_sorted_part(""),
            ),
        ]

    def _thoughts_done(self) -> list[bytes]:
        text = _text(self.script.thoughts())
        return [
            self._event(
                "response.reasoning_summary_text.done",
                item_id=self.thought,
                output_index=0,
                summary_index=0,
                text=text,
            ),
            self._event("response.output_item.done", output_index=0, item=self._thought_item(text)),
        ]

    def _thought_item(self, text: str) -> dict[str, object]:
        summary = [{"text": text, "type": "summary_text"}]
        return {"encrypted_content": text, "id": self.thought, "summary": summary, "type": "reasoning"}

    def _call_item(self, status: str, arguments: str) -> dict[str, object]:
        call = self.script.call
        assert call is not None  # noqa: S101 - the callers have looked
        item = {"id": f"fc_{self.id[5:]}_0", "type": "function_call", "status": status, "call_id": call.id}
        return dict(sorted((item | {"name": call.name, "arguments": arguments}).items()))

    def _call_events(self) -> list[bytes]:
        assert self.script.call is not None  # noqa: S101 - the caller has looked
        said, where = self.script.call.arguments, {"item_id": f"fc_{self.id[5:]}_0", "output_index": self._index}
        index = self._index
        return [
            self._event("response.output_item.added", output_index=index, item=self._call_item("in_progress", "")),
            self._event("response.function_call_arguments.delta", delta=said, **where),
            self._event("response.function_call_arguments.done", arguments=said, **where),
            self._event("response.output_item.done", output_index=index, item=self._call_item("completed", said)),
        ]

    # -- the reply

    def first(self, messages: list[bytes]) -> list[bytes]:
        self._begun = True
        return self._lead + messages

    def final(self, outcome: Outcome, _stamp: bytes) -> list[bytes]:
        closing = [] if self._begun else list(self._lead)
        output = self._output(outcome.script, sort=True)
        if self._open_thoughts:
            closing += self._thoughts_done()
        if self._open_text:
            text, index = _text(outcome.script.content()), self._index
            where = {"item_id": self.item, "output_index": index, "content_index": 0}
            closing += [
                self._event("response.output_text.done", text=text, logprobs=[], **where),
                self._event("response.content_part.done", part=_sorted_part(text), **where),
                self._event("response.output_item.done", output_index=index, item=output[-1]),
            ]
        response = self._response("completed", output) | {"completed_at": int(time()), "usage": _usage(outcome)}
        return [*closing, self._event("response.completed", response=dict(sorted(response.items())))]

    def broken(self, _words: str) -> bytes | None:
        """A real server loses the text here, and the stream ends without its last events."""
        return None

    def error(self, error: ApiError) -> Answer:
        return openai_error(error)

    def whole(self, outcome: Outcome, _stamp: bytes) -> Answer:
        response = self._response("completed", self._output(outcome.script, sort=False))
        response |= {"completed_at": int(time()), "usage": _usage(outcome)}
        return Answer(200, go_json(response) + b"\n", JSON_BARE)

    def _output(self, script: Script, *, sort: bool) -> list[dict[str, Any]]:
        output: list[dict[str, Any]] = []
        if script.thinking:
            output.append(self._thought_item(_text(script.thoughts())))
        if script.call is not None:
            output.append(self._call_item("completed", script.call.arguments))
        elif script.spoken > script.thinking or not sort:
            part = _part(_text(script.content()))
            item = {"id": self.item, "type": "message", "status": "completed", "role": "assistant"}
            output.append(item | {"content": [part]})
        return [dict(sorted(item.items())) for item in output] if sort else output

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        body = self.body
        reasoning = body.get("reasoning")
        form = body.get("text", {}).get("format")
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None,
            "status": status,
            "incomplete_details": None,
            "model": body.get("model", ""),
            "previous_response_id": None,
            "instructions": body.get("instructions"),
            "output": output,
            "error": None,
            "tools": body.get("tools", []),
            "tool_choice": "auto",
            "truncation": body.get("truncation", "disabled"),
            "parallel_tool_calls": True,
            "text": {"format": form if isinstance(form, dict) else {"type": "text"}},
            "top_p": body.get("top_p", 1),
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": body.get("temperature", 1),
            "reasoning": {"effort": None, "summary": None} | reasoning if reasoning else None,
            "usage": None,
            "max_output_tokens": body.get("max_output_tokens"),
            "max_tool_calls": None,
            "store": False,
            "background": body.get("background", False),
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": None,
            "prompt_cache_key": None,
        }


def _part(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _sorted_part(text: str) -> dict[str, object]:
    return dict(sorted(_part(text).items()))


def _text(fragment: bytes) -> str:
    return str(json.loads(b'"' + fragment + b'"'))


def _usage(outcome: Outcome) -> dict[str, object]:
    prompt, said = outcome.prompt_tokens, outcome.script.tokens
    return {
        "input_tokens": prompt,
        "output_tokens": said,
        "total_tokens": prompt + said,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def responses(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer ``/v1/responses``."""
    try:
        body = read_object(request.body, "ResponsesRequest", _FIELDS, middleware=True)
        said = items_of(body.get("input", ""))
        name = body.get("model", "")
        if not name:
            raise ApiError(400, "model is required")
        find_model(server, name)
        asked = Generation(
            name,
            body.get("instructions", "") + said.text,
            sampling_options(body, "max_output_tokens"),
            body.get("stream", False),
            form=_form(body.get("text", {})),
            think=_think(body.get("reasoning", {})),
            tools=[{"function": tool} for tool in body.get("tools", [])],
            answers_tool=said.answers_tool,
            images=said.images,
            own_text=True,
        )
        begin(server, connection, asked, lambda script, number: _ResponsesReply(number, script, body))
    except ApiError as error:
        return openai_error(error)
    return None


def _form(text: dict[str, Any]) -> object:
    form = text.get("format")
    schema = form.get("schema") if isinstance(form, dict) and form.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None


def _think(reasoning: dict[str, Any]) -> object:
    wanted = reasoning.get("effort")
    if wanted not in (None, "", "none", "low", "medium", "high", "max"):
        words = f'invalid reasoning value: "{wanted}" (must be "high", "medium", "low", "max", or "none")'
        raise ApiError(400, words, Stage.READING)
    return effort(wanted)
