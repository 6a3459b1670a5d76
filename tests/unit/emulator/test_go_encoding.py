"""Text is escaped as Go does."""

import pytest

from loopscope.emulator.go_encoding import go_fragment, go_string


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<a> & b", b"\\u003ca\\u003e \\u0026 b"),
        ("\u2028\u2029", b"\\u2028\\u2029"),
        ("\u0085", "\u0085".encode()),  # the one that trips readers which split lines as Python does
        ("\x00\x1b\x7f", b"\\u0000\\u001b\x7f"),
        ("\b\f\n\r\t", b"\\b\\f\\n\\r\\t"),
        ('"\\/', b'\\"\\\\/'),
        ("é漢😀", "é漢😀".encode()),
        ("\ud800", "\ufffd".encode()),
    ],
)
def test_escaping_is_gos(text: str, escaped: bytes) -> None:
    """HTML's own characters and the line separators are escaped, U+0085 and DEL are not."""
    assert go_fragment(text) == escaped
    assert go_string(text) == b'"' + escaped + b'"'
