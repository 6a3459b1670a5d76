"""Faults on order, as a client sees them."""

import itertools
import json

import pytest

from kit.emulators import Emulated, Link, emulator
from kit.processes import wait_until
from loopscope.core.clock import parse_stamp_ns
from loopscope.core.errors import InputError
from loopscope.emulator.faults import FAULTS, LONG_BYTES, Faults


def stream(one: Emulated, tokens: int = 6, path: str = "/api/generate", **body: object) -> Link:
    """A stream, asked for."""
    return one.link().post(path, options={"num_predict": tokens}, **body)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("404", 404, "model 'gemma3' not found"),
        (
            "500",
            500,
            "model runner has unexpectedly stopped, this may be due to resource limitations or an internal"
            " error, check ollama server logs for details",
        ),
        ("503", 503, "server busy, please try again.  maximum pending requests exceeded"),
    ],
)
def test_errors_before_the_stream(served: Emulated, name: str, status: int, words: str) -> None:
    """As often as ordered, then all is well again."""
    served.fault(name, times=2)
    for _ in range(2):
        told = served.ask("POST", "/api/generate", {"model": "gemma3", "prompt": "p"})
        assert (told.status, told.json()) == (status, {"error": words})
    assert len(served.lines(options={"num_predict": 2})) == 3


def test_error_line_ends_the_stream_properly(served: Emulated) -> None:
    """After n tokens one line with an error, no final message, a proper end of the body."""
    served.fault("error", after=3)
    with stream(served) as link:
        assert link.head()[0] == 200
        lines = [json.loads(line) for line in link.chunks()]
    assert ["error" in line for line in lines] == [False, False, False, True]
    assert lines[3]["error"].startswith("an error was encountered while running the model: ")


def test_error_in_openais_dialect_loses_its_words(served: Emulated) -> None:
    """A chunk of no model without content, then the end without [DONE], as Ollama has it."""
    served.fault("error", after=2)
    with served.link() as link:
        body = {"messages": [{"role": "user", "content": "x"}], "stream": True, "max_tokens": 5}
        link.post("/v1/chat/completions", **body).head()
        payloads = link.chunks()
    assert len(payloads) == 3
    last = json.loads(payloads[-1][6:])
    assert (last["model"], last["choices"][0]["delta"]["content"]) == ("", "")


def test_eof_without_done(served: Emulated) -> None:
    """A proper end of the body, and no final message."""
    served.fault("eof", after=2)
    with stream(served) as link:
        link.head()
        assert [json.loads(line)["done"] for line in link.chunks()] == [False, False]


def test_cut_ends_in_the_middle_of_a_line(served: Emulated) -> None:
    """The connection ends, and what came last is no whole line."""
    served.fault("cut", after=2)
    with stream(served) as link:
        link.head()
        data = link.rest()
    assert data.count(b"\n\r\n") == 2
    tail = data.rsplit(b"\n\r\n", 1)[1]
    assert b'{"model"' in tail and not tail.endswith(b"\n")


def test_reset_is_a_reset(served: Emulated) -> None:
    """The client gets ECONNRESET instead of an end."""
    served.fault("rst", after=2)
    with stream(served) as link, pytest.raises(ConnectionResetError):
        link.rest()


def test_stall_is_a_pause_of_the_model() -> None:
    """Nothing for that long, then the rest; the schedule moves by the pause and the stream is whole."""
    with emulator("--rate", "1000") as one:
        one.fault("stall", after=3, **{"for": 0.15})
        with stream(one, 6) as link:
            link.head()
            assert len(link.chunks()) == 7
        due = [row[1] for row in one.log()["rows"]]
    gaps = [b - a for a, b in itertools.pairwise(due)]
    assert gaps == [1_000_000, 1_000_000, 151_000_000, 1_000_000, 1_000_000]


@pytest.mark.parametrize("path", ["/api/generate", "/v1/completions"])
def test_malformed_line_is_followed_by_good_ones(served: Emulated, path: str) -> None:
    """One line is no JSON; as many lines as tokens, and the end, are there."""
    served.fault("malformed", after=2)
    with stream(served, 5, path, stream=True, max_tokens=5) as link:
        link.head()
        lines = [line.removeprefix(b"data: ").split(b"\n")[0] for line in link.chunks()]
    good = []
    for line in lines:
        try:
            json.loads(line)
            good.append(True)
        except ValueError:
            good.append(False)
    assert good == [True, True, False, True, True, True]


def test_invalid_utf8_line(served: Emulated) -> None:
    """One line cannot be decoded; the others can."""
    served.fault("utf8", after=1)
    with stream(served, 3) as link:
        link.head()
        lines = link.chunks()
    with pytest.raises(UnicodeDecodeError):
        lines[1].decode()
    assert [json.loads(line)["done"] for line in (lines[0], *lines[2:])] == [False, False, True]


def test_line_of_a_mebibyte(served: Emulated) -> None:
    """One line is long, in one HTTP chunk, and counted as one."""
    before = served.stats()["chunks"]
    served.fault("long", after=1)
    with stream(served, 3) as link:
        link.head()
        lines = link.chunks()
    assert len(json.loads(lines[1])["response"]) == LONG_BYTES
    assert len(lines) == 4
    assert served.stats()["chunks"] == before + 3


