"""Answer the emulator's own endpoints: what it did (``stats``, ``log``, ``requests``), how fast it is (``rate``) and
what it shall do wrong (``fault``)."""

from __future__ import annotations

import json
import math
from time import process_time_ns
from urllib.parse import parse_qs

from loopscope import __version__
from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError
from loopscope.emulator.answers import Answer, ApiError, json_answer, native_error
from loopscope.emulator.connection import Connection
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.server import EmulatorServer
from loopscope.emulator.shapes import FLAT_LINES
from loopscope.emulator.truth import runq_ns

MAX_RATE = 1e6


def stats(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Return counters since the start; times in ns on the monotonic clock. Lateness is that since chunk ``since``."""
    ledger, card, options = server.ledger, server.card, server.options
    try:
        since = int(parse_qs(request.query).get("since", ["0"])[0])
    except ValueError:
        return native_error(ApiError(400, "since must be a whole number"))
    p50, p99, worst = ledger.lateness(max(0, since))
    now = now_ns()
    return json_answer(
        {
            "emulator": __version__,
            "now_ns": now,
            "up_ns": now - server.started_ns,
            "cpu_ns": process_time_ns(),
            "runq_ns": runq_ns(),
            "models": list(server.models),
            "rate_tok_s": options.rate,
            "timing": options.timing.words,
            "parallel": options.parallel,
            "lines_per_write": FLAT_LINES if options.rate == 0 else 1,
            "connections": ledger.connections,
            "open_connections": len(server.connections),
            "requests": ledger.requests,
            "outcomes": ledger.outcomes,
            "streams": ledger.streams,
            "waiting": ledger.waiting,
            "chunks": ledger.chunks,
            "messages": ledger.messages,
            "tokens": ledger.tokens,
            "silent_tokens": ledger.silent_tokens,
            "unsent_chunks": ledger.unsent_chunks,
            "abandoned_chunks": ledger.abandoned_chunks,
            "lost_rows": ledger.lost_rows,
            "bytes": ledger.bytes,
            "blocked": ledger.blocked,
            "late_ns": {"p50": p50, "p99": p99, "max": worst},
            "gpu": {
                "busy_ns": card.busy_ns,
                "joules": round(card.joules, 3),
                "factor": card.gpu.factor,
                "shared_with": card.gpu.others,
                "others_at_work": card.gpu.others_at_work,
            },
            "faults": server.faults.listing(),
        }
    )


def log(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Return rows ``[request, meant_ns, sent_ns]`` from number ``since`` on, ``limit`` at most."""
    query = parse_qs(request.query)
    try:
        since, limit = int(query.get("since", ["0"])[0]), int(query.get("limit", ["8192"])[0])
    except ValueError:
        return native_error(ApiError(400, "since and limit must be whole numbers"))
    ledger = server.ledger
    first, rows = ledger.since(max(0, since), max(0, min(limit, 65536)))
    told = {"first": first, "next": first + len(rows), "total": ledger.rows, "lost": ledger.lost_rows}
    return json_answer(told | {"rows": rows})


def requests(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Return ended requests, from number ``since`` on: stamps of accept, parsed request and end, chunks, outcome."""
    query = parse_qs(request.query)
    try:
        since, limit = int(query.get("since", ["0"])[0]), int(query.get("limit", ["8192"])[0])
    except ValueError:
        return native_error(ApiError(400, "since and limit must be whole numbers"))
    first, rows = server.ledger.requests_since(max(0, since), max(0, min(limit, 65536)))
    told = {"first": first, "next": first + len(rows), "total": server.ledger.ended_count}
    return json_answer(told | {"rows": [row._asdict() for row in rows]})


def rate(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Return the rate; POST sets it, for streams under way too."""
    if request.method == "POST":
        try:
            value = float(json.loads(request.body)["tok_s"])
            if not (math.isfinite(value) and 0 < value <= MAX_RATE):
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            return native_error(ApiError(400, f'a rate is an object such as {{"tok_s": 100}}, up to {MAX_RATE:g}'))
        server.set_rate(value)
    return json_answer({"rate_tok_s": server.options.rate, "now_ns": now_ns()})


def fault(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Return the orders; POST adds one, DELETE forgets them."""
    if request.method == "DELETE":
        server.faults.clear()
    elif request.method == "POST":
        try:
            values = json.loads(request.body)
            if not isinstance(values, dict):
                raise InputError('a fault is an object such as {"fault": "stall", "after": 20, "for": 3, "times": 1}')
            server.faults.add(values)
        except (InputError, ValueError, RecursionError) as error:
            return native_error(ApiError(400, str(error)))
    return json_answer({"faults": server.faults.listing()})
