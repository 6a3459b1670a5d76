"""OpenAI's older ``/v1/completions``: a prompt instead of messages, text instead of deltas."""

from typing import Any

from loopscope.streams import events
from loopscope.streams.dialect import EVENTS, Asked, Dialect
from loopscope.streams.dialects import openai


def _body(asked: Asked) -> dict[str, Any]:
    body = openai.body(asked)
    del body["messages"]
    return {**body, "prompt": asked.prompt}


DIALECT = Dialect(
    "openai-completions",
    "openai",
    "/v1/completions",
    "/completions",
    EVENTS,
    _body,
    events.reader(openai.take),
    openai.take,
    openai.knows,
)
