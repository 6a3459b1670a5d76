"""What each line of a server means."""

import json
from pathlib import Path

import pytest

from loopscope.core.records import AgentSpec
from loopscope.rig.levers.decoder import loads_of
from loopscope.settings.dialects import FAMILY
from loopscope.streams import dialects
from loopscope.streams.dialect import EVENTS, Account, GarbageError, ServerError, ending
from loopscope.streams.dialects import DIALECTS

_SPEC = AgentSpec(agent=0, name="a", server=0, model="m", prompt="p", tokens=9, options={"temperature": 0.5})


@pytest.fixture(params=["json", "orjson"])
def loads(request: pytest.FixtureRequest):
    """Both decoders."""
    return loads_of(request.param)


def test_generate_asks_for_the_tokens() -> None:
    """The request of Ollama's dialect holds model, prompt, options and the token budget."""
    body = DIALECTS["ollama"].body(_SPEC)
    assert body["options"] == {"num_predict": 9, "temperature": 0.5}
    assert body["stream"] is True


def test_chat_asks_for_usage() -> None:
    """The request of the OpenAI dialect asks for the usage that holds the token count."""
    body = DIALECTS["openai"].body(_SPEC)
    assert body["max_tokens"] == 9
    assert body["stream_options"] == {"include_usage": True}


def test_the_other_dialects_ask_in_their_words() -> None:
    """/api/chat wraps the prompt in messages, /v1/completions and llama.cpp's own dialect do not."""
    chat = DIALECTS["ollama-chat"].body(_SPEC)
    assert chat["messages"] == [{"role": "user", "content": "p"}]
    assert "prompt" not in chat
    completions = DIALECTS["openai-completions"].body(_SPEC)
    assert (completions["prompt"], completions["max_tokens"], "messages" in completions) == ("p", 9, False)
    assert DIALECTS["llamacpp"].body(_SPEC)["n_predict"] == 9


def test_every_dialect_has_its_family() -> None:
    """What --api offers is what the rig speaks."""
    assert set(FAMILY) == set(DIALECTS)


def test_a_chat_line_is_a_chunk_when_its_message_says_something(loads) -> None:
    """/api/chat: content, thinking and tool calls count, an empty message does not."""
    read, account = DIALECTS["ollama-chat"].read, Account()
    for said in ('"content":"x"', '"content":"","thinking":"x"', '"content":"","tool_calls":[{}]'):
        assert read(b'{"created_at":"T","message":{%s},"done":false}' % said.encode(), loads, account) == (True, "T")
    assert read(b'{"created_at":"T","message":{"content":""},"done":true}', loads, account) == (False, "T")
    assert read(b'{"message":"odd"}', loads, account) == (False, None)
    assert account.done


def test_llamacpps_own_stream_ends_with_stop(loads) -> None:
    """Its events carry content; the last one has stop, the counts and the timings; an error is raised."""
    read, account = DIALECTS["llamacpp"].read, Account()
    assert read(_event(content="x", stop=False), loads, account) == (True, None)
    assert not account.done
    end = _event(content="", stop=True, tokens_predicted=7, tokens_evaluated=3, timings={"predicted_ms": 2.5})
    assert read(end, loads, account) == (False, None)
    assert account == Account(done=True, tokens=7, prompt_tokens=3, eval_ns=2_500_000)
    with pytest.raises(ServerError, match="too long"):
        read(_event(error={"message": "too long"}), loads, account)


def test_a_generate_line_is_a_chunk_with_a_stamp(loads) -> None:
    """Content counts; the stamp is handed on as it came."""
    account = Account()
    line = b'{"model":"m","created_at":"T","response":"hi","done":false}'
    assert DIALECTS["ollama"].read(line, loads, account) == (True, "T")
    assert DIALECTS["ollama"].read(line.replace(b"hi", b""), loads, account) == (False, "T")
    assert DIALECTS["ollama"].read(b"", loads, account) == (False, None)
    assert not account.done


def test_the_final_generate_line_fills_the_account(loads) -> None:
    """Counts and durations are taken; a member that is left out beside a total is zero, as Ollama means it."""
    account = Account()
    line = b'{"response":"","done":true,"total_duration":9,"eval_count":4,"eval_duration":5}'
    DIALECTS["ollama"].read(line, loads, account)
    assert account == Account(done=True, tokens=4, total_ns=9, load_ns=0, prompt_ns=0, eval_ns=5)


def test_a_final_line_without_figures_knows_nothing(loads) -> None:
    """Without a total there is no account: unknown, not zero."""
    account = Account()
    DIALECTS["ollama"].read(b'{"done":true}', loads, account)
    assert account == Account(done=True)


