"""Decide what a request is answered with: how many tokens, which, and why they end."""

import random
import zlib
from dataclasses import dataclass
from typing import Any

from loopscope.emulator.corpus import TOKENS, Text, text_of
from loopscope.emulator.options import Options
from loopscope.emulator.script import Script, ToolCall
from loopscope.emulator.structured import schema_json, structured_tokens

MAX_TOKENS = 10_000_000
MAX_WHOLE_TOKENS = 1_000_000
"""Where no stream was asked for, the answer is made in memory at its end."""
MAX_OWN_TOKENS = 100_000
"""An answer that is not a piece of the shared text is made in memory at its beginning: 30 MB of lines at most."""
_CALL_TOKENS = 12
"""What the text of a tool call takes, about; a server keeps it back until it is whole."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants besides text. ``own``: a text of its own, whose lines carry numbers."""

    form: object = None
    """``"json"`` or a schema."""
    think: bool = False
    tool: tuple[str, Any] | None = None
    """Name and parameter schema of a tool to call."""
    top_logprobs: int = -1
    own: bool = False


def write_script(server: Options, number: int, prompt: str, options: dict[str, Any], wish: Wish) -> Script:
    """Decide what will be said.

    The same seed says the same: the request's own if it has one, else the server's and the number of the request. At
    temperature 0 the prompt alone decides, as with a real model.
    """
    rng = random.Random(_key(server, number, prompt, options))  # noqa: S311 - no secret
    text = text_of(server.text)
    start = rng.randrange(TOKENS)
    limit = min(options.get("num_predict", -1), MAX_TOKENS)
    free = limit <= 0  # 0 limits nothing, as with llama.cpp
    if free:
        limit = max(1, min(MAX_TOKENS, round(server.tokens * rng.lognormvariate(-0.06125, 0.35))))
    script = Script(text, start, limit, free, "stop" if free else "length")
    if wish.form:
        script = _structured(script, wish.form, rng)
    elif wish.tool is not None:
        script = _calling(script, wish.tool, rng)
    else:
        stops = [word for word in options.get("stop", ()) if word]
        if stops:
            script = _stopped(script, stops)
        elif wish.own or wish.think or wish.top_logprobs >= 0:
            script = _owned(script)
    if wish.think:
        script = _thinking(script, limit if not free else MAX_OWN_TOKENS, rng)
    return script._replace(top_logprobs=wish.top_logprobs)


def _key(server: Options, number: int, prompt: str, options: dict[str, Any]) -> str:
    seed = options.get("seed", -1)
    if options.get("temperature") == 0:
        return f"greedy/{zlib.crc32(prompt.encode('utf-8', 'replace'))}"
    return f"request/{seed}" if seed >= 0 else f"server/{server.seed}/{number}"


def _owned(script: Script) -> Script:
    """Return the same as a text of its own; a very long one is cut."""
    spoken = min(script.spoken, MAX_OWN_TOKENS)
    cut = spoken < script.spoken
    own = script._replace(text=script.text.cut(script.start, spoken), start=0, spoken=spoken)
    return own._replace(eos=False, reason="length") if cut else own


def _plain_words(script: Script, count: int) -> list[str]:
    """Return words of the plain text, whatever the mode: they stand in a string within a string."""
    texts = text_of("words").texts
    return [texts[(script.start + n) % TOKENS] for n in range(count)]


def _within(tokens: list[str], script: Script) -> Script:
    """Say these tokens, then the end token; as many as the limit lets."""
    if script.eos or script.spoken >= len(tokens):
        return Script(Text(tokens), 0, len(tokens), True, "stop")
    return Script(Text(tokens), 0, script.spoken)


def _structured(script: Script, form: object, rng: random.Random) -> Script:
    return _within(structured_tokens(form, _plain_words(script, min(script.spoken, 40)), rng), script)


def _calling(script: Script, tool: tuple[str, Any], rng: random.Random) -> Script:
    """Call a tool: tokens that show nothing, then the call as one message."""
    name, parameters = tool
    schema = parameters if isinstance(parameters, dict) else {"type": "object"}
    arguments = schema_json({"type": "object"} | schema, _plain_words(script, 6), rng)
    calling = _within([*[""] * _CALL_TOKENS, "call"], script)
    if calling.spoken <= _CALL_TOKENS:
        return calling  # cut off before the call was whole
    return calling._replace(call=ToolCall(f"call_{rng.randrange(16**8):08x}", name, arguments))


def _thinking(script: Script, limit: int, rng: random.Random) -> Script:
    """Put thoughts before what is said; the limit holds for both."""
    count = min(rng.randint(12, 48), limit)
    thoughts = text_of("words").cut(rng.randrange(TOKENS), count)
    spoken = min(script.spoken, limit - count)
    own = script.text.cut(script.start, spoken)
    text = Text(thoughts.texts + own.texts, thoughts.fragments + own.fragments)
    cut = spoken < script.spoken
    return script._replace(
        text=text,
        start=0,
        spoken=count + spoken,
        thinking=count,
        eos=script.eos and not cut,
        reason="length" if cut else script.reason,
        call=None if cut else script.call,
    )


def _stopped(script: Script, stops: list[str]) -> Script:
    """Hold back what could begin a stop string; end, without it, where one is complete."""
    shown: list[str] = []
    held = ""
    for n in range(min(script.spoken, MAX_OWN_TOKENS)):
        held += script.text.texts[(script.start + n) % TOKENS]
        found = min((place for place in map(held.find, stops) if place >= 0), default=-1)
        if found >= 0:
            shown.append(held[:found])
            return Script(Text(shown), 0, len(shown), False, "stop")
        if any(held.endswith(word[:size]) for word in stops for size in range(1, len(word))):
            shown.append("")  # all of it, as llama.cpp does: tokens are held whole
        else:
            shown.append(held)
            held = ""
    if held and shown:
        shown[-1] += held  # the end lets go what was held
    return Script(Text(shown), 0, len(shown), script.eos, script.reason)
