"""Answers that must be JSON: an object that fits the schema of the request, in tokens."""

import json
import random
import re
from typing import Any

_DEPTH = 8
_MOST = 64
"""Members of an object and items of a list that are filled in."""
_TOKEN = re.compile(r"[ ]?[A-Za-z]+|[0-9]+|\s|.", re.DOTALL)


def structured_tokens(form: object, words: list[str], rng: random.Random) -> list[str]:
    """Return the tokens of a JSON text that fits a schema; without one, of an object with one answer."""
    if isinstance(form, dict) and form and form != {"type": "object"}:
        return _TOKEN.findall(schema_json(form, words, rng))
    return ["{", '"', "answer", '":', ' "', *(word.replace("\n", " ") for word in words), '"', "}"]


def schema_json(schema: dict[str, Any], words: list[str], rng: random.Random) -> str:
    """Return a JSON text that fits a schema: types, members, enumerations, least sizes."""
    return json.dumps(_value(schema, words, rng, 0), ensure_ascii=False)


def _value(schema: Any, words: list[str], rng: random.Random, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return rng.choice(choices)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    if kind == "object" or "properties" in schema:
        members = schema.get("properties")
        filled = list(members.items())[:_MOST] if isinstance(members, dict) else []
        return {str(name): _value(member, words, rng, depth + 1) for name, member in filled}
    if kind == "array":
        count = max(_whole(schema.get("minItems"), 2), 1)
        return [_value(schema.get("items", {}), words, rng, depth + 1) for _ in range(min(count, _MOST))]
    if kind == "integer":
        return max(rng.randint(1, 99), _whole(schema.get("minimum"), 1))
    if kind == "number":
        return max(round(rng.uniform(1, 99), 2), float(_whole(schema.get("minimum"), 1)))
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "null":
        return None
    return "".join(words[:6]).strip().replace("\n", " ")


def _whole(value: object, default: int) -> int:
    return (
        int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 else default
    )
