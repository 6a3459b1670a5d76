"""Anthropic's ``/v1/messages``, which Ollama and vLLM serve as well: named events, ``message_stop`` is the last."""

from typing import Any

from loopscope.streams import events
from loopscope.streams.dialect import EVENTS, Account, Asked, Dialect, Meaning, count, raise_error

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""What is read from a cache, or put there, is not counted in the first."""
_SAID = ("text", "partial_json", "thinking")
_EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
    }
)


def _body(asked: Asked) -> dict[str, Any]:
    return {
        "model": asked.model,
        "messages": [{"role": "user", "content": asked.prompt}],
        "max_tokens": asked.tokens,
        "stream": True,
        **asked.options,
    }


def _take(message: dict[str, Any], account: Account) -> Meaning:
    kind = message.get("type")
    if kind == "content_block_delta":
        delta = message.get("delta")
        return isinstance(delta, dict) and any(delta.get(member) for member in _SAID), None
    if kind == "content_block_start":
        block = message.get("content_block")
        # The name of a tool is the model's own word: the first that comes of a turn that calls one.
        return isinstance(block, dict) and bool(block.get("text") or block.get("thinking") or block.get("name")), None
    if kind == "message_stop":
        account.done = True
    elif kind == "message_start":
        inner = message.get("message")
        _usage(inner.get("usage") if isinstance(inner, dict) else None, account, final=False)
    elif kind == "message_delta":
        delta = message.get("delta")
        account.finished = account.finished or (isinstance(delta, dict) and bool(delta.get("stop_reason")))
        _usage(message.get("usage"), account, final=True)
    else:
        raise_error(message)
    return False, None


def _usage(usage: object, account: Account, *, final: bool) -> None:
    """Take the counts: those of the prompt come first, those of the answer grow until the last."""
    if not isinstance(usage, dict):
        return
    parts = [count(usage.get(member)) for member in _PROMPT]
    if any(parts):
        account.prompt_tokens = sum(part or 0 for part in parts)
    if final:
        account.tokens = count(usage.get("output_tokens"))


def _knows(message: dict[str, Any]) -> bool:
    return message.get("type") in _EVENTS


DIALECT = Dialect(
    "anthropic",
    "openai",
    "/v1/messages",
    "/v1/messages",
    EVENTS,
    _body,
    events.reader(_take),
    _take,
    _knows,
)
