"""The report."""

import subprocess
import sys

import pytest

from kit.tape import MS, ZERO, Rig, S, bye, calm, header, hello, lever, merged
from loopscope.core.records import Finding, Loss, Request
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.report.text import render


def folded(*streams: object) -> Fold:
    fold = Fold()
    for record in merged(*streams):
        fold.feed(record)
    return fold


def pulled() -> Fold:
    """A takeover at 8 s, a throttle at 20 s, a lever too late to say anything of, and a stall."""

    def lag(t: int) -> list[int]:
        return [70_100_000 if t == 5 * S else 150_000 + (t // MS) % 700_000] * 10

    return folded(
        header(),
        hello(),
        Rig(S // 2, 8 * S, lag=lag),
        hello(8 * S, "rig-2", "uvloop"),
        lever(8 * S + 1, "loop", "asyncio", "uvloop"),
        bye(9 * S),
        Rig(8 * S, 20 * S, proc="rig-2", loop="uvloop", elu=0.02, delay=200_000),
        lever(20 * S, "throttle", "off", "50"),
        Rig(20 * S, 32 * S, proc="rig-2", loop="uvloop", gap=20 * MS),
        lever(31 * S + 500 * MS, "decoder", "orjson", "json"),
    )


def report(fold: Fold, **more: object) -> str:
    return render(summary(fold), fold, **({"unicode": True} | more))


def flowing(text: str) -> str:
    """The report without its line ends, so that a sentence may be searched for."""
    return " ".join(text.split())


def test_the_tables_hold_what_was_measured() -> None:
    """Agents, loop, lag, ceiling, segments, levers: each with its planted figures."""
    text = flowing(report(pulled(), width=160))
    assert "agent-1 127.0.0.1:9001 " in text
    assert "loop uvloop busy (ELU)" in text
    assert "loop lag p50, p99, max" in text and "70.0 ms idle floor 100 us" in text
    assert "loop=uvloop 200 100 10.0 k 2.0 %" in text
    assert "20.0 throttle off 50 100 → 50.0 (-50 %)" in text
    assert "31.5 decoder orjson json –" in text


def test_it_ends_with_plain_sentences() -> None:
    """Each holds its number and says no more than was measured."""
    text = flowing(report(folded(*calm(12.0))))
    assert "2 agents received 2 300 chunks, each decoding at 100 tok/s while it streamed" in text
    assert "8 requests ended, none with an error." in text
    assert "asyncio was busy 5.0 % of the time: with this load's shape it can carry at least 4 000 chunks/s" in text
    assert "Half of the chunks were in hand 0.50 ms after the server's stamp" in text
    assert "No sample was dropped and no line was lost." in text
    assert text.endswith("the servers would be no faster.")


def test_each_lever_has_its_sentence() -> None:
    """What it did, or that there is not enough data to say so."""
    text = flowing(report(pulled()))
    assert "loop asyncio -> uvloop at 8.0 s: tok/s 100 to 100 (0 %), at least 4 000 to 10.0 k chunks/s (+150 %)" in text
    assert "decoder orjson -> json at 31.5 s: not enough data after it to say what it did." in text
    assert "Over the whole run, all settings together," in text


def test_what_waits_between_receipt_and_handling_is_told() -> None:
    """Decode batching costs no delay, but chunks wait: that side of the trade is in the sentence."""
    fold = folded(
        header(),
        hello(),
        Rig(S // 2, 10 * S),
        lever(10 * S, "batch", "off", "decode:50ms"),
        Rig(10 * S, 20 * S, handled=40 * MS),
    )
    assert "received to handled p99 0.02 to 40.0 ms" in flowing(report(fold))


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_asked(width: int, unicode: bool) -> None:
    """At any width between 60 and 200, charts and tables included."""
    text = report(pulled(), width=width, unicode=unicode)
    assert max(map(len, text.split("\n"))) <= width
    assert "throughput, chunks/s" in text


def test_widths_beyond_are_held() -> None:
    """A terminal of 20 columns gets 60, one of 1 000 gets 200."""
    fold = pulled()
    assert report(fold, width=20) == report(fold, width=60)
    assert report(fold, width=1_000) == report(fold, width=200)


def test_ascii_when_asked() -> None:
    """No character that an ASCII terminal cannot show, and still the same tables."""
    text = report(pulled(), unicode=False)
    assert text.isascii()
    assert "?" not in text
    assert "agent-1" in text


def test_colour_only_when_asked() -> None:
    """No escape sequence in a report for a pipe."""
    assert "\x1b" not in report(pulled())
    assert "\x1b" in report(pulled(), color=True)


def test_levers_are_marked_in_the_chart_and_named_below() -> None:
    """A vertical line at each pull, and a legend."""
    text = report(pulled(), width=100)
    assert "   8.0 s  loop=uvloop" in text
    assert "  20.0 s  throttle=50" in text
    top = next(line for line in text.split("\n") if line.strip().startswith("┌"))
    assert top.count("┬") == 3


def test_many_agents_are_summed_up() -> None:
    """Sixteen rows, the others in one line with their range."""
    fold = folded(header(40), hello(), *[Rig(S // 2, 6 * S, (n,), gap=(10 + n) * MS) for n in range(40)])
    text = flowing(report(fold))
    assert "and 24 more agents, 20.4 to 38.5 tok/s, 0 errors" in text
    assert "agent-16" in text
    assert "agent-17" not in text


def test_failures_and_losses_are_said() -> None:
    """Errors are counted in a sentence, losses with their reason, dropped samples never silently."""
    failed = Request(
        t_ns=ZERO + S, proc="rig-1", agent=0, request=0, outcome="cut", start_ns=ZERO, end_ns=ZERO + S, words="broke"
    )
    lost = Loss(t_ns=ZERO + S, what="lines", count=3, words="the disk is full")
    finding = Finding(t_ns=ZERO + S, name="stall", on=True, sentence="the loop was blocked for 300 ms")
    text = flowing(report(folded(*calm(8.0, more_pulse={"dropped": 9}), failed, lost, finding)))
    assert "1 with an error" in text
    assert "Lost: 3 lines: the disk is full." in text
    assert "9 samples found no room" in text
    assert "finding: stall (from 1.0 s to the end): the loop was blocked for 300 ms" in text
    assert "No sample was dropped" not in text


def test_findings_are_told_once_each_with_what_to_try() -> None:
    """Warnings before notes, what came twice is counted and told as it was last, with from when to when."""

    def told(second: int, name: str, on: bool = True, severity: str = "warn", sentence: str = "") -> Finding:
        return Finding(
            t_ns=ZERO + second * S, name=name, on=on, sentence=sentence, lever="throttle=off", severity=severity
        )

    text = report(
        folded(
            *calm(9.0),
            told(1, "server-bound", severity="note", sentence="The server sets the pace."),
            told(2, "backlog", sentence="Chunks wait."),
            told(4, "backlog", on=False),
            told(5, "backlog", sentence="Chunks wait again."),
            told(7, "backlog", on=False),
        )
    )
    said = [line for line in text.splitlines() if line.startswith(("finding: ", "note: "))]
    assert said == [
        "finding: backlog (from 5.0 s to 7.0 s, 2 times): Chunks wait again. Try: throttle=off.",
        "note: server-bound (from 1.0 s to the end): The server sets the pace. Try: throttle=off.",
    ]


def test_a_report_of_nothing() -> None:
    """No record at all, or agents that never got a word: a report that says so."""
    text = report(Fold())
    assert "no agent was heard of" in text
    assert "throughput: not enough data: no chunk came" in text
    silent = flowing(report(folded(header(), hello(), Rig(100 * MS, 5 * S, ()))))
    assert "2 agents received no chunk in 5.0 s; 0 requests ended, none with an error." in silent


def test_absent_signals_are_named() -> None:
    """No stamp, no utilisation: words, not zeros."""
    text = flowing(report(folded(*calm(8.0, elu=None, delay=None))))
    assert "How busy the loop was is not known" in text
    assert "Delivery delay is not known: no stamp." in text
    assert "delivery delay: no stamp" in text


def test_charts_are_loaded_only_when_drawn() -> None:
    """Importing the report does not import plotext."""
    code = "import sys, loopscope.report.text; print('plotext' in sys.modules)"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"
