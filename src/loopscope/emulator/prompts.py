"""From a request's options to what will be said: how many tokens, which, and why it ends."""

import random
import zlib
from typing import Any

from loopscope.emulator.answers import ApiError
from loopscope.emulator.corpus import TOKENS, Text, text_of
from loopscope.emulator.options import Options
from loopscope.emulator.reply import Script

MAX_TOKENS = 10_000_000
MAX_WHOLE_TOKENS = 1_000_000
"""Where no stream was asked for, the answer is made in memory at its end."""
_TEMPLATE_TOKENS = 10
"""What a chat template adds to a prompt, about."""

_INT, _FLOAT, _BOOL, _LIST = "integer", "float32", "boolean", "array of strings"
_OPTION_KINDS: dict[str, str] = (
    dict.fromkeys(
        (
            "num_keep",
            "seed",
            "num_predict",
            "top_k",
            "repeat_last_n",
            "num_ctx",
            "num_batch",
            "num_gpu",
            "main_gpu",
            "num_thread",
            "draft_num_predict",
        ),
        _INT,
    )
    | dict.fromkeys(
        ("top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"),
        _FLOAT,
    )
    | {"use_mmap": _BOOL, "stop": _LIST}
)
_RUNNER_OPTIONS: dict[str, object] = {
    "num_ctx": 4096,
    "num_batch": 512,
    "num_gpu": -1,
    "main_gpu": 0,
    "use_mmap": None,
    "num_thread": 0,
    "draft_num_predict": 0,
}
"""A request that differs in one of these makes the model load again; with what holds where it says nothing."""
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the"
    " context length in settings, or use a model with a longer context length"
)


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Check types as Ollama does; unknown options are ignored.

    Raises:
        ApiError: 500 (not 400, as Ollama has it), naming the option and its type.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        kind = _OPTION_KINDS.get(name)
        if kind is None or value is None:
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = {
            _INT: number and abs(value) < 2**63,
            _FLOAT: number,
            _BOOL: isinstance(value, bool),
            _LIST: isinstance(value, list) and all(isinstance(word, str) for word in value),
        }[kind]
        if not fits:
            raise ApiError(500, f'option "{name}" must be of type {kind}')
        found[name] = int(value) if kind == _INT else value
    return found


def runner_options(options: dict[str, Any]) -> tuple[object, ...]:
    """Return what the model must be loaded with: ``num_ctx`` first."""
    return tuple(options.get(name, default) for name, default in _RUNNER_OPTIONS.items())


def same_runner(asked: tuple[object, ...], loaded: tuple[object, ...]) -> bool:
    """Return whether a loaded model will do; ``num_gpu`` below 0 leaves it to the server and so fits any."""
    gpu = list(_RUNNER_OPTIONS).index("num_gpu")
    wanted = asked[gpu]
    left_open = isinstance(wanted, int) and wanted < 0
    return all(a == b or (left_open and n == gpu) for n, (a, b) in enumerate(zip(asked, loaded, strict=True)))


def count_tokens(prompt: str, *, template: bool) -> int:
    """Return the number of tokens of a prompt: about four bytes each, and what the template adds."""
    return max(1, (len(prompt.encode("utf-8", "replace")) + 3) // 4) + (_TEMPLATE_TOKENS if template else 0)


def script_of(server: Options, number: int, prompt: str, options: dict[str, Any], form: object = None) -> Script:
    """Decide what will be said.

    The same seed says the same: the request's own if it has one, else the server's and the number of the request. At
    temperature 0 the prompt alone decides, as with a real model.
    """
    seed = options.get("seed", -1)
    if options.get("temperature") == 0:
        key = f"greedy/{zlib.crc32(prompt.encode('utf-8', 'replace'))}"
    else:
        key = f"request/{seed}" if seed >= 0 else f"server/{server.seed}/{number}"
    rng = random.Random(key)  # noqa: S311 - no secret
    text = text_of(server.text)
    start = rng.randrange(TOKENS)
    limit = options.get("num_predict", -1)
    if limit < 0:
        spoken, eos = max(1, min(MAX_TOKENS, round(server.tokens * rng.lognormvariate(-0.06125, 0.35)))), True
    else:
        spoken, eos = min(limit, MAX_TOKENS), False
    script = Script(text, start, spoken, eos, "stop" if eos else "length")
    if form:
        return _formed(script)
    stops = [word for word in options.get("stop", ()) if word]
    return _stopped(script, stops) if stops else script


def _formed(script: Script) -> Script:
    """Answer a request for JSON: one object that holds the words, then the end token; cut where the limit says."""
    texts = text_of("words").texts  # plain ones, whatever the mode: they stand in a string within a string
    words = [texts[(script.start + n) % TOKENS].replace("\n", " ") for n in range(min(script.spoken, 40))]
    tokens = ["{", '"', "answer", '":', ' "', *words, '"', "}"]
    if script.eos or script.spoken >= len(tokens):
        return Script(Text(tokens), 0, len(tokens), True, "stop")
    return Script(Text(tokens), 0, script.spoken)


def _stopped(script: Script, stops: list[str]) -> Script:
    """Hold back what could begin a stop string; end, without it, where one is complete."""
    shown: list[str] = []
    held = ""
    for n in range(min(script.spoken, 100_000)):
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
