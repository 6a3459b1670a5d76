"""Ollama's own dialect, byte by byte."""

import json
import re
from time import time_ns

import pytest

from kit.emulators import Emulated, emulator
from loopscope.core.clock import parse_stamp_ns


def test_stream_is_framed_as_ollama_frames_it(served: Emulated) -> None:
    """One HTTP chunk a line, members in order, nothing that is not there; the final line has every figure."""
    with served.link() as link:
        link.post(options={"num_predict": 4})
        status, headers = link.head()
        lines = link.chunks()
    assert status == 200
    assert headers.keys() == {"content-type", "date", "transfer-encoding"}
    assert headers["content-type"] == "application/x-ndjson"
    assert len(lines) == 5
    for line in lines[:-1]:
        assert re.fullmatch(rb'{"model":"gemma3","created_at":"[-0-9T:.]+Z","response":"[^"]+","done":false}\n', line)
    final = json.loads(lines[-1])
    assert list(final) == [
        "model",
        "created_at",
        "response",
        "done",
        "done_reason",
        "context",
        "total_duration",
        "load_duration",
        "prompt_eval_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
    ]
    assert (final["response"], final["done"], final["done_reason"], final["eval_count"]) == ("", True, "length", 4)
    assert final["prompt_eval_duration"] == 1000, "prefill took no time here, and a microsecond is the least"


def test_older_releases_leave_a_zero_out() -> None:
    """Their durations are nanoseconds, and one of 0 is absent; one token has no gap."""
    with emulator("--as", "0.24") as one:
        final = one.lines(options={"num_predict": 1})[-1]
        assert one.ask("GET", "/api/version").json() == {"version": "0.24.0"}
    assert not {"prompt_eval_duration", "eval_duration"} & set(final)
    assert final["eval_count"] == 1


def test_metrics_say_what_was_scheduled() -> None:
    """eval_duration spans N-1 gaps, prompt_eval_duration is tokens by rate, total holds all of it."""
    with emulator("--rate", "1000", "--prefill-rate", "2000", "--load-ms", "15") as one:
        final = one.lines(prompt="x" * 400, options={"num_predict": 21})[-1]
    assert final["prompt_eval_count"] == 110
    assert final["prompt_eval_duration"] == 110 * 500_000
    assert final["eval_duration"] == 20 * 1_000_000
    assert final["load_duration"] >= 15_000_000
    parts = final["load_duration"] + final["prompt_eval_duration"] + final["eval_duration"]
    assert final["total_duration"] >= parts


def test_end_token_is_counted_and_silent() -> None:
    """An answer that ends by itself has one token more than lines, and the end token has its gap."""
    with emulator("--rate", "1000", "--tokens", "20") as one:
        *lines, final = one.lines()
        stats = one.stats()
    assert final["done_reason"] == "stop"
    assert final["eval_count"] == len(lines) + 1
    assert final["eval_duration"] == len(lines) * 1_000_000
    assert (stats["tokens"], stats["chunks"], stats["silent_tokens"]) == (len(lines) + 1, len(lines), 1)


def test_parts_of_characters_make_fewer_lines_than_tokens() -> None:
    """Every token is counted, every line shows whole characters, and the texts add up."""
    with emulator("--text", "tricky", "--rate", "0") as one:
        *lines, final = one.lines(options={"num_predict": 2000, "seed": 3})
        whole = one.lines(options={"num_predict": 2000, "seed": 3}, stream=False)[0]
        stats = one.stats()
    assert final["eval_count"] == whole["eval_count"] == 2000
    assert all(line["response"] for line in lines)
    assert len(lines) < 1950
    assert "".join(line["response"] for line in lines) == whole["response"]
    assert stats["silent_tokens"] == 2000 - len(lines)
    assert stats["chunks"] == len(lines)


def test_stamp_is_the_moment_of_the_line(served: Emulated) -> None:
    """Stamps lie between request and answer, in order, and none ends in a zero."""
    before = time_ns()
    lines = served.lines(options={"num_predict": 300})
    after = time_ns()
    stamps = [parse_stamp_ns(line["created_at"]) for line in lines]
    assert all(stamps)
    assert stamps == sorted(stamps)
    assert before <= stamps[0] and stamps[-1] <= after
    assert not any(re.search(r"\.\d*0Z$|\.Z$", line["created_at"]) for line in lines)


def test_headers_are_held_until_the_first_token() -> None:
    """The client sees an open, silent connection while the prompt is evaluated."""
    with emulator("--prefill-rate", "25") as one, one.link() as link:
        link.post(raw=True, prompt="x" * 40, options={"num_predict": 1})
        link.sock.settimeout(0.02)
        with pytest.raises(TimeoutError):
            link.until(b"\r\n")
        link.sock.settimeout(20)
        assert link.head()[0] == 200


