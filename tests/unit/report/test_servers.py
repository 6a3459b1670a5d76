"""The table of servers, and the same as data."""

import json

from loopscope.report.servers import as_data, table
from loopscope.session.probe import Found, Loaded, Model

GIB = 1 << 30
OLLAMA = Found(
    "http://127.0.0.1:11434",
    "",
    "ollama",
    "Ollama",
    "0.33.0",
    tuple(Model(f"m{n}:1", GIB) for n in range(6)),
    (Loaded("m0:1", 5 * GIB, 5 * GIB, 4096), Loaded("m1:1", 4 * GIB, 3 * GIB, 4096), Loaded("m2:1", GIB, 0)),
    listening=True,
)
LLAMA = Found("http://127.0.0.1:8080", "", "openai", "llama.cpp", "", (Model("x"),), (Loaded("x"),), 2, listening=True)
NOBODY = Found("http://127.0.0.1:11435", "nothing listens there (connection refused)")


def test_row_tells_server_models_memory_and_parallel() -> None:
    """VRAM in full, in part or none; more than four models are counted; what is not told is not made up."""
    row = table([OLLAMA]).splitlines()[1]
    assert row.startswith("127.0.0.1:11434  Ollama 0.33.0  m0:1, m1:1, m2:1, m3:1 +2  ")
    assert "m0:1 (5.0 GiB VRAM, context 4096)" in row
    assert "m1:1 (3.0 GiB of 4.0 GiB VRAM, context 4096)" in row
    assert "m2:1 (CPU only)" in row
    assert row.endswith("  not told")


def test_columns_line_up_and_a_silent_address_has_its_reason() -> None:
    """Every cell begins under its heading; an address without a server gives the reason instead."""
    head, first, second, third = table([LLAMA, NOBODY, OLLAMA]).splitlines()
    assert first[head.index("SERVER") :].startswith("llama.cpp")
    assert first[head.index("LOADED") :].startswith("x")
    assert first[head.index("PARALLEL") :] == "2"
    assert second[head.index("SERVER") :] == "– nothing listens there (connection refused)"
    assert third[head.index("SERVER") :].startswith("Ollama")


def test_nobody_at_all_is_still_a_table() -> None:
    """With no server there are the headings and the reasons."""
    assert table([NOBODY]).splitlines()[1] == "127.0.0.1:11435  – nothing listens there (connection refused)"


def test_data_is_json_with_null_for_what_is_not_told() -> None:
    """The same facts for programs."""
    one, two = json.loads(json.dumps(as_data([OLLAMA, NOBODY])))
    assert (one["reachable"], one["kind"], one["parallel"], one["reason"]) == (True, "Ollama", None, None)
    assert one["loaded"][0] == {"name": "m0:1", "size_bytes": 5 * GIB, "vram_bytes": 5 * GIB, "context": 4096}
    assert (two["reachable"], two["models"], two["version"]) == (False, [], None)
    assert two["reason"] == NOBODY.reason
