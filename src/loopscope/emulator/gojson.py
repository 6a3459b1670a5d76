"""Decode request bodies as Go does: as tolerant (names in any case, bytes after the value), with its error messages."""

import json
from typing import Any

from loopscope.emulator.answers import ApiError, Stage

_SCALARS: dict[str, tuple[type, ...]] = {"string": (str,), "bool": (bool,), "int": (int,), "float64": (int, float)}


def read_object(body: bytes, struct: str, fields: dict[str, str], *, middleware: bool = False) -> dict[str, Any]:
    """Read a JSON object; ``fields`` maps members to Go types, others pass unchecked, ``null`` counts as absent.

    ``middleware``: it is one of the dialects that are translated before the handler.

    Raises:
        ApiError: 400, with the text that Go's decoder has for it.
    """
    stage = Stage.READING if middleware else Stage.HANDLING
    try:
        return _read(body, struct, fields)
    except _NothingError as error:
        raise ApiError(400, "EOF" if middleware else "missing request body", stage) from error
    except ValueError as error:
        raise ApiError(400, str(error), stage) from error


class _NothingError(Exception):
    """The body is empty."""


def _read(body: bytes, struct: str, fields: dict[str, str]) -> dict[str, Any]:
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise _NothingError
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(_words(error, text)) from error
    except RecursionError as error:
        raise ValueError("exceeded max depth") from error
    except ValueError as error:  # an integer of more than 4 300 digits, or NaN
        raise ValueError(f"json: cannot unmarshal number into Go value of type api.{struct}") from error
    if not isinstance(value, dict):
        raise ValueError(f"json: cannot unmarshal {kind_of(value)} into Go value of type api.{struct}")
    found: dict[str, Any] = {}
    for name, member in value.items():
        key = name if name in fields else name.lower()
        if member is None:
            continue
        kind = fields.get(key)
        if kind is not None and not _fits(member, kind):
            place = f"{struct}.{key} of type {kind}"
            raise ValueError(f"json: cannot unmarshal {kind_of(member)} into Go struct field {place}")
        found[key] = member
    return found


def _no_constant(name: str) -> float:
    raise json.JSONDecodeError("Expecting value", name, 0)


def _fits(value: object, kind: str) -> bool:
    types = _SCALARS.get(kind) or ((list,) if kind.startswith("[]") or kind == "api.Tools" else (dict,))
    return isinstance(value, types) and (kind == "bool" or not isinstance(value, bool))


def kind_of(value: object) -> str:
    """Return what Go's decoder calls the type of a value."""
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array"}.get(type(value), "object")


def _in_literal(text: str, place: int) -> str | None:
    """Return the error within ``null``, ``true`` or ``false``, ``None`` where none of them begins."""
    literal = {"n": "null", "t": "true", "f": "false"}.get(text[place])
    if literal is None:
        return None
    for n, expected in enumerate(literal):
        found = text[place + n : place + n + 1]
        if not found:
            return "unexpected EOF"
        if found != expected:
            return f"invalid character {_quoted(found)} in literal {literal} (expecting {_quoted(expected)})"
    return None


def _words(error: json.JSONDecodeError, text: str) -> str:
    if error.doc != text:  # NaN, Infinity: found where a value should begin
        return f"invalid character {_quoted(error.doc[:1])} looking for beginning of value"
    place = error.pos
    if error.msg.startswith("Unterminated string") or place >= len(text):
        return "unexpected EOF"
    if error.msg.startswith("Expecting value") and (words := _in_literal(text, place)) is not None:
        return words
    character = _quoted(text[place])
    for begin, words in (
        ("Expecting value", "looking for beginning of value"),
        ("Expecting property name", "looking for beginning of object key string"),
        ("Illegal trailing comma", "looking for beginning of object key string"),
        ("Expecting ':'", "after object key"),
        ("Expecting ','", "after object key:value pair"),
        ("Invalid control character", "in string literal"),
    ):
        if error.msg.startswith(begin):
            return f"invalid character {character} {words}"
    return f"invalid character {_quoted(text[place + 1 : place + 2] or text[place])} in string escape code"


def _quoted(character: str) -> str:
    return {"'": "'\\''", '"': "'\"'", "\n": "'\\n'", "\r": "'\\r'", "\t": "'\\t'"}.get(character, f"'{character}'")
