"""llama.cpp's own ``/completion``: events without ``[DONE]``, the last one has ``stop`` and its account."""

from typing import Any

from loopscope.streams import events
from loopscope.streams.dialect import EVENTS, Account, Asked, Dialect, Meaning, count, raise_error
from loopscope.streams.dialects import openai


def _body(asked: Asked) -> dict[str, Any]:
    return {"prompt": asked.prompt, "n_predict": asked.tokens, "stream": True, **asked.options}


def _take(message: dict[str, Any], account: Account) -> Meaning:
    raise_error(message)
    if message.get("stop") is True:
        account.done = True
        account.tokens = count(message.get("tokens_predicted"))
        account.prompt_tokens = count(message.get("tokens_evaluated"))
        timings = message.get("timings")
        if isinstance(timings, dict):
            openai.take_timings(timings, account)
    return bool(message.get("content")), None


def _knows(message: dict[str, Any]) -> bool:
    return "content" in message and isinstance(message.get("stop"), bool)


DIALECT = Dialect(
    "llamacpp",
    "openai",
    "/completion",
    "/completion",
    EVENTS,
    _body,
    events.reader(_take),
    _take,
    _knows,
    emulated=False,
)
