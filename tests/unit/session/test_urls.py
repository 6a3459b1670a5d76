"""URLs as people type them, and the credentials that must not come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.errors import InputError
from loopscope.session.urls import host_port, normalise, short


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("localhost", "http://localhost"),
        ("LocalHost:8080/", "http://localhost:8080"),
        ("  https://gpu.example/  ", "https://gpu.example"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:11434/api/generate", "http://127.0.0.1:11434"),
        ("http://proxy/llm/v1/", "http://proxy/llm"),
        ("[::1]:11434", "http://[::1]:11434"),
    ],
)
def test_form_is_one(text: str, url: str) -> None:
    """Scheme and host are filled in and lowered, pasted endpoints and slashes go, the rest stays as given."""
    assert normalise(text) == url
    assert normalise(url) == url


@pytest.mark.parametrize(
    "text", ["http://me:secret@host:1", "secret@host", "http://:secret@host", "https://secret@host/v1"]
)
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    """A URL with user or password is refused, and the sentence does not hold the secret."""
    with pytest.raises(InputError, match="credentials") as refused:
        normalise(text)
    assert "secret" not in str(refused.value)
    assert "host" in str(refused.value)


@pytest.mark.parametrize("text", ["http://host?key=secret", "http://host/#secret"])
def test_query_is_refused_and_not_repeated(text: str) -> None:
    """A key in the query is a credential too."""
    with pytest.raises(InputError) as refused:
        normalise(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "http://", "ftp://host", "http://host:99999", "http://host:x", "http://[::1", "a b", "http://h:0", "%"]
)
def test_what_is_no_url_is_refused_in_a_sentence(text: str) -> None:
    """What cannot lead to a server is wrong input (exit code 2)."""
    with pytest.raises(InputError) as refused:
        normalise(text)
    assert len(str(refused.value).splitlines()) == 1


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_refusal(text: str) -> None:
    """Whatever is typed gives a printable URL that stays as it is, or the one exception."""
    try:
        url = normalise(text)
    except InputError as refused:
        assert str(refused).isprintable()
        return
    assert url.isprintable()
    assert "@" not in url.partition("://")[2].partition("/")[0]
    assert normalise(url) == url
    host, port = host_port(url)
    assert host
    assert 0 < port < 65536


def test_sentence_names_a_url_without_its_scheme() -> None:
    """In sentences http:// goes without saying; https:// does not."""
    assert short("http://127.0.0.1:11434") == "127.0.0.1:11434"
    assert short("https://host") == "https://host"
    assert host_port("https://host") == ("host", 443)
