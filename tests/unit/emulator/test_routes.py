"""Which requests get as far as a handler: methods, redirects, origins."""

import pytest

from kit.emulators import Emulated


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://localhost:3000", 200),
        ("http://127.0.0.1:8080", 200),
        ("app://obsidian", 200),
        ("vscode-file://x", 200),
        ("http://evil.example.com", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost:x", 403),
        ("null", 403),
    ],
)
def test_pages_from_elsewhere_are_refused(served: Emulated, origin: str, status: int) -> None:
    """A local page is told that it may read the answer."""
    told = served.ask("GET", "/api/version", headers={"Origin": origin})
    assert told.status == status
    assert told.headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)


def test_page_of_the_server_itself_is_no_other_origin(served: Emulated) -> None:
    """It gets no headers about origins."""
    told = served.ask("GET", "/api/version", headers={"Origin": served.url})
    assert (told.status, told.headers.get("Vary")) == (200, None)


def test_preflight_is_answered_without_a_body(served: Emulated) -> None:
    """With what a page may send; without an origin it is a wrong method."""
    told = served.ask("OPTIONS", "/api/chat", headers={"Origin": "http://localhost"})
    assert (told.status, told.body, told.headers["Allow"]) == (204, b"", "POST")
    assert "X-Stainless-Retry-Count" in told.headers["Access-Control-Allow-Headers"]
    assert served.ask("OPTIONS", "/api/chat").status == 405
    assert served.ask("OPTIONS", "/api/chat", headers={"Origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize(
    ("method", "path", "status", "place"),
    [
        ("GET", "/api/tags/", 301, "/api/tags"),
        ("GET", "/api/tags/?a=1", 301, "/api/tags?a=1"),
        ("POST", "/v1/messages/", 307, "/v1/messages"),
        ("GET", "//api///tags", 307, "/api/tags"),
        ("GET", "/api/../api/tags", 307, "/api/tags"),
        ("POST", "/api/./chat", 307, "/api/chat"),
    ],
)
def test_crooked_paths_are_redirected(served: Emulated, method: str, path: str, status: int, place: str) -> None:
    """To the straight one, with the query."""
    told = served.ask(method, path, headers={"X": "y"})
    assert (told.status, told.headers["Location"]) == (status, place)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "HEAD, GET"),
        ("HEAD", "/api/ps", "GET"),
        ("GET", "/api/delete", "DELETE"),
        ("GET", "/api/me", "POST"),
    ],
)
def test_wrong_method_says_which_is_right(served: Emulated, method: str, path: str, allow: str) -> None:
    """In the order of the router."""
    told = served.ask(method, path)
    assert (told.status, told.headers["Allow"]) == (405, allow)


def test_health_is_answered(served: Emulated) -> None:
    """As llama.cpp does."""
    assert served.ask("GET", "/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "name", ["gemma3", "GEMMA3", "gemma3:latest", "library/gemma3", "registry.ollama.ai/library/gemma3"]
)
def test_model_is_found_by_all_its_names(served: Emulated, name: str) -> None:
    """And the answer carries the name that was asked for."""
    assert {line["model"] for line in served.lines(model=name, options={"num_predict": 1})} == {name}
