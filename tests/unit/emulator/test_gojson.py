"""Request bodies, read as Go reads them."""

import pytest

from loopscope.emulator.answers import ApiError
from loopscope.emulator.gojson import read_object

FIELDS = {"model": "string", "stream": "bool", "n": "int", "x": "float64", "options": "map[string]interface {}"}


def test_good_body_is_taken_as_go_takes_it() -> None:
    """Names in any case, null for absent, unknown members, bytes after the object."""
    body = b' {"Model": "m", "stream": null, "x": 1, "else": [1]} trailing'
    assert read_object(body, "R", FIELDS) == {"model": "m", "x": 1, "else": [1]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b" \n", "missing request body"),
        (b"{", "unexpected EOF"),
        (b'{"model": "m', "unexpected EOF"),
        (b'{"model"', "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{'a': 1}", "invalid character '\\'' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 2}', "invalid character '2' after object key:value pair"),
        (b'{"a": NaN}', "invalid character 'N' looking for beginning of value"),
        (b'{"a": "\n"}', "invalid character '\\n' in string literal"),
        (b'{"a": "\\x"}', "invalid character 'x' in string escape code"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.R"),
        (b'"a"', "json: cannot unmarshal string into Go value of type api.R"),
        (b'{"model": 3}', "json: cannot unmarshal number into Go struct field R.model of type string"),
        (b'{"stream": "yes"}', "json: cannot unmarshal string into Go struct field R.stream of type bool"),
        (b'{"n": true}', "json: cannot unmarshal bool into Go struct field R.n of type int"),
        (
            b'{"options": []}',
            "json: cannot unmarshal array into Go struct field R.options of type map[string]interface {}",
        ),
        (b"[" * 100_000, "exceeded max depth"),
        (b'{"n": ' + b"9" * 5000 + b"}", "json: cannot unmarshal number into Go value of type api.R"),
        (b"\xff\xfe", "invalid character '\ufffd' looking for beginning of value"),
    ],
)
def test_bad_body_is_a_400_in_gos_words(body: bytes, words: str) -> None:
    """Whatever the bytes, one clear sentence."""
    with pytest.raises(ApiError) as raised:
        read_object(body, "R", FIELDS)
    assert (raised.value.status, raised.value.words) == (400, words)
