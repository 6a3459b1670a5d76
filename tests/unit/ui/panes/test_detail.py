"""One agent, closely."""

from dataclasses import replace

import pytest

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import Quantiles
from loopscope.ui.panes import detail
from loopscope.ui.view import View
from ui.fakes import FakeSource

VIEW = View(snapshot=FakeSource(2, failing=(1,)).snapshot(), selected=1)
AGENT = VIEW.snapshot.agents[0]


def q(p99: float | None) -> Quantiles:
    """Quantiles with that p99."""
    return Quantiles(100, p99, p99, p99, p99)


def test_identity() -> None:
    """State with its words, endpoint, model, what it has done."""
    shown = text_of(detail.identity(VIEW, 120, 5))
    for words in ("agent-2", "retrying", "connection refused", "http://127.0.0.1:41232", "emulated-7b", "4 errors"):
        assert words in shown


@pytest.mark.parametrize(
    ("client", "server", "says"),
    [
        (12.0, 12.1, "as the server made it"),
        (37.4, 12.6, "24.8 ms longer than the server made it (37.4 against 12.6 ms)"),
        (1.0, 10.4, "9.40 ms shorter than the server made it: chunks arrive in clumps"),
        (None, 10.0, "cannot be compared: not enough data"),
    ],
)
def test_the_clients_gap_against_the_servers(client: float | None, server: float | None, says: str) -> None:
    """A difference of five per cent is none; clumping is named."""
    assert says in detail.gap_sentence(replace(AGENT, gap_ms=q(client), server_gap_ms=q(server)))


def test_requests() -> None:
    """Newest first, failures with their words, unknown tokens as a dash."""
    recent = (replace(AGENT.recent[0], tokens=None, ttft_ms=None), *AGENT.recent[1:])
    view = View(snapshot=replace(VIEW.snapshot, agents=(replace(AGENT, recent=recent),)))
    lines = text_of(detail.requests(view, 120, 8)).splitlines()
    assert lines[2].split()[2:4] == ["12", "–"]
    assert "✗ cut: connection broke after 118 chunks" in lines[4]
    assert len(lines) == 8


def test_quantiles_and_no_stamp() -> None:
    """Five lines of five figures; without a stamp the reason stands below."""
    view = View(snapshot=replace(VIEW.snapshot, agents=(replace(AGENT, delay_words="no stamp", delay_ms=Quantiles()),)))
    shown = text_of(detail.quantiles(view, 80, 12))
    for words in ("TTFT", "ITL", "client gap", "server gap", "delivery delay", "no delivery delay: no stamp"):
        assert words in shown


def test_an_agent_that_has_gone() -> None:
    """With nobody left each pane says so."""
    for draw in (detail.identity, detail.quantiles, detail.rate_chart, detail.requests):
        assert "n" in text_of(draw(View(), 80, 8))
        assert "no agents" in text_of(draw(View(), 80, 8)) or "none has ended" in text_of(draw(View(), 80, 8))
