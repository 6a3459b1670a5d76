"""One stream: its schedule, what the client does to it, and what is counted."""

import itertools
import json
import time
from collections import Counter
from time import perf_counter_ns, time_ns
from typing import Any

import pytest

from kit.emulators import Emulated, Link, emulator
from kit.processes import wait_until
from loopscope.core.clock import parse_stamp_ns


def meant(one: Emulated) -> dict[int, list[int]]:
    """When each chunk of each request was due."""
    found: dict[int, list[int]] = {}
    log = one.log()
    assert log["next"] == log["total"]
    for request, due, sent in log["rows"]:
        assert sent >= due
        found.setdefault(request, []).append(due)
    return found


def gaps(due: list[int]) -> list[int]:
    """Differences of neighbours."""
    return [b - a for a, b in itertools.pairwise(due)]


def test_schedule_is_absolute() -> None:
    """Each chunk is due one gap after the last one was due, however late that one was: the rate never drifts."""
    with emulator("--rate", "500") as one:
        one.lines(options={"num_predict": 150})
        (due,) = meant(one).values()
    assert set(gaps(due)) == {2_000_000}
    assert len(due) == 150


def test_silent_tokens_take_their_time() -> None:
    """A token without a line still has its gap, so that lines are whole multiples apart."""
    with emulator("--text", "tricky", "--rate", "5000") as one:
        final = one.lines(options={"num_predict": 400})[-1]
        (due,) = meant(one).values()
    assert {gap % 200_000 for gap in gaps(due)} == {0}
    assert len(set(gaps(due))) > 1
    assert final["eval_duration"] == 399 * 200_000


def test_many_streams_each_keep_their_own_schedule() -> None:
    """Twenty at a time; every chunk of every one is counted, logged and received."""
    with emulator("--rate", "1000") as one:
        links = [one.link().post(options={"num_predict": 40}) for _ in range(20)]
        for link in links:
            link.head()
            assert len(link.chunks()) == 41
            link.close()
        schedules = meant(one)
        stats = one.stats()
    assert len(schedules) == 20
    assert all(set(gaps(due)) == {1_000_000} for due in schedules.values())
    assert (stats["chunks"], stats["messages"], stats["tokens"]) == (800, 820, 800)
    assert stats["outcomes"] == {"done": 20}


@pytest.mark.parametrize("timing", ["lognormal:0.4", "burst:5"])
def test_same_seed_same_schedule(timing: str) -> None:
    """Two servers with one seed plan the same gaps for the same requests, and others for the next ones."""
    plans = []
    for _ in range(2):
        with emulator("--rate", "2000", "--timing", timing, "--seed", "7") as one:
            for _ in range(2):
                one.lines(options={"num_predict": 30})
            plans.append([gaps(due) for due in meant(one).values()])
    assert plans[0] == plans[1]
    assert timing.startswith("burst") or plans[0][0] != plans[0][1]


@pytest.mark.parametrize("text", ["words", "tricky"])
def test_what_is_late_leaves_together_and_keeps_its_schedule(text: str) -> None:
    """A server that could not run for a while sends what is due a few messages a send, each still due when it was."""

    def pause(due: int) -> int:
        time.sleep(0.1)
        return 0

    with emulator("--rate", "2000", "--text", text) as one:
        link = one.link().post(options={"num_predict": 1000})
        link.head()
        one.server.reactor.at(perf_counter_ns() + 50_000_000, pause)
        one.server.reactor.wake()
        messages = [json.loads(chunk) for chunk in link.chunks()]
        (due,) = meant(one).values()
        stats = one.stats()
    assert {gap % 500_000 for gap in gaps(due)} == {0}
    assert stats["tokens"] == 1000
    assert len(due) == stats["chunks"] == len(messages) - 1
    assert due[-1] - due[0] == messages[-1]["eval_duration"] or text == "tricky"  # its last tokens may be silent
    at_once = Counter(message["created_at"] for message in messages[:-1])
    # 100 ms of 2 000 a second are 200 messages: all but a few of them leave four at a time.
    assert sum(count for count in at_once.values() if count > 1) > 100
    assert max(at_once.values()) <= 4
    stamps = [parse_stamp_ns(message["created_at"]) for message in messages]
    assert stamps == sorted(stamps)


def test_no_pace_keeps_every_line_a_chunk_of_its_own() -> None:
    """As fast as the socket takes it: each message is one HTTP chunk, none lost, none twice; four share a stamp."""
    with emulator("--rate", "0") as one, one.link() as link:
        link.post(options={"num_predict": 5003})
        link.head()
        lines = [json.loads(line) for line in link.chunks()]
        stats = one.stats()
    assert len(lines) == 5004
    assert all(line["response"] for line in lines[:-1])
    stamps = [line["created_at"] for line in lines]
    assert len(set(stamps)) > 5003 / 4
    assert stamps[:4] != stamps[4:8] and [parse_stamp_ns(stamp) for stamp in stamps] == sorted(
        parse_stamp_ns(stamp) or 0 for stamp in stamps
    )
    assert (stats["chunks"], stats["tokens"], stats["lines_per_write"]) == (5003, 5003, 4)


def stopped_reader(one: Emulated, **options: Any) -> Link:
    """A client that asks for a lot and reads nothing, until the server waits for it."""
    link = one.link(receive_buffer=4096)
    link.post(options={"num_predict": 1_000_000, **options})
    assert wait_until(lambda: one.server.ledger.blocked > 0)
    return link


def test_a_small_send_buffer_makes_the_server_wait_after_some_kilobytes() -> None:
    """Nobody reads: with --send-buffer 4096 the server stands within 64 KiB, without it takes in megabytes."""
    with emulator("--rate", "100000", "--send-buffer", "4096") as one:
        stopped_reader(one)
        assert one.server.ledger.bytes < 1 << 16


