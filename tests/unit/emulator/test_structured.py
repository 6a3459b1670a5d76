"""JSON that fits a schema."""

import json
import random
from typing import Any

import pytest

from loopscope.emulator.structured import structured_tokens

WORDS = [" one", " two", "\n\n", " three"]


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}},
            lambda v: isinstance(v["a"], int) and isinstance(v["b"], bool) and len(v) == 2,
        ),
        ({"type": "array", "items": {"type": "number"}, "minItems": 3}, lambda v: len(v) == 3),
        ({"enum": ["x", "y"]}, lambda v: v in ("x", "y")),
        ({"const": {"k": 1}}, lambda v: v == {"k": 1}),
        ({"type": ["null", "string"]}, lambda v: isinstance(v, str) and "\n" not in v),
        ({"type": "null", "title": "t"}, lambda v: v is None),
        ({"properties": {"n": {"type": "integer", "minimum": 500}}}, lambda v: v["n"] >= 500),
        ({"type": "object", "properties": 7}, lambda v: v == {}),
        ({"type": "array", "items": 3, "minItems": "many"}, lambda v: v == [None, None]),
    ],
)
def test_text_fits_the_schema(schema: dict[str, Any], fits: Any) -> None:
    """Whatever the schema says, the tokens make one JSON text; nonsense in it is passed over."""
    for seed in range(5):
        tokens = structured_tokens(schema, WORDS, random.Random(seed))
        assert all(tokens)
        assert fits(json.loads("".join(tokens)))


def test_schema_without_end_ends() -> None:
    """Depth and size are bounded."""
    deep: dict[str, Any] = {"type": "object"}
    deep["properties"] = {"x": deep}
    assert len(structured_tokens(deep, WORDS, random.Random(0))) < 200
    wide = {"type": "array", "items": {"type": "string"}, "minItems": 10**8}
    assert len(json.loads("".join(structured_tokens(wide, WORDS, random.Random(0))))) == 64