def test_chat_has_a_message_where_generate_has_a_response(served: Emulated) -> None:
    """Members in order, in the stream and whole; no context."""
    messages = [{"role": "user", "content": "hi"}]
    lines = served.lines("/api/chat", messages=messages, options={"num_predict": 2})
    assert [list(line) for line in lines[:-1]] == [["model", "created_at", "message", "done"]] * 2
    assert next(iter(lines[0]["message"].items())) == ("role", "assistant")
    assert list(lines[-1])[:5] == ["model", "created_at", "message", "done", "done_reason"]
    assert lines[-1]["message"] == {"role": "assistant", "content": ""}
    assert "context" not in lines[-1]
    told = served.ask(
        "POST", "/api/chat", {"model": "gemma3", "messages": messages, "stream": False, "options": {"num_predict": 2}}
    )
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"
    assert not told.body.endswith(b"\n")
    assert told.json()["message"]["content"]


def test_raw_has_no_context_and_no_template(served: Emulated) -> None:
    """A raw request counts fewer prompt tokens; its context would mean nothing."""
    plain = served.lines(options={"num_predict": 1})[-1]
    raw = served.lines(raw=True, options={"num_predict": 1})[-1]
    assert "context" not in raw
    assert len(plain["context"]) == plain["prompt_eval_count"] + 1
    assert raw["prompt_eval_count"] < plain["prompt_eval_count"]


def test_model_is_echoed_as_it_was_asked_for(served: Emulated) -> None:
    """With the tag or without, the request's own string comes back."""
    assert {line["model"] for line in served.lines(model="gemma3:latest", options={"num_predict": 1})} == {
        "gemma3:latest"
    }


def test_limit_of_zero_limits_nothing(served: Emulated) -> None:
    """num_predict 0 ends where the model ends, like -1."""
    *lines, final = served.lines(options={"num_predict": 0})
    assert len(lines) > 20
    assert (final["done_reason"], final["eval_count"]) == ("stop", len(lines) + 1)


def test_prompt_that_is_too_long_is_cut_to_half_the_window(served: Emulated) -> None:
    """And the context lists all of it; an older release cuts to the window."""
    asked = {"prompt": "x" * 40_000, "options": {"num_predict": 1, "num_ctx": 2048}}
    final = served.lines(**asked)[-1]
    assert (final["prompt_eval_count"], len(final["context"])) == (1027, 10_011)
    with emulator("--as", "0.24") as one:
        final = one.lines(**asked)[-1]
    assert (final["prompt_eval_count"], len(final["context"])) == (2048, 2049)


def test_request_pays_what_a_real_server_takes_besides() -> None:
    """By default 2 ms are the load duration of a model in memory, and 4 ms are in none of the durations."""
    with emulator("--overhead-ms", "2", "--setup-ms", "4", "--rate", "1000") as one:
        one.lines(options={"num_predict": 3})
        final = one.lines(options={"num_predict": 3})[-1]
    assert final["load_duration"] >= 2_000_000
    parts = final["load_duration"] + final["prompt_eval_duration"] + final["eval_duration"]
    assert final["total_duration"] - parts >= 4_000_000


def test_empty_prompt_loads_and_unloads() -> None:
    """One plain JSON object even where a stream is asked for; ps shows what is loaded."""
    with emulator("--load-ms", "5") as one:
        assert one.ask("GET", "/api/ps").json() == {"models": []}
        told = one.ask("POST", "/api/generate", {"model": "gemma3", "stream": True, "keep_alive": -1})
        assert told.headers["Content-Type"] == "application/json; charset=utf-8"
        assert told.json()["done_reason"] == "load"
        assert list(told.json()) == ["model", "created_at", "response", "done", "done_reason"]
        (loaded,) = one.ask("GET", "/api/ps").json()["models"]
        assert (loaded["name"], loaded["size_vram"] > 0, loaded["context_length"]) == ("gemma3:latest", True, 4096)
        assert int(loaded["expires_at"][:4]) > 2300, "for ever"
        told = one.ask("POST", "/api/chat", {"model": "gemma3", "messages": [], "keep_alive": 0})
        assert told.json()["done_reason"] == "unload"
        assert told.json()["message"] == {"role": "assistant", "content": ""}
        assert one.ask("GET", "/api/ps").json() == {"models": []}