def test_slow_headers_trickle_in(served: Emulated) -> None:
    """The head comes in pieces; then the stream is whole, with one head."""
    served.fault("slow-headers", **{"for": 0.4})
    with stream(served, 3) as link:
        first = link.sock.recv(65536)
        assert b"\r\n\r\n" not in first
        link.data = first
        assert link.head()[0] == 200
        assert len(link.chunks()) == 4


def test_skew_and_whole_seconds(served: Emulated) -> None:
    """Every stamp of the stream is off by as much as ordered, or has no fraction; the final one too."""
    served.fault("skew", **{"for": -3600})
    skewed = served.lines(options={"num_predict": 3})
    plain = served.lines(options={"num_predict": 1})
    stamps = [parse_stamp_ns(line["created_at"]) or 0 for line in skewed]
    now = parse_stamp_ns(plain[0]["created_at"]) or 0
    assert all(3590 * 10**9 < now - stamp < 3610 * 10**9 for stamp in stamps)
    served.fault("whole-second")
    assert {len(line["created_at"]) for line in served.lines(options={"num_predict": 3})} == {20}


def test_refused_port_opens_again() -> None:
    """New connections are refused for that long; a kept one is still served; then the same port answers."""
    with emulator() as one:
        kept = one.link()
        one.fault("refuse", **{"for": 0.8})
        refused = False

        def is_refused() -> bool:
            try:
                one.link().close()
            except ConnectionRefusedError:
                return True
            return False

        refused = wait_until(is_refused, 5)
        assert refused
        assert kept.post(options={"num_predict": 1}).head()[0] == 200
        kept.close()
        assert wait_until(lambda: not is_refused())
        assert one.stats()["chunks"] == 1


def test_restart_cuts_everything_and_forgets_the_model() -> None:
    """Streams end in the middle, the port answers again, the model has to be loaded again."""
    with emulator("--load-ms", "10") as one:
        link = one.link().post(options={"num_predict": 1_000_000})
        link.head()
        one.fault("restart", **{"for": 0.05})
        assert b'"done":true' not in link.rest()
        link.close()
        runner = next(iter(one.server.runners.values()))
        assert wait_until(lambda: one.server._listener is not None and not runner.loaded)
        assert one.lines(options={"num_predict": 1})[-1]["load_duration"] >= 10_000_000


@pytest.mark.parametrize(
    ("name", "status"), [("error", 500), ("cut", None), ("rst", None), ("eof", None), ("stall", 200), ("skew", 200)]
)
def test_faults_without_a_stream(served: Emulated, name: str, status: int | None) -> None:
    """Where no stream was asked for: an error instead, no answer, or a late one."""
    served.fault(name, after=1, **({"for": 0.02} if name == "stall" else {}))
    body = {"model": "gemma3", "prompt": "p", "stream": False, "options": {"num_predict": 3}}
    if status is None:
        with pytest.raises((ConnectionError, EOFError)):
            link = served.link()
            try:
                link.post(**body).head()
            finally:
                link.close()
    else:
        assert served.ask("POST", "/api/generate", body).status == status


def test_times_zero_lasts_until_it_is_cleared(served: Emulated) -> None:
    """GET lists what waits, DELETE forgets it."""
    served.fault("500", times=0)
    for _ in range(3):
        assert served.ask("POST", "/api/generate", {"model": "gemma3", "prompt": "p"}).status == 500
    (order,) = served.ask("GET", "/emulator/fault").json()["faults"]
    assert (order["fault"], order["hits"]) == ("500", 3)
    assert served.ask("DELETE", "/emulator/fault").json() == {"faults": []}
    assert len(served.lines(options={"num_predict": 1})) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        {"fault": "boom"},
        {"fault": 3},
        {},
        {"fault": "stall", "for": -1},
        {"fault": "stall", "for": "x"},
        {"fault": "stall", "after": True},
        {"fault": "stall", "more": 1},
        {"fault": "stall", "for": 1e300},
    ],
)
def test_order_that_makes_no_sense_is_a_400(served: Emulated, body: object) -> None:
    """One sentence, and nothing is ordered."""
    told = served.ask("POST", "/emulator/fault", body)
    assert told.status == 400
    assert told.json()["error"]
    assert served.ask("GET", "/emulator/fault").json() == {"faults": []}


def test_orders_on_the_command_line() -> None:
    """Arguments after a colon; a mistake is one sentence before anything is served."""
    with emulator("--fault", "error:after=2,times=2", "--fault", "404") as one:
        orders: Faults = one.server.faults
        assert [(o.fault, o.after, o.times) for o in orders.orders] == [("error", 2, 2), ("404", 1, 1)]
    for wrong in ("boom", "stall:for", "stall:for=x", "stall:until=3"):
        with pytest.raises(InputError), emulator("--fault", wrong):
            pass


def test_every_fault_is_explained() -> None:
    """The list says what each does."""
    assert all(len(words) > 20 for words in FAULTS.values())
