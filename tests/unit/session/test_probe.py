"""Who answers: each kind of server is known by its own signs, and each way of not answering has its words."""

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from loopscope.session import probe as module
from loopscope.session.probe import probe, probe_all

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from .conftest import Stubs


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def test_ollama_tells_its_models_and_what_is_loaded(stubs: "Stubs") -> None:
    """Version, models, what is in memory, VRAM and context; how many streams it takes it never tells."""
    found = probe(stubs.serve(stubs.ollama("gemma3:latest", "nomic-embed-text:latest", loaded=("gemma3:latest",))))
    assert (found.reachable, found.api, found.title, found.slots) == (True, "ollama", "Ollama 0.33.0", None)
    assert found.names == ("gemma3:latest",)
    assert found.models[0].size_bytes == 3 << 30
    assert [(one.name, one.vram_bytes, one.context) for one in found.loaded] == [("gemma3:latest", 4 << 30, 4096)]


def test_capabilities_decide_what_generates(stubs: "Stubs") -> None:
    """Where Ollama lists capabilities, they count and the name does not."""
    routes = stubs.ollama()
    routes["/api/tags"] = {
        "models": [
            {"name": "embedder-of-texts", "capabilities": ["completion"]},
            {"name": "mini", "capabilities": ["embedding"]},
        ]
    }
    assert probe(stubs.serve(routes)).names == ("embedder-of-texts",)


def test_our_emulator_is_known_for_what_it_is(stubs: "Stubs") -> None:
    """A server that has the emulator's own counters is not shown as Ollama."""
    found = probe(stubs.serve({**stubs.ollama("gemma3:latest"), "/emulator/stats": {"emulator": "0.1", "parallel": 2}}))
    assert (found.kind, found.api, found.slots) == (module.EMULATOR, "ollama", 2)


def test_llama_cpp_is_known_by_its_header_and_tells_its_slots(stubs: "Stubs") -> None:
    """llama.cpp's server: slots from /props, context and size from the model's metadata."""
    routes = {
        **stubs.openai("random-small", owner="llamacpp", meta={"n_ctx": 4096, "size": 1213184}),
        "/props": {"total_slots": 3, "build_info": "b11549-abc"},
    }
    found = probe(stubs.serve(routes, server_header="llama.cpp"))
    assert (found.api, found.title, found.slots) == ("openai", "llama.cpp b11549-abc", 3)
    assert (found.loaded[0].context, found.loaded[0].size_bytes, found.loaded[0].vram_bytes) == (4096, 1213184, None)


def test_vllm_is_known_by_the_owner_of_its_models(stubs: "Stubs") -> None:
    """vLLM: version from /version, context from max_model_len."""
    routes = {**stubs.openai("a/b", owner="vllm", max_model_len=8192), "/version": {"version": "0.12.1"}}
    found = probe(stubs.serve(routes, server_header="uvicorn"))
    assert (found.title, found.loaded[0].name, found.loaded[0].context) == ("vLLM 0.12.1", "a/b", 8192)


def test_lm_studio_is_known_by_its_own_api(stubs: "Stubs") -> None:
    """LM Studio answers 200 to questions that it does not know; its model states tell it."""
    routes = {
        "/api/version": {"error": "Unexpected endpoint or method. (GET /api/version)"},
        **stubs.openai("qwen", "embedder", owner="organization_owner"),
        "/api/v0/models": {
            "data": [
                {
                    "id": "qwen",
                    "type": "llm",
                    "state": "loaded",
                    "max_context_length": 32768,
                    "loaded_context_length": 4096,
                },
                {"id": "embedder", "type": "embeddings", "state": "not-loaded"},
            ]
        },
    }
    found = probe(stubs.serve(routes))
    assert (found.kind, found.api, found.names) == ("LM Studio", "openai", ("qwen",))
    assert [(one.name, one.context) for one in found.loaded] == [("qwen", 4096)]


def test_other_openai_server_is_taken_as_such(stubs: "Stubs") -> None:
    """An unknown server with OpenAI's list of models can be used."""
    found = probe(stubs.serve(stubs.openai("m1", "m2")))
    assert (found.kind, found.names, found.loaded) == ("OpenAI-compatible", ("m1", "m2"), ())


