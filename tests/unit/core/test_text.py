"""Foreign text is made safe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.text import plain, shown_url


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    """The result is one line without controls, format characters or surrogates, and not over the limit."""
    safe = plain(text, 50)
    assert len(safe) <= 50
    assert all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in safe)


def test_what_can_be_read_stays() -> None:
    """Ordinary text is unchanged; an escape sequence loses its escape; a direction override is gone."""
    assert plain("model 'x' not found") == "model 'x' not found"
    assert plain("\x1b[31mred\n") == "·[31mred·"
    assert plain("a\u202eb") == "a·b"


def test_long_text_says_that_it_was_cut() -> None:
    """A cut text ends in an ellipsis."""
    assert plain("x" * 300, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:1/v1?key=secret#secret", "http://h:1/v1"),
        ("https://me:secret@h/v1", "https://h/v1"),
        ("//me:secret@h/v1?secret", "//h/v1"),
        ("/moved?token=secret", "/moved"),
        ("me:secret@h", "h"),
        ("?key=secret", ""),
        ("http://[::1/v1?key=secret", ""),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    """No query, no fragment, no credentials."""
    assert shown_url(url) == shown
