"""Check the options of a request and count the tokens of its prompt."""

from typing import Any

from loopscope.emulator.answers import ApiError

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