def test_texts_of_a_server_are_made_plain(stubs: "Stubs") -> None:
    """Escape sequences in a version are neutralised; a model whose name holds them is left out."""
    routes = stubs.ollama("ok:latest", "bad\x1b[2J:latest", version="1\x1b[31m")
    found = probe(stubs.serve(routes))
    assert found.version == "1·[31m"
    assert found.names == ("ok:latest",)


@pytest.mark.parametrize(
    ("models", "status", "words"),
    [
        ((401, b"{}"), 404, "API key"),
        ((403, b""), 403, "403"),
        ((503, b'{"error":{"message":"Loading model"}}'), 404, "loading"),
        ((404, b"no"), 404, "neither Ollama's nor OpenAI's"),
        ((200, b"<html>"), 200, "neither Ollama's nor OpenAI's"),
        ((200, b"[" * 100_000), 200, "neither Ollama's nor OpenAI's"),
        ((200, b'{"data": 5}'), 200, "neither Ollama's nor OpenAI's"),
    ],
)
def test_web_server_that_is_none_of_ours_has_its_words(
    stubs: "Stubs", models: tuple[int, bytes], status: int, words: str
) -> None:
    """A web server that wants a key, refuses, loads, or talks of other things: something listens, and why not it."""
    found = probe(stubs.serve({"/api/version": (status, b"{}"), "/v1/models": models}))
    assert not found.reachable
    assert found.listening
    assert words in found.reason


def test_closed_port_is_told_without_the_http_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there: one refused connection, and the HTTP client (0.1 s to import) is not even asked for."""
    monkeypatch.setattr(module, "http_client", lambda url: pytest.fail("the client was made"))
    found = probe(f"http://127.0.0.1:{free_port()}")
    assert (found.reachable, found.listening) == (False, False)
    assert "refused" in found.reason


def test_unknown_host_has_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve is told as that."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert "name of the host" in probe("http://no.such.host").reason


def test_server_that_never_answers_ends_with_the_deadline() -> None:
    """A port that accepts and says nothing is told as silent after the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = probe(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)
    assert found.listening
    assert "did not answer in time" in found.reason


def test_server_that_speaks_no_http_has_its_words() -> None:
    """Something else on that port (an SSH server, say) is told as that."""

    def talk(listener: socket.socket) -> None:
        for _ in range(2):
            with listener.accept()[0] as connection:
                connection.settimeout(5)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk, args=(listener,))
        thread.start()
        found = probe(f"http://127.0.0.1:{listener.getsockname()[1]}", 2.0)
        thread.join()
    assert "does not speak HTTP" in found.reason


def test_answer_without_end_is_cut(stubs: "Stubs", monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not stop is not read to the end of memory."""
    monkeypatch.setattr(module, "_MAX_BYTES", 10_000)

    def flood(handler: "BaseHTTPRequestHandler") -> None:
        handler.send_response_only(200)
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"x" * 1000)

    assert "no end" in probe(stubs.serve({"/api/version": flood})).reason


def test_several_are_asked_at_the_same_time_and_a_hanging_name_is_left_behind(
    stubs: "Stubs", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers come in the order of the URLs; a look-up that hangs costs its deadline, not the program's life."""
    real, hang = module._knock, threading.Event()

    def knock(url: str, timeout_s: float) -> None:
        if "hangs" in url:
            hang.wait()
        real(url, timeout_s)

    monkeypatch.setattr(module, "_knock", knock)
    url = stubs.serve(stubs.openai("m"))
    first, second, literal, local = probe_all(
        ["http://hangs", url, "http://127.0.0.1:1/hangs", "http://localhost:1/hangs"], 0.3
    )
    hang.set()
    assert "does its name resolve" in first.reason
    for reason in (literal.reason, local.reason):  # an address needs no look-up: it is the machine that hangs
        assert "the machine is busy" in reason
        assert "resolve" not in reason
    assert second.reachable


def test_proxy_of_the_environment_is_not_used(stubs: "Stubs", monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked is the server itself, even where the environment names a proxy."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    assert probe(stubs.serve(stubs.openai("m"))).reachable
