"""What answers where: a table for people, plain data for programs."""

from collections.abc import Sequence
from typing import Any

from loopscope.core.format import NONE
from loopscope.session.probe import Found, Loaded
from loopscope.session.urls import short
from loopscope.session.vram import gib

_SHOWN = 4
"""Models named in a row; more are counted."""
_HEAD = ("ADDRESS", "SERVER", "MODELS", "LOADED", "PARALLEL")


def as_data(found: Sequence[Found]) -> list[dict[str, Any]]:
    """One object a server, for ``--json``; ``null`` where it does not tell."""
    return [
        {
            "url": server.url,
            "reachable": server.reachable,
            "reason": server.reason or None,
            "kind": server.kind or None,
            "api": server.api or None,
            "version": server.version or None,
            "models": [
                {"name": model.name, "size_bytes": model.size_bytes, "context": model.context}
                for model in server.models
            ],
            "loaded": [
                {
                    "name": one.name,
                    "size_bytes": one.size_bytes,
                    "vram_bytes": one.vram_bytes,
                    "context": one.context,
                }
                for one in server.loaded
            ],
            "parallel": server.slots,
        }
        for server in found
    ]


def table(found: Sequence[Found]) -> str:
    """Rows of the servers, one line each; without a line end at the end."""
    rows = [_HEAD, *(_row(server) for server in found)]
    answering = [row for row in rows if len(row) == len(_HEAD)]
    widths = [max(len(row[column]) for row in answering) for column in range(len(_HEAD))]
    widths[0] = max(len(row[0]) for row in rows)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    )


def _row(server: Found) -> tuple[str, ...]:
    if not server.reachable:
        return short(server.url), f"{NONE} {server.reason}"
    names = [model.name for model in server.models]
    more = f" +{len(names) - _SHOWN}" if len(names) > _SHOWN else ""
    models = ", ".join(names[:_SHOWN]) + more if names else "none"
    loaded = ", ".join(map(_loaded, server.loaded)) if server.loaded else NONE
    # Ollama never tells how many streams a model takes at once (OLLAMA_NUM_PARALLEL, 1 unless set).
    return short(server.url), server.title, models, loaded, "not told" if server.slots is None else str(server.slots)


def _loaded(one: Loaded) -> str:
    facts: list[str] = []
    if one.vram_bytes == 0:
        facts.append("CPU only")
    elif one.vram_bytes is not None:
        part = one.size_bytes is not None and one.vram_bytes < one.size_bytes
        whole = f" of {gib(one.size_bytes)}" if part and one.size_bytes is not None else ""
        facts.append(f"{gib(one.vram_bytes)}{whole} VRAM")
    if one.context is not None:
        facts.append(f"context {one.context}")
    return f"{one.name} ({', '.join(facts)})" if facts else one.name
