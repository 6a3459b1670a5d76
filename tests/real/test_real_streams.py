"""Streams of a real llama.cpp server, read by plain httpx, held against the server's own counters."""

import concurrent.futures
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.processes import PATIENCE_S
from loopscope.realpair.pair import RealPair
from loopscope.session.discover import resolve

CHAT = {"messages": [{"role": "user", "content": "the river and the harbour"}]}
PROMPT = {"prompt": "the river and the harbour"}


def stream(url: str, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Every event of one stream; the last line must be the end mark."""
    events: list[str] = []
    with httpx.stream("POST", url + path, json={**body, "stream": True}, timeout=PATIENCE_S) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        rest = b""
        for data in answer.iter_raw():
            *lines, rest = (rest + data).split(b"\n")
            events += [line.removeprefix(b"data: ").decode() for line in lines if line.startswith(b"data: ")]
    assert rest == b""
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def text_of(event: dict[str, Any]) -> str:
    """The text that an event carries, in either dialect."""
    for choice in event["choices"]:
        return choice.get("text") or choice.get("delta", {}).get("content") or ""
    return ""


def generated(url: str) -> int:
    """How many tokens the server says it has generated since it started."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        if line.startswith("llamacpp:tokens_predicted_total "):
            return round(float(line.split()[1]))
    raise AssertionError("no counter of generated tokens")


@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", CHAT), ("/v1/completions", PROMPT)])
@pytest.mark.parametrize("server", [0, 1])
def test_every_token_is_accounted_for(real_pair: RealPair, path: str, body: dict[str, Any], server: int) -> None:
    """Usage, timings and the server's total agree on the tokens; no more texts come than tokens, and they are text."""
    url = real_pair.urls[server]
    before = generated(url)
    events = stream(url, path, {**body, "max_tokens": 200, "seed": 7, "stream_options": {"include_usage": True}})
    usage = next(event["usage"] for event in reversed(events) if event.get("usage"))
    timings = next(event["timings"] for event in reversed(events) if event.get("timings"))
    assert usage["completion_tokens"] == timings["predicted_n"] == 200
    assert generated(url) - before == 200
    texts = [text for event in events if (text := text_of(event))]
    assert 100 < len(texts) <= 200
    assert " the " in "".join(texts)
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"]]
    assert [reason for reason in reasons if reason] == ["length"]


def test_seed_makes_the_text_repeatable(real_pair: RealPair) -> None:
    """Both servers hold the same model: the same seed gives the same text on either."""
    body = {**PROMPT, "max_tokens": 40, "seed": 11, "cache_prompt": False}
    first, second = ("".join(map(text_of, stream(url, "/v1/completions", body))) for url in real_pair.urls)
    assert first == second != ""


def test_more_streams_than_slots_wait_and_lose_nothing(real_pair: RealPair) -> None:
    """Six streams on two slots: all end well, and their tokens add up to the server's own count."""
    url = real_pair.urls[0]
    before = generated(url)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda n: stream(url, "/v1/completions", {**PROMPT, "max_tokens": n}), range(60, 66)))
    counted = [next(event["timings"]["predicted_n"] for event in reversed(run) if event.get("timings")) for run in runs]
    assert counted == list(range(60, 66))
    assert generated(url) - before == sum(counted)


@pytest.mark.parametrize("body", [b"{", b'{"prompt": 5, "max_tokens": "many"}'])
def test_wrong_request_is_answered_with_an_error_object(real_pair: RealPair, body: bytes) -> None:
    """What a client must expect of a real server: a status of 400 or more and an error with a message."""
    answer = httpx.post(f"{real_pair.urls[0]}/v1/completions", content=body)
    assert answer.status_code >= 400
    assert answer.json()["error"]["message"]


def test_bytes_are_joined_and_the_end_is_counted_in_silence(model_folder: Path) -> None:
    """With many byte tokens and an end: fewer texts than tokens, yet every token is in the server's counters."""
    with RealPair("tiny", ports=(0,), folder=model_folder, byte_share=0.3, end_share=0.02) as lone:
        url = lone.urls[0]
        plain_sampling = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
        counted, texts, reasons = 0, 0, set()
        for seed in range(20):
            events = stream(url, "/v1/completions", {**PROMPT, **plain_sampling, "max_tokens": 60, "seed": seed})
            counted += next(event["timings"]["predicted_n"] for event in reversed(events) if event.get("timings"))
            texts += sum(1 for event in events if text_of(event))
            reasons |= {choice["finish_reason"] for event in events for choice in event["choices"]}
        assert generated(url) == counted
        assert texts < counted
        assert {"stop", "length"} <= reasons


def test_discovery_knows_llama_cpp_with_its_model_and_slots(real_pair: RealPair) -> None:
    """Given nothing but the URLs, the dialect, the model and the number of slots are found out."""
    servers = resolve(real_pair.urls)
    assert [(server.api, server.model) for server in servers] == [("openai", "random-small")] * 2
    assert all(server.words.startswith("llama.cpp") and server.words.endswith("2 slots") for server in servers)
