"""Decode request bodies as Go does: as tolerant (names in any case, bytes after the value), with its error messages."""

import json
from typing import Any

from loopscope.emulator.answers import ApiError

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int": (int,),
    "float64": (int, float),
    "[]string": (list,),
    "map[string]interface {}": (dict,),
    "[]api.Message": (list,),
    "[]openai.Message": (list,),
    "openai.StreamOptions": (dict,),
    "openai.ResponseFormat": (dict,),
    "[]int": (list,),
}


def read_object(body: bytes, struct: str, fields: dict[str, str]) -> dict[str, Any]:
    """Read a JSON object; ``fields`` maps members to Go types, others pass unchecked, ``null`` counts as absent.

    Raises:
        ApiError: 400, with the text that Go's decoder has for it.
    """
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise ApiError(400, "missing request body")
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise ApiError(400, _words(error, text)) from error
    except RecursionError as error:
        raise ApiError(400, "exceeded max depth") from error
    except ValueError as error:  # an integer of more than 4 300 digits, or NaN
        raise ApiError(400, f"json: cannot unmarshal number into Go value of type api.{struct}") from error
    if not isinstance(value, dict):
        raise ApiError(400, f"json: cannot unmarshal {_kind(value)} into Go value of type api.{struct}")
    found: dict[str, Any] = {}
    for name, member in value.items():
        key = name if name in fields else name.lower()
        if member is None:
            continue
        kind = fields.get(key)
        if kind is not None and not _fits(member, kind):
            raise ApiError(
                400, f"json: cannot unmarshal {_kind(member)} into Go struct field {struct}.{key} of type {kind}"
            )
        found[key] = member
    return found


def _no_constant(name: str) -> float:
    raise json.JSONDecodeError("Expecting value", name, 0)


def _fits(value: object, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "bool" or not isinstance(value, bool))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array"}.get(type(value), "object")


def _words(error: json.JSONDecodeError, text: str) -> str:
    if error.doc != text:  # NaN, Infinity: found where a value should begin
        return f"invalid character {_quoted(error.doc[:1])} looking for beginning of value"
    place = error.pos
    if error.msg.startswith("Unterminated string") or place >= len(text):
        return "unexpected EOF"
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
