"""Start a job for a generation request of any dialect: check abilities and options, set the pace."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

from loopscope.emulator.answers import ApiError, Stage
from loopscope.emulator.connection import Connection
from loopscope.emulator.faults import Trap
from loopscope.emulator.go_encoding import go_json
from loopscope.emulator.job import Job
from loopscope.emulator.logprobs import MOST
from loopscope.emulator.models import Model, lookup_key, with_tag
from loopscope.emulator.prompts import TOO_LONG, check_options, count_tokens, runner_options
from loopscope.emulator.reply import Reply
from loopscope.emulator.script import Script
from loopscope.emulator.script_writer import MAX_WHOLE_TOKENS, Wish, write_script
from loopscope.emulator.server import EmulatorServer

_DURATION = re.compile(r"([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)")
_UNIT_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MAX_NS = (1 << 63) - 1
_EFFORTS = ("high", "medium", "low", "max")
_NO_PICTURES = "Multimodal data provided, but model does not support multimodal requests."


@dataclass(slots=True)
class Generation:
    """A request for text, in no dialect."""

    name: str
    """The model's name as the request has it."""
    prompt: str
    options: dict[str, Any]
    stream: bool
    template: bool = True
    shift: bool = True
    truncate: bool = True
    keep_alive: int | None = None
    form: Any = None
    """``"json"`` or a schema: the answer must be JSON."""
    think: Any = None
    """True, False or an effort; ``None``: as the model does by itself."""
    tools: list[Any] = field(default_factory=list)
    answers_tool: bool = False
    """The last message is the result of a tool, so no other call is made."""
    suffix: bool = False
    images: bool = False
    context: int = 0
    """Tokens of an earlier exchange that the request carries."""
    top_logprobs: int = -1
    own_text: bool = False
    talks: str = "chat"
    """What the model must be able to do, as an error has it."""

    def counted(self) -> int:
        """Return the tokens of the prompt, whether or not they fit."""
        return count_tokens(self.prompt, template=self.template) + self.context


def find_model(server: EmulatorServer, name: str, *, tagged: bool = False) -> Model:
    """Return the model of a name: in any case, with or without its tag and registry.

    Raises:
        ApiError: 404, as Ollama says it; ``tagged``: with the tag.
    """
    model = server.models.get(lookup_key(name)) if name else None
    if model is None:
        shown = with_tag(name) if tagged and server.options.release.names_missing_with_tag else name
        raise ApiError(404, f"model '{shown}' not found")
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


def top_logprobs(wanted: object, top: object) -> int:
    """Return how many alternatives to report with each token, -1: no probabilities at all.

    Raises:
        ApiError: 400, too many.
    """
    count = top if isinstance(top, int) else 0
    if not 0 <= count <= MOST:
        raise ApiError(400, f"top_logprobs must be between 0 and {MOST}")
    return count if wanted else -1


def begin(
    server: EmulatorServer, connection: Connection, asked: Generation, make_reply: Callable[[Script, int], Reply]
) -> None:
    """Take a request in; its job answers from here on.

    Raises:
        ApiError: it cannot be done, or a fault on order says so.
    """
    server.ledger.requests += 1
    try:
        model = find_model(server, asked.name)
        wish = _wish(model, asked)
        options = check_options(asked.options)
        if not asked.stream:
            options["num_predict"] = min(options.get("num_predict", -1), MAX_WHOLE_TOKENS)
        counted = _prompt_tokens(server, asked, options)
        number = next(server.numbers)
        script = write_script(server.options, number, asked.prompt, options, wish)
        job = Job(number, connection, make_reply(script, number), script, stream=asked.stream)
        fault = server.faults.take()
        if fault is not None:
            error = server.faults.error_before(fault, model.name)
            if error is not None:
                raise error
            job.trap = Trap(fault)
        _pace(server, model, job)
        job.prompt = asked.prompt
        job.prompt_tokens = counted
        job.microseconds = server.options.release.llama_server
        job.runner_options = runner_options(options)
        job.keep_alive_ns = asked.keep_alive
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


def _wish(model: Model, asked: Generation) -> Wish:
    """Check that the model can do what is asked for, as Ollama does before it loads it."""
    if not model.can("completion"):
        raise ApiError(400, f'"{asked.name}" does not support {asked.talks}')
    for needed, ability in ((asked.suffix, "insert"), (asked.tools, "tools")):
        if needed and not model.can(ability):
            raise ApiError(400, f"registry.ollama.ai/library/{model.full_name} does not support {ability}")
    think = asked.think
    if isinstance(think, str) and think not in _EFFORTS:
        values = ", ".join(f'"{effort}"' for effort in _EFFORTS)
        raise ApiError(400, f'invalid think value: "{think}" (must be {values}, true, or false)')
    if think and not model.can("thinking"):
        raise ApiError(400, f'"{asked.name}" does not support thinking')
    tool = None if asked.answers_tool else next(filter(None, map(_tool, asked.tools)), None)
    return Wish(
        form=asked.form,
        think=model.can("thinking") if think is None else bool(think),
        tool=tool,
        top_logprobs=asked.top_logprobs,
        own=asked.own_text,
    )


def _tool(tool: object) -> tuple[str, Any] | None:
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return (name, function.get("parameters")) if isinstance(function, dict) and isinstance(name, str) else None


def _prompt_tokens(server: EmulatorServer, asked: Generation, options: dict[str, Any]) -> int:
    """Return the tokens of the prompt that are evaluated; one that is too long is cut or refused."""
    stage = Stage.STREAMING if asked.stream else Stage.HANDLING
    modern = server.options.release.llama_server
    form = asked.form
    if form not in (None, "", "json") and not isinstance(form, dict):
        shown = go_json(form).decode()
        raise ApiError(500, f'invalid format: {_quoted(shown)}; expected "json" or a valid JSON Schema object', stage)
    if asked.images and modern:
        raise ApiError(400, _refused(_NO_PICTURES, "invalid_request_error"), stage)
    tokens = asked.counted()
    window = max(1, int(options.get("num_ctx", 0) or 4096))
    if tokens <= window:
        return tokens
    if not modern:
        if not asked.truncate:
            raise ApiError(400, "the input length exceeds the context length", stage)
        return window
    if not asked.truncate:
        words = f"request ({tokens} tokens) exceeds the available context size ({window} tokens), try increasing it"
        raise ApiError(400, _refused(words, "exceed_context_size_error", n_prompt_tokens=tokens, n_ctx=window), stage)
    if not asked.shift:
        raise ApiError(400, TOO_LONG, stage)
    return min(window, window // 2 + 3)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _refused(words: str, kind: str, **more: int) -> str:
    """Return an error of the model's own process, which Ollama hands on as it is."""
    return go_json({"error": {"code": 400, "message": words, "type": kind, **more}}).decode()


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