@pytest.mark.parametrize("value", ["-1", "1.5", '"9"', "true", "null", "[1]"])
def test_hostile_counts_are_not_believed(loads, value: str) -> None:
    """A count that is no count is unknown."""
    account = Account()
    DIALECTS["ollama"].read(b'{"done":true,"eval_count":%s}' % value.encode(), loads, account)
    assert account.tokens is None


NOT_MESSAGES = {"cut": b"{", "list": b"[]", "number": b"3", "bytes": b"\xff\xfe", "deep": b"[" * 100_000}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("line", NOT_MESSAGES.values(), ids=NOT_MESSAGES)
def test_what_is_no_message_is_garbage(loads, dialect: str, line: bytes) -> None:
    """Broken JSON, other JSON and invalid UTF-8 raise one error; an event does at its blank line."""
    events = DIALECTS[dialect].accept == EVENTS
    account = Account()
    with pytest.raises(GarbageError):
        DIALECTS[dialect].read(b"data: " + line if events else line, loads, account)
        DIALECTS[dialect].read(b"", loads, account)


def test_error_lines_raise_with_safe_text(loads) -> None:
    """An error of the server is raised in words that cannot steer a terminal."""
    with pytest.raises(ServerError, match="·bad"):
        DIALECTS["ollama"].read(b'{"error":"\\u001bbad"}', loads, Account())
    with pytest.raises(ServerError, match="full"):
        DIALECTS["openai"].read(b'data: {"error":{"message":"full"}}', loads, Account())


def _event(**members: object) -> bytes:
    return b"data: " + json.dumps(members).encode()


def test_events_are_chunks_when_they_have_content(loads) -> None:
    """Deltas with content (or reasoning) and completions with text count; roles, comments and blanks do not."""
    read, account = DIALECTS["openai"].read, Account()
    assert read(_event(choices=[{"delta": {"content": "x"}}]), loads, account)[0]
    assert read(_event(choices=[{"delta": {"reasoning_content": "x"}}]), loads, account)[0]
    assert read(_event(choices=[{"text": "x"}]), loads, account)[0]
    for quiet in (_event(choices=[{"delta": {"role": "assistant"}}]), _event(choices=[]), b": ping", b"", b"id: 3"):
        assert read(quiet, loads, account) == (False, None)
    assert not account.done


def test_usage_timings_and_done_fill_the_account(loads) -> None:
    """Usage, llama.cpp's timings and the end marker are taken."""
    read, account = DIALECTS["openai"].read, Account()
    read(_event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 7}), loads, account)
    assert (account.prompt_tokens, account.tokens) == (3, 7)
    read(_event(timings={"prompt_ms": 1.5, "predicted_ms": 20, "predicted_n": 8, "prompt_n": 2}), loads, account)
    assert (account.prompt_ns, account.eval_ns, account.tokens) == (1_500_000, 20_000_000, 8)
    read(b"data: [DONE]", loads, account)
    assert account.done


def _messages(*messages: dict[str, object]) -> list[bytes]:
    return [line for message in messages for line in (f"event: {message.get('type')}".encode(), _event(**message), b"")]


def _chunks(dialect: str, lines: list[bytes], account: Account) -> int:
    return sum(DIALECTS[dialect].read(line, json.loads, account)[0] for line in lines)


@pytest.mark.parametrize(
    "delta",
    [
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"content": None, "tool_calls": [{"index": 0, "function": {"name": "look"}}]},
        {"function_call": {"name": "look"}},
        {"reasoning": "hm"},
        {"refusal": "no"},
    ],
    ids=lambda delta: next(reversed(delta)),
)
def test_what_a_model_generates_beside_text_is_content(loads, delta: dict[str, object]) -> None:
    """Calls of tools, reasoning and refusals cost tokens and time as text does."""
    assert DIALECTS["openai"].read(_event(choices=[{"delta": delta}]), loads, Account()) == (True, None)


def test_any_choice_counts(loads) -> None:
    """With n=2 a message may carry the second choice alone; the end of one choice is seen beside text of the other."""
    account = Account()
    only_second = _event(choices=[{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "x"}}])
    assert DIALECTS["openai"].read(only_second, loads, account) == (True, None)
    assert not account.finished
    both = _event(choices=[{"delta": {"content": "x"}}, {"delta": {}, "finish_reason": "stop"}])
    assert DIALECTS["openai"].read(both, loads, account) == (True, None)
    assert account.finished


