"""OpenAI's dialect as Ollama speaks it."""

import json
from typing import Any

import pytest

from kit.emulators import Emulated, Link

CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}


def events(link: Link) -> tuple[list[Any], list[int]]:
    """All events of a stream (``[DONE]`` as that text), and how many came in each HTTP chunk."""
    assert link.head()[1]["content-type"] == "text/event-stream"
    found: list[Any] = []
    sizes = []
    for payload in link.chunks():
        parts = payload.decode().split("\n\n")
        assert parts.pop() == ""
        assert all(part.startswith("data: ") for part in parts)
        found += [part[6:] if part == "data: [DONE]" else json.loads(part[6:]) for part in parts]
        sizes.append(len(parts))
    return found, sizes


def test_chat_stream_ends_in_one_flush(served: Emulated) -> None:
    """Role with the first content; finish, usage and [DONE] share the last HTTP chunk; ids and times are one."""
    with served.link() as link:
        found, sizes = events(
            link.post("/v1/chat/completions", **CHAT, stream=True, stream_options={"include_usage": True})
        )
    assert sizes == [1, 1, 1, 3]
    *content, finish, usage, done = found
    assert done == "[DONE]"
    assert list(content[0]) == ["id", "object", "created", "model", "system_fingerprint", "choices"]
    assert content[0]["object"] == "chat.completion.chunk"
    assert content[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [list(event["choices"][0]["delta"]) for event in content[1:]] == [["content"]] * 2
    assert all(event["choices"][0]["finish_reason"] is None for event in content)
    assert finish["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 3
    assert usage["usage"]["total_tokens"] == usage["usage"]["prompt_tokens"] + 3
    assert len({(event["id"], event["created"], event["system_fingerprint"]) for event in found[:-1]}) == 1


def test_usage_comes_only_where_it_is_asked_for(served: Emulated) -> None:
    """Without include_usage there is no usage event."""
    with served.link() as link:
        found, sizes = events(link.post("/v1/chat/completions", **CHAT, stream=True))
    assert sizes[-1] == 2
    assert not any("usage" in event for event in found[:-1])


def test_text_stream_carries_a_zero_usage_until_the_end(served: Emulated) -> None:
    """Every chunk has one where usage is asked for, the real one comes without choices."""
    with served.link() as link:
        found, sizes = events(
            link.post("/v1/completions", max_tokens=2, stream=True, stream_options={"include_usage": True})
        )
    assert sizes == [1, 1, 3]
    assert [event["usage"]["total_tokens"] for event in found[:3]] == [0, 0, 0]
    assert found[0]["object"] == "text_completion"
    assert found[0]["choices"][0].keys() == {"text", "index", "finish_reason"}
    assert found[2]["choices"][0]["finish_reason"] == "length"
    assert (found[3]["choices"], found[3]["usage"]["completion_tokens"]) == ([], 2)


def test_whole_answers(served: Emulated) -> None:
    """stream is off by default here; content, reason and counts are in one object."""
    told = served.ask("POST", "/v1/chat/completions", {"model": "gemma3", **CHAT})
    assert told.headers["Content-Type"] == "application/json"
    chat = told.json()
    assert chat["object"] == "chat.completion"
    assert chat["choices"][0]["message"]["role"] == "assistant"
    assert chat["choices"][0]["message"]["content"]
    assert chat["usage"]["completion_tokens"] == 3
    text = served.ask("POST", "/v1/completions", {"model": "gemma3", "prompt": "x", "max_tokens": 2}).json()
    assert (text["object"], text["choices"][0]["finish_reason"]) == ("text_completion", "length")
    assert text["choices"][0]["text"]


def test_models_are_listed(served: Emulated) -> None:
    """All of them, and one by name."""
    assert [model["id"] for model in served.ask("GET", "/v1/models").json()["data"]] == ["gemma3:latest"]
    assert served.ask("GET", "/v1/models/gemma3").json()["id"] == "gemma3"
    assert served.ask("GET", "/v1/models/x").status == 404


def test_same_seed_says_the_same_in_every_dialect(served: Emulated) -> None:
    """One model behind all of them."""
    native = served.lines(options={"seed": 4, "num_predict": 6}, stream=False)[0]["response"]
    body = {"model": "gemma3", "seed": 4, "max_tokens": 6}
    chat = served.ask("POST", "/v1/chat/completions", body | {"messages": CHAT["messages"]}).json()
    text = served.ask("POST", "/v1/completions", body | {"prompt": "x"}).json()
    assert chat["choices"][0]["message"]["content"] == text["choices"][0]["text"] == native


def test_parts_and_stop_and_json_are_understood(served: Emulated) -> None:
    """Content in parts, a stop string as text, response_format."""
    parts = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    body = {"model": "gemma3", "messages": parts, "response_format": {"type": "json_object"}, "seed": 1}
    answer = served.ask("POST", "/v1/chat/completions", body).json()["choices"][0]
    assert "answer" in json.loads(answer["message"]["content"])
    assert answer["finish_reason"] == "stop"
    stopped = served.ask("POST", "/v1/completions", {"model": "gemma3", "prompt": "x", "stop": "e", "seed": 1}).json()
    assert "e" not in stopped["choices"][0]["text"]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "words"),
    [
        (
            "/v1/chat/completions",
            {"model": "gemma3", "messages": []},
            400,
            "invalid_request_error",
            "[] is too short - 'messages'",
        ),
        ("/v1/chat/completions", {"model": "x", **CHAT}, 404, "not_found_error", "model 'x' not found"),
        ("/v1/chat/completions", CHAT, 400, "invalid_request_error", "model is required"),
        ("/v1/chat/completions", b"{", 400, "invalid_request_error", "unexpected EOF"),
        (
            "/v1/chat/completions",
            {"model": "gemma3", "messages": [{"role": "user", "content": None}]},
            400,
            "invalid_request_error",
            "invalid message content type: <nil>",
        ),
        (
            "/v1/chat/completions",
            {"model": "gemma3", "messages": [{"role": "user", "content": ["x"]}]},
            400,
            "invalid_request_error",
            "invalid message format",
        ),
        ("/v1/completions", {"model": "x", "prompt": "p"}, 404, "not_found_error", "model 'x' not found"),
    ],
)
def test_errors_have_openais_shape(
    served: Emulated, path: str, body: object, status: int, kind: str, words: str
) -> None:
    """Status, type and message; param and code are null."""
    told = served.ask("POST", path, body)
    assert told.status == status
    assert told.json() == {"error": {"message": words, "type": kind, "param": None, "code": None}}
