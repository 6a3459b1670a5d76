"""OpenAI's ``/v1/chat/completions``, as OpenAI, vLLM, llama.cpp, Ollama and many more stream it."""

from typing import Any

from loopscope.streams import events
from loopscope.streams.dialect import EVENTS, Account, Asked, Dialect, Meaning, count, raise_error

_SAID = ("content", "reasoning_content", "reasoning", "tool_calls", "function_call", "refusal", "audio")
"""Members of a delta that hold what the model has generated."""


def body(asked: Asked) -> dict[str, Any]:
    """Return what is asked for."""
    return {
        "model": asked.model,
        "messages": [{"role": "user", "content": asked.prompt}],
        "max_tokens": asked.tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        **asked.options,
    }


def take(message: dict[str, Any], account: Account) -> Meaning:
    """Read a message: a delta of any of the choices, usage, llama.cpp's timings, an error."""
    choices = message.get("choices")
    if not choices or "error" in message:
        raise_error(message)
    usage = message.get("usage")
    if usage and isinstance(usage, dict) and usage.get("completion_tokens"):
        account.tokens = count(usage.get("completion_tokens"))
        account.prompt_tokens = count(usage.get("prompt_tokens"))
    timings = message.get("timings")
    if timings and isinstance(timings, dict):
        take_timings(timings, account)
    has_content = False
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict):
                has_content = _says(choice) or has_content
                if choice.get("finish_reason"):
                    account.finished = True
    return has_content, None


def _says(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta") or choice.get("message")
    if isinstance(delta, dict):
        return bool(delta.get("content")) or any(delta.get(member) for member in _SAID)
    return bool(choice.get("text"))


def take_timings(timings: dict[str, Any], account: Account) -> None:
    """Take llama.cpp's own account (ms) where it comes; ``prompt_n`` leaves the cached tokens out."""
    for member, target in (("prompt_ms", "prompt_ns"), ("predicted_ms", "eval_ns")):
        value = timings.get(member)
        if isinstance(value, int | float) and 0 <= value < 1e12:
            setattr(account, target, round(value * 1e6))
    if (predicted := count(timings.get("predicted_n"))) is not None:
        account.tokens = predicted
    cached, evaluated = count(timings.get("cache_n")), count(timings.get("prompt_n"))
    if evaluated is not None and account.prompt_tokens is None:
        account.prompt_tokens = evaluated + (cached or 0)


def knows(message: dict[str, Any]) -> bool:
    """Say whether a message is OpenAI's: each of them has choices, be it none."""
    return isinstance(message.get("choices"), list)


DIALECT = Dialect(
    "openai", "openai", "/v1/chat/completions", "/chat/completions", EVENTS, body, events.reader(take), take, knows
)
