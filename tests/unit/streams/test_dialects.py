"""What each line of a server means."""

import json

import pytest

from loopscope.core.records import AgentSpec
from loopscope.rig.decoders import loads_of
from loopscope.settings.dialects import FAMILY
from loopscope.streams.dialects import DIALECTS, Account, GarbageError, ServerError

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


@pytest.mark.parametrize("dialect", ["ollama", "openai"])
@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_message_is_garbage(loads, dialect: str, line: bytes) -> None:
    """Broken JSON, other JSON and invalid UTF-8 raise the one error that the agent tells."""
    prefix = b"data: " if dialect == "openai" else b""
    with pytest.raises(GarbageError):
        DIALECTS[dialect].read(prefix + line, loads, Account())


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
