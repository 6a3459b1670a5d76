"""The emulator's own endpoints."""

from itertools import pairwise

from kit.emulators import Emulated, emulator
from loopscope import __version__


def test_stats_say_what_it_is_and_what_it_did() -> None:
    """Figures of the run, of the card, and which faults wait."""
    with emulator("--model", "phi4", "--parallel", "3") as one:
        one.lines(model="phi4", options={"num_predict": 10})
        one.fault("stall", times=0)
        stats = one.stats()
    assert stats["emulator"] == __version__
    assert (stats["models"], stats["parallel"], stats["rate_tok_s"]) == (["phi4:latest"], 3, 2000)
    assert (stats["requests"], stats["chunks"], stats["messages"], stats["tokens"]) == (1, 10, 11, 10)
    assert stats["late_ns"]["p50"] <= stats["late_ns"]["p99"] <= stats["late_ns"]["max"]
    assert 4_000_000 < stats["gpu"]["busy_ns"] <= stats["up_ns"]
    assert stats["cpu_ns"] > 0
    assert [fault["fault"] for fault in stats["faults"]] == ["stall"]


def test_log_is_read_in_pieces() -> None:
    """since and limit; next is where to go on."""
    with emulator() as one:
        one.lines(options={"num_predict": 10})
        whole = one.log()
        piece = one.ask("GET", "/emulator/log?since=3&limit=4").json()
        assert (piece["first"], piece["next"], piece["total"]) == (3, 7, 10)
        assert piece["rows"] == whole["rows"][3:7]
        assert one.log(since=10)["rows"] == []


def test_log_with_nonsense_is_a_400(served: Emulated) -> None:
    """Numbers, please."""
    assert served.ask("GET", "/emulator/log?since=x").status == 400
    assert served.ask("GET", "/emulator/log?since=-5&limit=-5").json()["rows"] == []


def test_the_rate_changes_under_a_running_stream() -> None:
    """From its next token on a stream keeps the new pace, and requests to come have it too."""
    with emulator("--rate", "20") as one, one.link().post(options={"num_predict": 100_000}) as link:
        link.head()
        link.chunk()
        assert one.ask("POST", "/emulator/rate", {"tok_s": 5000}).json()["rate_tok_s"] == 5000
        for _ in range(50):
            link.chunk()
        rows = one.log()["rows"]
        gaps = [after[1] - before[1] for before, after in pairwise(rows[5:45])]
        assert set(gaps) == {200_000}  # what was meant, not when the machine had time for it
        assert one.ask("GET", "/emulator/rate").json()["rate_tok_s"] == 5000
        late = one.ask("GET", f"/emulator/stats?since={one.stats()['chunks'] - 5}").json()["late_ns"]
        assert late["max"] is not None


def test_a_rate_that_is_none_is_refused(served: Emulated) -> None:
    """Numbers above zero, please."""
    for body in ({"tok_s": 0}, {"tok_s": "x"}, {}, {"tok_s": 1e9}, [1]):
        assert served.ask("POST", "/emulator/rate", body).status == 400
    assert served.ask("GET", "/emulator/stats?since=x").status == 400
    assert served.stats()["rate_tok_s"] == 2000
