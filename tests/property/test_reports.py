"""Reports of whatever a file holds: text stays text, and damage costs what it hit."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kit.tape import MS, ZERO, Rig, S, header, hello, lever, merged
from loopscope.core.codec import as_json, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import Finding, HostLoad, Loss, Mark, Pulse
from loopscope.core.text import plain
from loopscope.model.comparison import compare, whole_side
from loopscope.report.columns import word
from loopscope.report.compare import as_data as compared_as_data
from loopscope.report.compare import as_markdown as compared_as_markdown
from loopscope.report.compare import as_text as compared_as_text
from loopscope.report.html import render
from loopscope.report.html.markup import element
from loopscope.report.markdown import escape, table
from loopscope.report.trace_report import as_data, as_markdown, as_text
from loopscope.session.folding import Folded, fold_file

TEXTS = st.text(max_size=80) | st.sampled_from(
    ["<script>", "--><b>", "\"' onload=x", "](x)", "| a |", "`", "# x", "@all", "&lt;"]
)


class Read(HTMLParser):
    """Every tag, every attribute's name, and all text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.values: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS, TEXTS)
def test_text_and_attributes_stay_what_they_are(text: str, tip: str) -> None:
    """One element with one attribute, whatever stands in them."""
    safe, safe_tip = plain(text), plain(tip)
    read = Read()
    read.feed(element("b", safe, data_tip=safe_tip))
    read.close()
    assert (read.tags, read.text, read.values) == (["b"], safe, [safe_tip])


@given(TEXTS)
def test_markdown_shows_text_as_it_is(text: str) -> None:
    """A cell and a line hold no emphasis, no link, no code, no cell more; nobody is mentioned."""
    safe = plain(text).strip()
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    (inline,) = [token for token in parser.parse(f"x {escape(safe)}") if token.type == "inline"]
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}
    assert "@" not in escape(safe)
    cells = [token.type for token in parser.parse(table((word("a", str), word("b", str)), [safe]))]
    assert cells.count("td_open") == 2


def faces(folded: Folded) -> list[str]:
    """Every face of a report and of a comparison with itself."""
    side = whole_side("a", folded.fold, folded.kept, folded.summary)
    found = compare(side, side)
    return [
        render(folded),
        as_markdown(folded),
        as_text(folded, width=80, color=False, unicode=False),
        as_json(as_data(folded)),
        json.dumps(compared_as_data(found, []), allow_nan=False),
        compared_as_text(found, [], 80),
        compared_as_markdown(found, []),
    ]


LINES = [
    encode(record)
    for record in merged(
        header(),
        hello(),
        Rig(S // 2, 5 * S),
        lever(2 * S, "throttle", "off", "50"),
        Mark(t_ns=ZERO + S, words="here"),
        Finding(t_ns=ZERO + 3 * S, name="backlog", on=True, sentence="late", figures={"x_ms": 3.0}),
        HostLoad(t_ns=ZERO + S, cpu=[0.5, 0.1]),
        Loss(t_ns=ZERO + 4 * S, what="lines", count=2, words="full"),
    )
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("reports") / "x.jsonl"


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_trace_has_every_face_or_one_error(path, data: st.DataObject) -> None:
    """Bytes flipped, lines left out, doubled, cut: all faces are made, or there is a TraceError and nothing else."""
    raw = bytearray(b"".join(LINES))
    for _ in range(data.draw(st.integers(0, 12))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    path.write_bytes(bytes(raw[: cut if data.draw(st.booleans()) else None]))
    try:
        folded = fold_file(path)
    except TraceError:
        return
    page = faces(folded)[0]
    read = Read()
    read.feed(page)
    assert read.tags.count("script") == 2
    assert not {name for name in read.names if name.startswith("on")}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.floats(allow_nan=False), st.integers(-(1 << 62), 1 << 62), TEXTS)
def test_values_that_cannot_be_are_no_error(path, share: float, number: int, text: str) -> None:
    """1e308, negative times, enormous counts: left out, or drawn, but never an exception or a nan."""
    try:
        more = [
            encode(
                Pulse(
                    t_ns=ZERO + 2 * S,
                    proc="rig-1",
                    dt_ns=100 * MS,
                    loop=text,
                    active_ns=number,
                    cpu_ns=number,
                    lag_ns=[number, 0],
                    backlog_bytes=number,
                    observer_ns=number,
                )
            ),
            encode(HostLoad(t_ns=ZERO + 3 * S, cpu=[share])),
            encode(Finding(t_ns=ZERO + 3 * S, name=text, on=True, sentence=text, figures={"x": share})),
            encode(lever(3 * S, text, text, text)),
            encode(Loss(t_ns=ZERO + S, what=text, count=number, words=text)),
        ]
    except UnicodeEncodeError:  # half of a surrogate pair has no bytes, so no file holds it
        return
    path.write_bytes(b"".join([*LINES, *more]))
    for face in faces(fold_file(path)):
        assert not re.search(r"\bnan\b", face) or "nan" in text
