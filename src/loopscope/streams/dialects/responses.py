"""OpenAI's ``/v1/responses``: each event has a type, ``response.completed`` is the last and holds the usage."""

from typing import Any

from loopscope.streams import events
from loopscope.streams.dialect import EVENTS, Account, Asked, Dialect, Meaning, count, raise_error, server_error

_LAST = ("response.completed", "response.incomplete")


def _body(asked: Asked) -> dict[str, Any]:
    return {
        "model": asked.model,
        "input": asked.prompt,
        "max_output_tokens": asked.tokens,
        "stream": True,
        **asked.options,
    }


def _take(message: dict[str, Any], account: Account) -> Meaning:
    kind = message.get("type")
    if not isinstance(kind, str) or not kind.startswith("response."):
        raise_error(message)
        return False, None
    if kind.endswith(".delta"):  # text, reasoning, a refusal, arguments of a call; ".done" repeats it whole
        return bool(message.get("delta")), None
    if kind in _LAST:
        account.done = True
        _usage(message.get("response"), account)
    elif kind == "response.failed":
        inner = message.get("response")
        raise server_error((inner.get("error") if isinstance(inner, dict) else None) or "the response failed")
    return False, None


def _usage(response: object, account: Account) -> None:
    usage = response.get("usage") if isinstance(response, dict) else None
    if isinstance(usage, dict):
        account.tokens = count(usage.get("output_tokens"))
        account.prompt_tokens = count(usage.get("input_tokens"))


def _knows(message: dict[str, Any]) -> bool:
    kind = message.get("type")
    return isinstance(kind, str) and kind.startswith("response.")


DIALECT = Dialect(
    "responses",
    "openai",
    "/v1/responses",
    "/responses",
    EVENTS,
    _body,
    events.reader(_take),
    _take,
    _knows,
)
