"""Foreign text is made safe."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.text import plain


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
