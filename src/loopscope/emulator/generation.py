"""Start a job for a generation request of any dialect: find the model, check the options, set the pace."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from loopscope.emulator.answers import ApiError
from loopscope.emulator.connection import Connection
from loopscope.emulator.faults import Trap
from loopscope.emulator.job import Job
from loopscope.emulator.models import Model, with_tag
from loopscope.emulator.prompts import (
    MAX_WHOLE_TOKENS,
    TOO_LONG,
    check_options,
    count_tokens,
    runner_options,
    script_of,
)
from loopscope.emulator.reply import Reply, Script
from loopscope.emulator.server import EmulatorServer

_DURATION = re.compile(r"([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)")
_UNIT_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MAX_NS = (1 << 63) - 1


def find_model(server: EmulatorServer, name: str) -> Model:
    """Return the model of a name, with or without its tag.

    Raises:
        ApiError: 404, as Ollama says it.
    """
    model = server.models.get(with_tag(name)) if name else None
    if model is None:
        raise ApiError(404, f"model '{name}' not found")
    return model


def keep_alive_ns(value: object) -> int | None:
    """Read ``keep_alive``: a number of seconds or a Go duration; below 0 is for ever; ``None``: not given.

    Raises:
        ApiError: 400, neither.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -1 if value < 0 else int(min(value * 1e9, _MAX_NS))
    if isinstance(value, str):
        text = value.strip()
        body = text[1:] if text[:1] in "+-" else text
        if body == "0" or (body and _DURATION.sub("", body) == ""):
            total = sum(float(number) * _UNIT_NS[unit] for number, unit in _DURATION.findall(body))
            return -1 if text.startswith("-") and total else int(min(total, _MAX_NS))
        raise ApiError(400, f'time: invalid duration "{value}"')
    raise ApiError(400, f"Unsupported type: '{type(value).__name__}'")


def begin(
    server: EmulatorServer,
    connection: Connection,
    model: Model,
    prompt: str,
    options: dict[str, Any],
    make_reply: Callable[[Script, int], Reply],
    *,
    stream: bool,
    template: bool = True,
    shift: bool = True,
    keep_alive: int | None = None,
    form: object = None,
) -> None:
    """Take a request in; its job answers from here on.

    ``shift``: a prompt longer than the window may be cut; ``form``: the answer must be JSON.

    Raises:
        ApiError: it cannot be done, or a fault on order says so.
    """
    server.ledger.requests += 1
    try:
        checked = check_options(options)
        if not stream:
            checked["num_predict"] = min(checked.get("num_predict", -1), MAX_WHOLE_TOKENS)
        asked = runner_options(checked)
        prompt_tokens = count_tokens(prompt, template=template)
        window = max(1, int(checked.get("num_ctx", 0) or 4096))
        if prompt_tokens > window and not shift:
            raise ApiError(400, TOO_LONG)
        number = next(server.numbers)
        script = script_of(server.options, number, prompt, checked, form)
        job = Job(number, connection, make_reply(script, number), script, stream=stream)
        fault = server.faults.take()
        if fault is not None:
            error = server.faults.error_before(fault, model.name)
            if error is not None:
                raise error
            job.trap = Trap(fault)
        _pace(server, model, job)
        job.prompt = prompt
        job.prompt_tokens = min(prompt_tokens, window)
        job.runner_options = asked
        job.keep_alive_ns = keep_alive
        connection.job = job
        server.ledger.streams += 1
        try:
            server.runner(model).submit(job)
        except ApiError:
            connection.job = None
            server.ledger.streams -= 1
            raise
    except ApiError:
        server.ledger.ended("error")
        raise


def _pace(server: EmulatorServer, model: Model, job: Job) -> None:
    options = server.options
    rate = model.tok_s if options.rate is None else options.rate
    if rate or options.timing.kind == "recorded":
        job.set_pace(rate, options.timing.gap(rate, f"{options.seed}/{job.number}"))


def load(
    server: EmulatorServer, model: Model, options: dict[str, Any], keep_alive: int | None, done: Callable[[], None]
) -> None:
    """Load a model without a prompt and call ``done``.

    Raises:
        ApiError: an option of a wrong type.
    """
    runner = server.runner(model)
    asked = runner_options(check_options(options))

    def loaded() -> None:
        done()
        server.reactor.at(perf_counter_ns(), rest)

    def rest(due: int) -> int:
        runner.rest(keep_alive, due)
        return 0

    runner.load(asked, loaded)
