"""Bytes become lines, wherever they are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.framing import MAX_LINE_BYTES, LineSplitter, LineTooLongError


@given(st.binary(max_size=300).map(lambda data: data.replace(b"\r", b"")), st.lists(st.integers(0, 300), max_size=20))
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


@given(st.lists(st.sampled_from([b"data: x", b"", b"y" * 20]), max_size=8), st.lists(st.integers(0, 200), max_size=12))
def test_a_lone_return_ends_a_line_where_no_feed_does(texts: list[bytes], cuts: list[int]) -> None:
    """Events may end so; whatever the pieces are, the same lines come."""
    data = b"".join(text + b"\r" for text in texts)
    splitter, lines, start = LineSplitter(), [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        lines += splitter.feed(data[start:cut])
        start = cut
    lines += splitter.feed(b"\n")
    assert [line.rstrip(b"\r") for line in lines] == texts or not texts


def test_pieces_of_a_line_are_counted_not_summed() -> None:
    """A line in a million pieces is refused in time."""
    splitter = LineSplitter()
    with pytest.raises(LineTooLongError):
        for _ in range(MAX_LINE_BYTES // 16 + 1):
            splitter.feed(b"x" * 16)
