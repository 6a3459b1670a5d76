"""The emulator answers as real servers did: 114 requests, and the shapes of what Ollama 0.33 and 0.24 sent back."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kit.emulators import emulator
from kit.wire_shapes import answer_shape, exchange

CASES = [json.loads(line) for line in (Path(__file__).parent / "ollama" / "wire.jsonl").read_text().splitlines()]
"""In the order in which they were asked: some depend on whether the model is in memory."""
RELEASES = ("0.33", "0.24")
LOADED_BEFORE = ("0.33",)
"""Where the model was in memory when the recording began."""
DIFFERENT: dict[tuple[str, str], str] = {}
"""Release and case that differ on purpose, with the reason that docs/emulator.md gives."""


@cache
def answers(release: str) -> dict[str, dict[str, Any]]:
    """Shapes of what an emulator of a release answers to every request."""
    with emulator("--model", "tiny", "--prefill-rate", "10000", "--seed", "1", "--as", release) as one:
        if release in LOADED_BEFORE:
            one.ask("POST", "/api/generate", {"model": "tiny"})
        return {case["case"]: answer_shape(exchange(one.port, case)) for case in CASES}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_answer_has_the_shape_of_a_real_one(case: dict[str, Any], release: str) -> None:
    """Status, headers in order, HTTP chunks, members in order, types, errors word by word."""
    real = case.get(release, case["0.33"])
    ours = answers(release)[case["case"]]
    if (release, case["case"]) in DIFFERENT:
        assert ours != real, "it no longer differs: strike it off the list, here and in docs/emulator.md"
    else:
        assert json.dumps(ours, indent=1) == json.dumps(real, indent=1)


def test_the_page_names_what_differs() -> None:
    """Each with its reason."""
    page = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text("utf-8").partition("## What is not")[2]
    for (release, name), reason in DIFFERENT.items():
        assert release in page and f"`{name}`" in page and reason in page


def test_at_least_105_of_the_114_are_alike() -> None:
    """What differs on purpose is the exception."""
    assert len(CASES) == 114
    assert sum(("0.33", case["case"]) not in DIFFERENT for case in CASES) >= 105
