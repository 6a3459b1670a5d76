"""loopscope: ``top`` for streaming LLM agents.

What programs may import: :func:`open`, :func:`summary`, :func:`compare`, and the types that they return (docs/api.md).
Each is loaded when it is first asked for: ``import loopscope`` alone costs nothing, in a measured process too.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Comparison": ("loopscope.model.comparison", "Comparison"),
    "InputError": ("loopscope.core.errors", "InputError"),
    "LoopscopeError": ("loopscope.core.errors", "LoopscopeError"),
    "METRICS": ("loopscope.model.metrics", "METRICS"),
    "Metric": ("loopscope.model.metrics", "Metric"),
    "Summary": ("loopscope.model.summary_types", "Summary"),
    "Trace": ("loopscope.api", "Trace"),
    "TraceError": ("loopscope.core.errors", "TraceError"),
    "compare": ("loopscope.api", "compare"),
    "open": ("loopscope.api", "open_trace"),
    "summary": ("loopscope.api", "summary"),
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'loopscope' has no attribute {name!r}")
    found: object = getattr(importlib.import_module(home[0]), home[1])
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
