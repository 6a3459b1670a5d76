"""Bytes become lines, wherever they are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.framing import MAX_LINE_BYTES, LineSplitter, LineTooLongError


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=20))
def test_lines_do_not_depend_on_the_pieces(data: bytes, cuts: list[int]) -> None:
    """However a stream is cut into pieces, the same lines and the same rest come out."""
    splitter = LineSplitter()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = [line for a, b in itertools.pairwise(edges) for line in splitter.feed(data[a:b])]
    *expected, rest = data.split(b"\n")
    assert lines == expected
    assert splitter.rest() == rest


def test_only_the_line_feed_ends_a_line() -> None:
    """U+0085, U+2028 and carriage returns stay inside a line, as JSON allows them."""
    text = '{"response":"a\u0085b\u2028c\r"}\n'.encode()
    assert LineSplitter().feed(text) == [text[:-1]]


def test_a_line_without_end_is_refused() -> None:
    """More than the limit without a line end raises instead of filling the memory."""
    splitter = LineSplitter()
    splitter.feed(b"x" * MAX_LINE_BYTES)
    with pytest.raises(LineTooLongError):
        splitter.feed(b"x")
