"""Routes about models: which there are, which are in memory, what they are; copying and deleting them."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from loopscope.emulator.answers import (
    JSON_BARE,
    NDJSON,
    PLAIN,
    Answer,
    ApiError,
    json_answer,
    native_error,
    openai_error,
)
from loopscope.emulator.connection import Connection
from loopscope.emulator.generation import find_model
from loopscope.emulator.go_encoding import go_json, go_string
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.models import Model, lookup_key
from loopscope.emulator.server import EmulatorServer

_SHOW = {"model": "string", "name": "string", "verbose": "bool"}
_COPY = {"source": "string", "destination": "string"}
_TEMPLATE = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
_STOPS = ("<|im_start|>", "<|im_end|>")
_BLOB = "/models/blob"
_VOCABULARY = 2048
_LAYERS = 2


def root(_server: EmulatorServer, _connection: Connection, _request: HttpRequest) -> Answer:
    """Answer ``/``: how clients check that somebody is there."""
    return Answer(200, b"Ollama is running", PLAIN)


def version(server: EmulatorServer, _connection: Connection, _request: HttpRequest) -> Answer:
    """Answer ``/api/version``."""
    return json_answer({"version": server.options.release.version})


def health(_server: EmulatorServer, _connection: Connection, _request: HttpRequest) -> Answer:
    """Answer ``/health``, which Ollama does not have and llama.cpp does."""
    return json_answer({"status": "ok"})


def _details(model: Model) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.quantization,
    }


def modified_at(model: Model) -> datetime:
    """Return a made-up moment for each model: the same in every run."""
    made_up = int(model.digest[:12], 16)
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=made_up % 5000, microseconds=1 + made_up % 999_999)


def _modified(model: Model) -> str:
    moment = modified_at(model)
    nanoseconds = f"{moment.microsecond * 1000 + 1 + int(model.digest[12:14], 16):09d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds}Z"


def tags(server: EmulatorServer, _connection: Connection, _request: HttpRequest) -> Answer:
    """Answer ``/api/tags``: the models it has."""
    listed = []
    for model in server.models.values():
        details = _details(model)
        entry: dict[str, Any] = {
            "name": model.full_name,
            "model": model.full_name,
            "modified_at": _modified(model),
            "size": model.size_bytes,
            "digest": model.digest,
            "details": details,
        }
        if server.options.release.lists_capabilities:
            details |= {"context_length": model.context, "embedding_length": model.embedding}
            entry["capabilities"] = model.capabilities
        listed.append(entry)
    return json_answer({"models": listed})


def ps(server: EmulatorServer, _connection: Connection, _request: HttpRequest) -> Answer:
    """Answer ``/api/ps``: the models in memory."""
    loaded = []
    for runner in server.runners.values():
        if runner.loaded:
            model = runner.model
            second, rest = divmod(min(runner.expires_wall_ns(), 10_999_999_999 * 10**9), 10**9)
            expires = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09d}Z"
            loaded.append(
                {
                    "name": model.full_name,
                    "model": model.full_name,
                    "size": model.vram_bytes,
                    "digest": model.digest,
                    "details": _details(model),
                    "expires_at": expires,
                    "size_vram": model.vram_bytes,
                    "context_length": runner.runner_options[0],
                }
            )
    return json_answer({"models": loaded})


def show(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/api/show``: one model."""
    try:
        body = read_object(request.body, "ShowRequest", _SHOW)
        name = body.get("model") or body.get("name") or ""
        if not name:
            raise ApiError(400, "model is required")
        model = find_model(server, name, tagged=True)
    except ApiError as error:
        return native_error(error)
    verbose = bool(body.get("verbose"))
    details = _details(model)
    if not server.options.release.llama_server:
        details["parent_model"] = _BLOB
    parameters = "\n".join(f"PARAMETER stop {stop}" for stop in _STOPS)
    return json_answer(
        {
            "modelfile": '# Modelfile generated by "ollama show"\n# To build a new Modelfile based on this, replace'
            f' FROM with:\n# FROM {model.full_name}\n\nFROM {_BLOB}\nTEMPLATE "{_TEMPLATE}"\n{parameters}\n',
            "parameters": "\n".join(f'{"stop":<30} "{stop}"' for stop in _STOPS),
            "template": _TEMPLATE,
            "details": details,
            "model_info": _model_info(model, verbose=verbose),
            "tensors": _tensors(model),
            "capabilities": model.capabilities,
            "modified_at": _modified(model),
        }
    )


