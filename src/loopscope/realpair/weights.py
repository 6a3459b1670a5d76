"""Writes a model file: the llama architecture with seeded random weights.

Channel 0 of the residual stream is a constant that no layer touches, and column 0 of the output matrix holds the
logarithm of how often each piece should come: whatever the random rest computes, the output follows Zipf's law.
"""

import logging
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopscope.core.errors import InputError
from loopscope.realpair.vocabulary import BOS, EOS, make_vocabulary

FORMAT = 1
"""Raised when the same shape would give another file, so that a cached file is never mistaken for a new one."""
CONTEXT = 1 << 15
"""Context that the model claims to be trained for; what a server grants is its own choice."""
_NOISE = 1.5
"""Spread of the random part of the logits, in nats: the text varies, and common words stay common."""

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What sets the speed: layers, width, heads and vocabulary. ``about`` is one stream's rate over 2 000 tokens, alone
    on one core of an x86 server of 2026."""

    name: str
    layers: int
    hidden: int
    heads: int
    feed_forward: int
    vocabulary: int
    quantised: bool
    about: str


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", 1, 32, 1, 64, 800, False, "10000 tok/s"),
        Shape("small", 1, 64, 1, 128, 2048, False, "7000 tok/s"),
        Shape("medium", 4, 256, 4, 688, 2048, False, "900 tok/s"),
        Shape("large", 8, 512, 8, 1376, 16384, True, "220 tok/s"),
    )
}


def model_path(folder: Path, shape: Shape, seed: int, byte_share: float, end_share: float) -> Path:
    """Where the file for these parameters lies: its name tells them all."""
    return folder / f"random-{shape.name}-{FORMAT}-{seed}-{byte_share:g}-{end_share:g}.gguf"


def write_model(folder: Path, shape: Shape, seed: int = 1, byte_share: float = 0.05, end_share: float = 0.0) -> Path:
    """Write the model file unless it is there; gives its path.

    Raises:
        InputError: the folder cannot be written.
    """
    path = model_path(folder, shape, seed, byte_share, end_share)
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
        part = Path(name)
        try:
            _write(part, shape, seed, byte_share, end_share)
            part.replace(path)  # whole or not at all: two programs may write the same file at the same time
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write the model file in {folder}: {error.strerror or error}") from error
    return path


def _write(path: Path, shape: Shape, seed: int, byte_share: float, end_share: float) -> None:
    import gguf
    import numpy as np

    logging.getLogger("gguf").setLevel(logging.WARNING)
    vocabulary = make_vocabulary(shape.vocabulary, seed, byte_share, end_share)
    rng = np.random.default_rng(seed)
    hidden, head_dim = shape.hidden, shape.hidden // shape.heads
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"random-{shape.name}")
    writer.add_description("seeded random weights: looks like text, means nothing")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(head_dim)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_Q8_0 if shape.quantised else gguf.LlamaFileType.ALL_F32))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary.pieces)
    writer.add_token_types(vocabulary.types)
    writer.add_token_scores(vocabulary.scores)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(CHAT_TEMPLATE)

    def add(name: str, tensor: Any) -> None:
        if shape.quantised and tensor.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(tensor, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", tensor)

    def random(rows: int, columns: int, scale: float = 1.0, quiet_row: bool = False) -> Any:
        tensor = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale / math.sqrt(columns))
        if quiet_row:
            tensor[0] = 0.0  # nothing is added to channel 0
        return tensor

    ones = np.ones(hidden, dtype=np.float32)
    embedding = rng.standard_normal((shape.vocabulary, hidden), dtype=np.float32)
    embedding[:, 0] = math.sqrt(hidden)  # as strong as all the others together: half of the norm is constant
    add("token_embd", embedding)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        add(f"{block}.attn_norm", ones)
        for part in ("attn_q", "attn_k", "attn_v"):
            add(f"{block}.{part}", random(hidden, hidden))
        add(f"{block}.attn_output", random(hidden, hidden, 0.3, quiet_row=True))
        add(f"{block}.ffn_norm", ones)
        add(f"{block}.ffn_gate", random(shape.feed_forward, hidden))
        add(f"{block}.ffn_up", random(shape.feed_forward, hidden))
        add(f"{block}.ffn_down", random(hidden, shape.feed_forward, 0.3, quiet_row=True))
    norm = ones.copy()
    norm[0] = math.sqrt(2 / hidden)  # brings the constant channel back to about 1
    add("output_norm", norm)
    output = random(shape.vocabulary, hidden, _NOISE)
    output[:, 0] = np.asarray(vocabulary.bias, dtype=np.float32)
    add("output", output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