@pytest.mark.parametrize(
    "message",
    [
        {"object": "error", "message": "out of memory", "code": 500},
        {"error": {"message": "out of memory"}},
        {"error": "out of memory"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "out of memory"}},
        {"detail": "out of memory"},
    ],
    ids=["object", "member", "text", "type", "detail"],
)
@pytest.mark.parametrize("dialect", [name for name, one in DIALECTS.items() if one.accept == EVENTS])
def test_an_error_has_many_shapes(loads, dialect: str, message: dict[str, object]) -> None:
    """Each of them is told in the server's words."""
    with pytest.raises(ServerError, match=r"^out of memory$"):
        DIALECTS[dialect].read(_event(**message), loads, Account())


def test_an_error_without_words_is_an_error(loads) -> None:
    """Whatever it holds, nothing of an unknown shape is quoted."""
    with pytest.raises(ServerError, match=r"^no reason given$"):
        DIALECTS["openai"].read(_event(error={"x": {"y": "answer"}}), loads, Account())
    assert DIALECTS["ollama"].read(b'{"error":null,"response":"x","done":false}', loads, Account())[0]


def test_messages_of_anthropic() -> None:
    """A ping is no chunk, the name of a tool is; the counts are the last ones, with what came from a cache."""
    account = Account()
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 4}}}
    block = {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
    assert _chunks("anthropic", _messages(start, block, {"type": "ping"}), account) == 0
    said = [
        {"type": "content_block_delta", "delta": {"type": kind, member: "x"}}
        for kind, member in (
            ("text_delta", "text"),
            ("thinking_delta", "thinking"),
            ("input_json_delta", "partial_json"),
        )
    ]
    tool = {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "look"}}
    signature = {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "x"}}
    assert _chunks("anthropic", _messages(*said, tool, signature), account) == 4
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    _chunks("anthropic", _messages(end), account)
    assert (account.tokens, account.prompt_tokens, account.finished, account.done) == (9, 7, True, False)
    _chunks("anthropic", _messages({"type": "message_stop"}), account)
    assert account.done


def test_responses_of_openai() -> None:
    """Deltas are chunks, what repeats them whole is not; the last event has the counts, a failed one the reason."""
    account = Account()
    quiet = [{"type": "response.created", "response": {}}, {"type": "response.output_text.done", "text": "xy"}]
    deltas = [
        {"type": f"response.{kind}.delta", "delta": "x"}
        for kind in ("output_text", "reasoning_summary_text", "function_call_arguments", "refusal")
    ]
    assert _chunks("responses", _messages(*quiet, *deltas), account) == 4
    assert not account.done
    usage = {"input_tokens": 2, "output_tokens": 5}
    _chunks("responses", _messages({"type": "response.completed", "response": {"usage": usage}}), account)
    assert (account.done, account.tokens, account.prompt_tokens) == (True, 5, 2)
    with pytest.raises(ServerError, match="full"):
        _chunks(
            "responses", _messages({"type": "response.failed", "response": {"error": {"message": "full"}}}), account
        )


@pytest.mark.parametrize(
    ("account", "chunks", "outcome"),
    [
        (Account(done=True), 3, "ok"),
        (Account(finished=True), 3, "ok"),
        (Account(), 3, "no_done"),
        (Account(done=True), 0, "empty"),
        (Account(done=True, tokens=5), 0, "empty"),
        (Account(), 0, "no_done"),
    ],
)
def test_how_a_request_ended(account: Account, chunks: int, outcome: str) -> None:
    """A reason for its end stands in for the final message, with a word; an answer without a chunk is none."""
    found, words = ending(account, chunks)
    assert found == outcome
    assert bool(words) == (not account.done or outcome != "ok")


def test_requests_ask_in_each_dialect() -> None:
    """Every dialect streams, and says how long the answer may be."""
    for dialect in DIALECTS.values():
        body = dialect.body(_SPEC)
        assert body["stream"] is True
        assert 9 in body.values() or body["options"]["num_predict"] == 9
        assert "p" in json.dumps(body)


def test_a_file_that_is_put_there_is_a_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry finds it, and with it what stands on the registry."""
    (tmp_path / "dummy.py").write_text(
        "from dataclasses import replace\n"
        "from loopscope.streams.dialects.openai import DIALECT as openai\n"
        "DIALECT = replace(openai, name='dummy', path='/dummy', ending='/dummy')\n"
    )
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path)])
    assert dialects._found()["dummy"].path == "/dummy"
    assert list(dialects._found()) == [*DIALECTS, "dummy"]
