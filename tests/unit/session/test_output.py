"""The end of what a program prints."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.session.output import LINES, Tail, clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and plain", "red and plain"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (" 10 %\r 50 %\r100 %", "100 %"),
        ("windows\r", "windows"),
        ("a\tb", "a   b"),
        ("bell\x07 and \u202e turned", "bell· and · turned"),
    ],
)
def test_a_line_as_it_would_look(raw: str, shown: str) -> None:
    """Colours, titles and links are gone, a bar shows its last state, what is no text becomes a dot."""
    assert clean(raw) == shown


@given(st.text(max_size=300))
def test_nothing_but_text_gets_through(raw: str) -> None:
    """Whatever is printed."""
    assert clean(raw).isprintable()


def test_the_end_of_the_file(tmp_path: Path) -> None:
    """The last lines, read anew when there are more; a line that is being written is there, a cut one is not."""
    path = tmp_path / "out.log"
    tail = Tail(path)
    assert tail.lines() == ()
    path.write_bytes(b"one\ntwo\nthr")
    assert tail.lines() == ("one", "two", "thr")
    with path.open("ab") as file:
        file.write(b"ee\n\xff\xfe\n")
    assert tail.lines() == ("one", "two", "three", "��")
    path.write_bytes(b"".join(b"%05d %s\n" % (i, b"x" * 100) for i in range(5000)))
    lines = tail.lines()
    assert len(lines) == LINES
    assert lines[-1].startswith("04999 ")
    path.write_bytes(b"y" * 1_000_000)
    assert [len(line) for line in tail.lines()] == [400]


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """The same tuple comes back."""
    path = tmp_path / "out.log"
    path.write_bytes(b"one\n")
    tail = Tail(path)
    assert tail.lines() is tail.lines()
