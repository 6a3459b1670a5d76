"""Ollama's ``/api/chat``: as ``/api/generate``, with what is said one floor down in ``message``."""

from typing import Any

from loopscope.streams.dialect import NDJSON, Account, Asked, Dialect, Loads, Meaning
from loopscope.streams.dialects import ollama


def _body(asked: Asked) -> dict[str, Any]:
    body = ollama.body(asked)
    body["messages"] = [{"role": "user", "content": body.pop("prompt")}]
    return body


def _read(line: bytes, loads: Loads, account: Account) -> Meaning:
    if not line:
        return False, None
    try:
        message = loads(line)
        if message["done"] is False and message["message"]["content"]:
            return True, message["created_at"]
    except (LookupError, TypeError):
        return ollama.take(message, account, line)
    except (ValueError, RecursionError):
        message = ollama.decoded(line, loads)
        return (False, None) if message is None else ollama.take(message, account, line)
    return ollama.take(message, account, line)


def _hear(message: Any, account: Account) -> Meaning:
    if message.done is False and message.message.content:
        return True, message.created_at
    return ollama.take(message.model_dump(exclude_unset=True), account)


def _knows(message: dict[str, Any]) -> bool:
    return ollama.knows(message) and "message" in message


DIALECT = Dialect(
    "ollama-chat", "ollama", "/api/chat", "/api/chat", NDJSON, _body, _read, ollama.take, _knows, _hear, ollama.skim
)