@pytest.mark.parametrize("rate", ["0", "100000"])
def test_client_that_does_not_read_stops_only_its_own_stream(rate: str) -> None:
    """The stream waits with one write in hand and memory stays as it is; another client is served meanwhile."""
    with emulator("--rate", rate) as one:
        link = stopped_reader(one)
        (connection,) = (c for c in one.server.connections if c.job is not None)
        made = connection.job.made
        assert len(one.lines(options={"num_predict": 50})) == 51
        assert connection.job.made == made, "not a token more"
        assert len(connection._out) < 2000
        link.close()
        assert wait_until(lambda: one.server.ledger.outcomes.get("gone") == 1)
        assert one.stats()["streams"] == 0


def test_stamps_are_late_when_the_client_reads_late() -> None:
    """What was due while the client did not read is made when it reads again, stamped then, and counted once."""
    with emulator("--rate", "100000") as one:
        link = stopped_reader(one)
        (connection,) = (c for c in one.server.connections if c.job is not None)
        held, made = one.server.ledger.rows, connection.job.made
        assert held < made <= held + 4, "one send in hand"
        since = perf_counter_ns()
        assert wait_until(lambda: perf_counter_ns() > since + 30_000_000)
        began = time_ns()
        link.head()
        for _ in range(made):
            link.chunk()
        after = json.loads(link.chunk())
        assert (parse_stamp_ns(after["created_at"]) or 0) >= began
        assert wait_until(lambda: one.server.ledger.rows > made)
        late = [sent - due for _, due, sent in one.log(since=held)["rows"][:2]]
        assert min(late) > 29_000_000, "sent long after they were due"
        link.close()


def test_client_that_leaves_frees_its_slot() -> None:
    """The next one in line is served; what could not be delivered is not counted as sent."""
    with emulator("--parallel", "1", "--rate", "200") as one:
        first = one.link().post(options={"num_predict": 100_000})
        first.head()
        second = one.link().post(options={"num_predict": 2})
        assert wait_until(lambda: one.server.ledger.waiting == 1)
        first.close()
        assert second.head()[0] == 200
        assert len(second.chunks()) == 3
        second.close()
        assert one.stats()["outcomes"] == {"gone": 1, "done": 1}


def test_http_1_0_has_lines_without_chunks() -> None:
    """The body is the lines themselves and ends with the connection."""
    with emulator() as one, one.link() as link:
        link.post(version="1.0", options={"num_predict": 3})
        status, headers = link.head()
        lines = link.rest().splitlines()
    assert status == 200
    assert "transfer-encoding" not in headers
    assert "connection" not in headers
    assert [json.loads(line)["done"] for line in lines] == [False] * 3 + [True]


def test_bytes_are_those_of_the_stream() -> None:
    """The counter is what a client receives for its chunks, head and final line apart."""
    with emulator() as one, one.link() as link:
        link.post(options={"num_predict": 9})
        head = link.until(b"\r\n\r\n")
        sizes = [len(payload) for payload in link.chunks()]
        framed = sum(len(b"%x\r\n\r\n" % size) + size for size in sizes[:-1])
        assert one.stats()["bytes"] == framed + len(head)


def test_log_names_requests_in_the_order_they_came() -> None:
    """Requests are numbered from 1."""
    with emulator() as one:
        for count in (3, 5):
            one.lines(options={"num_predict": count})
        assert Counter(request for request, *_ in one.log()["rows"]) == {1: 3, 2: 5}


def test_chunks_of_a_client_that_hung_up_are_counted() -> None:
    """All those of its stream: it has seen the first of them. A client that has read everything leaves none."""
    with emulator("--rate", "2000") as one:
        one.lines(options={"num_predict": 10})
        with one.link() as link:
            link.post(options={"num_predict": 1_000_000})
            link.head()
            seen = [link.chunk() for _ in range(5)]
        assert wait_until(lambda: one.server.ledger.outcomes.get("gone") == 1)
        stats = one.stats()
    unread = stats["chunks"] - 10 - len(seen)
    assert stats["abandoned_chunks"] == stats["chunks"] - 10
    assert 0 <= unread <= stats["abandoned_chunks"]


def test_chunks_of_a_finished_stream_that_nobody_read_are_counted() -> None:
    """The server had sent them all; the connection is reset with them unread in the client's buffer."""
    with emulator("--rate", "0") as one:
        link = one.link().post(options={"num_predict": 100})
        assert wait_until(lambda: one.server.ledger.outcomes.get("done") == 1)
        link.close()
        assert wait_until(lambda: one.server.ledger.abandoned_chunks == 100)


def test_requests_are_logged_with_their_stamps() -> None:
    """Accepted, parsed whole, ended: in this order, also for a connection that is used again."""
    with emulator("--rate", "1000") as one, one.link() as link:
        before = perf_counter_ns()
        for _ in range(2):
            link.post(options={"num_predict": 5})
            link.head()
            link.chunks()
        told = one.ask("GET", "/emulator/requests").json()
        after = perf_counter_ns()
        later = one.ask("GET", "/emulator/requests?since=1").json()
    first, second = told["rows"]
    assert (told["total"], later["rows"], later["first"]) == (2, [second], 1)
    assert first["accepted_ns"] < first["parsed_ns"] < first["ended_ns"] < second["parsed_ns"] < after
    assert second["accepted_ns"] == first["accepted_ns"] > before - 10**9
    assert (first["chunks"], first["outcome"], second["request"]) == (5, "done", 2)
    assert first["ended_ns"] - first["parsed_ns"] >= 4_000_000
