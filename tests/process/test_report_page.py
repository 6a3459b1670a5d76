"""The HTML report in a real browser: it draws, answers to pointing, loads nothing, and runs nothing from a trace."""

import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kit.browser import Page, browser, found
from kit.processes import run
from kit.tape import MS, ZERO, Rig, S, header, hello, lever, merged
from loopscope.core.codec import encode
from loopscope.core.records import AgentSpec, Finding, Loss, Mark, Server, Stall, Trailer

BROWSER = found()
EVIL = "</script><img src=x onerror=document.title='owned'><svg/onload=document.title='owned'>\"'>&amp;{{}}"
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine to open the page in"),
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    assert BROWSER is not None
    with browser(BROWSER, tmp_path) as opened:
        yield opened


def made(tmp_path: Path, trace: str) -> Path:
    out = tmp_path / "report.html"
    done = run("report", trace, "--html", str(out))
    assert done.returncode == 0, done.stderr
    return out


def test_charts_answer_to_pointing(tmp_path: Path, page: Page) -> None:
    """A mouse over one shows all values of that moment with units and a line in each, and all of it ends with it."""
    page.open(made(tmp_path, "calm-pair"))
    assert page.value("document.querySelectorAll('svg.chart').length") == 6
    assert page.value("document.querySelectorAll('svg.chart path.curve').length") == 9
    assert page.value("document.querySelectorAll('svg.hist rect.bar').length") > 50
    assert page.value("getComputedStyle(document.getElementById('tip')).display") == "none"
    box = page.value(
        "(({x,y,width,height}) => [x,y,width,height])(document.querySelector('svg.chart').getBoundingClientRect())"
    )
    page.point(box[0] + box[2] / 2, box[1] + box[3] / 2)
    told = page.value("document.getElementById('tip').textContent")
    assert told.splitlines()[0].endswith(" s")
    for part in ("throughput: ", " chunks/s", "delivery delay: largest ", " ms", "event loop: ELU ", " %", " W"):
        assert part in told
    crosses = page.value("Array.from(document.querySelectorAll('.cross')).map(c => +c.getAttribute('x1'))")
    assert len(set(crosses)) == 1
    assert 400 < crosses[0] < 700
    page.point(2, 2)
    assert page.value("getComputedStyle(document.getElementById('tip')).display") == "none"


def test_words_have_their_definition_and_keys_reach_them(tmp_path: Path, page: Page) -> None:
    """What a word means shows when the focus comes to it; arrow keys walk along a chart."""
    page.open(made(tmp_path, "calm-pair"))
    page.value("document.querySelector('.tile .def').focus()")
    assert "chunks received a second" in page.value("document.getElementById('tip').textContent")
    page.value("document.querySelector('svg.chart').focus()")
    for _ in range(3):
        page.ask("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight")
    assert page.value("document.getElementById('tip').textContent").startswith("0.75 to 1.00 s")


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_in_light_and_dark_and_on_a_phone(tmp_path: Path, page: Page, dark: bool) -> None:
    """Ink and paper are far apart; nothing sticks out of the page; a picture of it is not one colour."""
    page.open(made(tmp_path, "busy-sixteen"), dark=dark)
    ink, paper = page.value("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    light = [sum(int(number) for number in colour[4:-1].split(",")) / 3 for colour in (ink, paper)]
    assert (light[1] < 60 and light[0] > 180) if dark else (light[1] > 220 and light[0] < 80)
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    picture = page.screenshot(tmp_path / "page.png")
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 1300
    assert height > 2_000
    assert len(picture) > 100_000
    page.ask("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert page.complaints() == []


def test_on_paper_nothing_is_torn_from_what_it_belongs_to(tmp_path: Path, page: Page) -> None:
    """Histograms stay together, lanes stay with their charts, words in two columns, cells in one size of letters."""
    page.open(made(tmp_path, "busy-sixteen"))
    page.ask("Emulation.setEmulatedMedia", media="print")

    def style(what: str, of: str) -> object:
        return page.value(f"getComputedStyle(document.querySelector({of!r})).{what}")

    assert style("breakInside", ".hists") == style("breakInside", ".plot") == "avoid"
    assert style("breakAfter", ".lanes") == style("breakAfter", "h2") == "avoid"
    assert style("columnCount", ".words") == "2"
    assert style("fontSize", "td .none") == style("fontSize", "td") == "8px"


def test_it_loads_nothing_and_complains_of_nothing(tmp_path: Path, page: Page) -> None:
    """The file itself is the only thing that is asked for, and its policy has nothing to refuse."""
    out = made(tmp_path, "calm-pair")
    page.open(out)
    assert page.requests() == [out.as_uri()]
    assert page.complaints() == []


def test_nothing_in_a_trace_becomes_markup_or_script(tmp_path: Path, page: Page) -> None:
    """Names, models, levers, marks, findings, stalls: all of them evil, all of them text."""
    trace = tmp_path / "evil.jsonl"
    specs = [AgentSpec(agent=n, name=EVIL, server=n, model=EVIL) for n in range(2)]
    servers = [Server(url=EVIL, model=EVIL, version=EVIL, api=EVIL) for _ in range(2)]
    records = merged(
        header(agents=specs_count(specs), servers=servers, scenario=EVIL, words=EVIL, host={EVIL: EVIL}),
        hello(),
        Rig(S // 2, 12 * S),
        lever(6 * S, EVIL, EVIL, EVIL),
        Mark(t_ns=ZERO + 3 * S, words=EVIL),
        Finding(t_ns=ZERO + 4 * S, name=EVIL, on=True, sentence=EVIL, evidence=EVIL, lever=EVIL),
        Loss(t_ns=ZERO + 5 * S, what=EVIL, count=3, words=EVIL),
        Stall(t_ns=ZERO + 7 * S, start_ns=ZERO + 6 * S, dur_ns=60 * MS, file=EVIL, line=1, function=EVIL),
    )
    records = [msgspec.structs.replace(records[0], agents=specs), *records[1:]]
    records.append(Trailer(t_ns=records[-1].t_ns, lines=len(records)))
    trace.write_bytes(b"".join(encode(record) for record in records))
    page.open(made(tmp_path, str(trace)))
    assert page.value("document.title") == "loopscope: evil.jsonl"
    assert page.value("document.querySelectorAll('img, iframe, object, embed, link, a').length") == 0
    assert page.value("document.querySelectorAll('script').length") == 2
    assert "onerror=document.title" in page.value("document.body.textContent")
    assert page.complaints() == []


def specs_count(specs: list[AgentSpec]) -> int:
    return len(specs)
