"""What the emulated model says, as Go would write it."""

import json

from loopscope.emulator.corpus import TOKENS, text_of


def test_plain_text_gives_a_line_for_every_token() -> None:
    """No token of the plain text is silent, and all of it is ASCII."""
    text = text_of("words")
    assert len(text.texts) == len(text.fragments) == TOKENS
    assert all(text.fragments)
    assert "".join(text.texts).isascii()


def test_tricky_text_has_silent_tokens_and_all_that_readers_stumble_over() -> None:
    """Halves of characters give no line; what is shown is still valid JSON, and the awkward characters occur."""
    text = text_of("tricky")
    silent = sum(not shown for shown in text.texts)
    assert 0.03 < silent / TOKENS < 0.3
    whole = json.loads(b'"' + b"".join(text.fragments) + b'"')
    assert whole == "".join(text.texts)
    assert {"<", "&", "\u2028", "\u0085", "\x1b", "\u202e", "😀"} <= set(whole)
    assert text.texts[-1], "the seam is never in the middle of a character"


def test_texts_are_the_same_in_every_run() -> None:
    """The text is made from its mode and seed alone."""
    assert text_of("words").texts[:6] == text_of.__wrapped__("words").texts[:6]
    assert text_of("words").texts != text_of("words", 1).texts