def test_what_is_there_is_listed(served: Emulated) -> None:
    """Root, version, tags and show, also by HEAD where Ollama answers that."""
    assert served.ask("GET", "/").body == b"Ollama is running"
    head = served.ask("HEAD", "/")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "17")
    assert served.ask("HEAD", "/api/tags").status == 200
    assert served.ask("GET", "/api/version").json() == {"version": "0.33.0"}
    (model,) = served.ask("GET", "/api/tags").json()["models"]
    assert (model["name"], model["size"]) == ("gemma3:latest", 3_338_000_000)
    assert model["details"]["parameter_size"] == "4.3B"
    shown = served.ask("POST", "/api/show", {"model": "gemma3"}).json()
    assert shown["capabilities"] == ["completion"]
    assert shown["model_info"]["general.parameter_count"] == 4_300_000_000


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/api/generate", b"", 400, "missing request body"),
        ("/api/generate", {"model": "x", "prompt": "p"}, 404, "model 'x' not found"),
        ("/api/generate", {"prompt": "p"}, 404, "model '' not found"),
        ("/api/chat", {"messages": []}, 400, "model is required"),
        ("/api/chat", {"model": "x", "messages": []}, 404, "model 'x' not found"),
        ("/api/show", {"model": "x"}, 404, "model 'x:latest' not found"),
        ("/api/show", {}, 400, "model is required"),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "raw": True, "system": "s"},
            400,
            "raw mode does not support template, system, or context",
        ),
        ("/api/generate", {"model": "gemma3", "prompt": "p", "think": True}, 400, '"gemma3" does not support thinking'),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "suffix": "s"},
            400,
            "registry.ollama.ai/library/gemma3:latest does not support insert",
        ),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "options": {"num_gpu": "x"}},
            500,
            'option "num_gpu" must be of type integer',
        ),
        (
            "/api/generate",
            {"model": "gemma3", "options": {"num_ctx": "x"}},
            500,
            'option "num_ctx" must be of type integer',
        ),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "keep_alive": "soon"},
            400,
            'time: invalid duration "soon"',
        ),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p" * 20000, "shift": False, "stream": False},
            400,
            "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust"
            " the context length in settings, or use a model with a longer context length",
        ),
        (
            "/api/chat",
            {"model": "gemma3", "messages": [3]},
            400,
            "json: cannot unmarshal number into Go value of type api.Message",
        ),
        ("/api/pull", {"model": "x", "stream": False}, 500, "pull model manifest: file does not exist"),
        ("/api/push", {"model": "x"}, 501, "this is an emulator: it has no /api/push"),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "think": "deeply", "stream": False},
            400,
            'invalid think value: "deeply" (must be "high", "medium", "low", "max", true, or false)',
        ),
        (
            "/api/generate",
            {"model": "gemma3", "prompt": "p", "logprobs": True, "top_logprobs": 21},
            400,
            "top_logprobs must be between 0 and 20",
        ),
    ],
)
def test_errors_have_ollamas_statuses_and_words(
    served: Emulated, path: str, body: object, status: int, words: str
) -> None:
    """Before the first line the real status is used, with one member: error."""
    told = served.ask("POST", path, body)
    assert (told.status, told.json()) == (status, {"error": words})
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/api/generate", 405, b"405 method not allowed"),
        ("POST", "/api/tags", 405, b"405 method not allowed"),
        ("DELETE", "/", 405, b"405 method not allowed"),
        ("GET", "/api/pull", 405, b"405 method not allowed"),
        ("GET", "/nowhere", 404, b"404 page not found"),
        ("POST", "/api/generate/", 307, b""),
        ("GET", "/api/generate/", 301, b'<a href="/api/generate">Moved Permanently</a>.\n\n'),
    ],
)
def test_wrong_methods_and_paths(served: Emulated, method: str, path: str, status: int, text: bytes) -> None:
    """They are answered in plain text, as the router under Ollama does."""
    told = served.ask(method, path)
    assert (told.status, told.body) == (status, text)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("192.168.1.5", 200),
        ("a.local", 200),
        ("x.localhost:3", 200),
        ("evil.example", 403),
        ("8.8.8.8", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
def test_foreign_host_header_is_refused(served: Emulated, host: str, status: int) -> None:
    """A page elsewhere must not reach the server by a name that resolves to this machine."""
    told = served.ask("GET", "/api/version", headers={"Host": host})
    assert told.status == status
    assert status == 200 or told.body == b""


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        (0, 0),
        (5, 5 * 10**9),
        (-1, -1),
        ("5m", 300 * 10**9),
        ("1h30m", 5400 * 10**9),
        ("-1s", -1),
        ("0", 0),
        ("1.5s", 1_500_000_000),
        ("250ms", 250_000_000),
        (1e30, (1 << 63) - 1),
    ],
)
def test_keep_alive_is_read_as_go_reads_it(value: object, wanted: int | None) -> None:
    """Numbers are seconds, texts are durations, below zero is for ever."""
    from loopscope.emulator.generation import keep_alive_ns

    assert keep_alive_ns(value) == wanted