def _model_info(model: Model, *, verbose: bool) -> dict[str, Any]:
    """Return what a model file says of itself; the lists of its tokenizer only where they are asked for."""
    family, heads = model.family, max(1, model.embedding // 64)
    info: dict[str, Any] = {
        "general.architecture": family,
        "general.description": "made up by an emulator",
        "general.file_type": 15,
        "general.parameter_count": _count(model.parameters),
        "general.quantization_version": 2,
        f"{family}.attention.head_count": heads,
        f"{family}.attention.head_count_kv": heads,
        f"{family}.attention.layer_norm_rms_epsilon": 0.00001,
        f"{family}.block_count": _LAYERS,
        f"{family}.context_length": model.context,
        f"{family}.embedding_length": model.embedding,
        f"{family}.feed_forward_length": model.embedding * 2,
        f"{family}.rope.dimension_count": 64,
        f"{family}.rope.freq_base": 10000,
        f"{family}.vocab_size": _VOCABULARY,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": True,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.scores": None,
        "tokenizer.ggml.token_type": None,
        "tokenizer.ggml.tokens": None,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    if verbose:
        info["tokenizer.ggml.scores"] = [0] * 259 + [-1_000_000 - n for n in range(_VOCABULARY - 259)]
        info["tokenizer.ggml.token_type"] = [2, 3, 3] + [6] * 256 + [1] * (_VOCABULARY - 259)
        info["tokenizer.ggml.tokens"] = [f"<{n}>" for n in range(_VOCABULARY)]
    return info


def _tensors(model: Model) -> list[dict[str, Any]]:
    width = model.embedding
    shapes = {"token_embd": [width, _VOCABULARY], "output_norm": [width], "output": [width, _VOCABULARY]}
    for layer in range(_LAYERS):
        shapes |= {f"blk.{layer}.{name}": [width] for name in ("attn_norm", "ffn_norm")}
        shapes |= {f"blk.{layer}.attn_{name}": [width, width] for name in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.ffn_{name}": [width, 2 * width] for name in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down"] = [2 * width, width]
    return [{"name": f"{name}.weight", "type": "F32", "shape": shape} for name, shape in shapes.items()]


def _count(parameters: str) -> int:
    return int(float(parameters[:-1]) * {"K": 10**3, "M": 10**6, "B": 10**9}[parameters[-1]])


def copy(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/api/copy``: the same model under another name."""
    try:
        body = read_object(request.body, "CopyRequest", _COPY)
        source, destination = body.get("source", ""), body.get("destination", "")
        model = server.models.get(lookup_key(source)) if source else None
        if not destination:
            raise ApiError(400, f'destination "{destination}" is invalid')
        if model is None:
            raise ApiError(404, f'model "{source}" not found')
    except ApiError as error:
        return native_error(error)
    server.models[lookup_key(destination)] = dataclasses.replace(model, name=destination)
    return Answer(200)


def delete(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/api/delete``: forget a model."""
    try:
        body = read_object(request.body, "DeleteRequest", _SHOW)
        name = body.get("model") or body.get("name") or ""
        model = find_model(server, name)
    except ApiError as error:
        return native_error(error)
    del server.models[lookup_key(name)]
    runner = server.runners.get(model.full_name)
    if runner is not None:
        runner.rest(0, 0)
    return Answer(200)


def pull(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/api/pull``: there is no registry here, so only what is there already is had."""
    try:
        body = read_object(request.body, "PullRequest", _SHOW | {"stream": "bool"})
        name = body.get("model") or body.get("name") or ""
        there = lookup_key(name) in server.models
    except ApiError as error:
        return native_error(error)
    last = {"status": "success"} if there else {"error": "pull model manifest: file does not exist"}
    if body.get("stream", True):
        lines = b"".join(go_json(line) + b"\n" for line in ({"status": "pulling manifest"}, last))
        return Answer(200, lines, NDJSON, chunked=True)
    return json_answer(last, 200 if there else 500)


def blobs(_server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/api/blobs/DIGEST``: there are none."""
    digest = request.path.rpartition("/")[2].replace(":", "-")
    return native_error(ApiError(404, f"stat /models/blobs/{digest}: no such file or directory"))


def _model(model: Model, name: str) -> bytes:
    created = int(modified_at(model).timestamp())
    return b'{"id":%b,"object":"model","created":%d,"owned_by":"library"}' % (go_string(name), created)


def openai_models(server: EmulatorServer, _connection: Connection, request: HttpRequest) -> Answer:
    """Answer ``/v1/models`` and ``/v1/models/NAME``."""
    name = request.path.removeprefix("/v1/models").removeprefix("/")
    try:
        if name:
            return Answer(200, _model(find_model(server, name, tagged=True), name) + b"\n", JSON_BARE)
    except ApiError as error:
        return openai_error(error)
    listed = b",".join(_model(model, model.full_name) for model in server.models.values())
    return Answer(200, b'{"object":"list","data":[' + listed + b"]}\n", JSON_BARE)
