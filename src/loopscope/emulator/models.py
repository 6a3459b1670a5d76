"""The models that can be emulated: published single-stream rates and the figures that ``/api/tags`` and ``ps`` show."""

import hashlib
from dataclasses import dataclass

MB = 1_000_000
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """One model. ``tok_s``: decoding rate of one stream alone; ``size_bytes`` on disk; ``vram_bytes`` once loaded."""

    name: str
    tok_s: float
    size_bytes: int
    vram_bytes: int
    family: str
    parameters: str
    quantization: str
    context: int
    embedding: int
    prefill_tok_s: float
    known: bool = True

    @property
    def full_name(self) -> str:
        """The name with its tag, as ``/api/tags`` lists it."""
        return with_tag(self.name)

    @property
    def digest(self) -> str:
        """A made-up digest, the same in every run."""
        return hashlib.sha256(f"loopscope emulator {self.full_name}".encode()).hexdigest()


def with_tag(name: str) -> str:
    """Return a name its default tag: ``gemma3`` is ``gemma3:latest``."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


_TABLE = (
    # The rates of gemma3, gemma3:270m, llama3.1:8b and qwen2.5:7b are published single-stream measurements of one
    # laptop card; the others are scaled from these by size and are round on purpose.
    Model("gemma3", 100, 3_338 * MB, 4_300 * MB, "gemma3", "4.3B", "Q4_K_M", 131_072, 2560, 2_400),
    Model("gemma3:4b", 100, 3_338 * MB, 4_300 * MB, "gemma3", "4.3B", "Q4_K_M", 131_072, 2560, 2_400),
    Model("gemma3:1b", 190, 815 * MB, 1_300 * MB, "gemma3", "999.89M", "Q4_K_M", 32_768, 1152, 6_000),
    Model("gemma3:270m", 304, 292 * MB, 620 * MB, "gemma3", "268.10M", "Q8_0", 32_768, 640, 12_000),
    Model("llama3.1:8b", 68, 4_920 * MB, 6_200 * MB, "llama", "8.0B", "Q4_K_M", 131_072, 4096, 1_500),
    Model("llama3.2", 120, 2_019 * MB, 3_100 * MB, "llama", "3.2B", "Q4_K_M", 131_072, 3072, 3_000),
    Model("llama3.2:1b", 200, 1_321 * MB, 2_000 * MB, "llama", "1.2B", "Q8_0", 131_072, 2048, 6_000),
    Model("qwen2.5:7b", 76, 4_683 * MB, 5_600 * MB, "qwen2", "7.6B", "Q4_K_M", 32_768, 3584, 1_600),
    Model("qwen2.5:0.5b", 280, 397 * MB, 800 * MB, "qwen2", "494.03M", "Q4_K_M", 32_768, 896, 10_000),
    Model("mistral", 70, 4_372 * MB, 5_500 * MB, "llama", "7.2B", "Q4_K_M", 32_768, 4096, 1_600),
    Model("phi4", 38, 9_053 * MB, 10_800 * MB, "phi3", "14.7B", "Q4_K_M", 16_384, 5120, 800),
)
MODELS = {model.full_name: model for model in _TABLE}


def model_of(name: str) -> Model:
    """Return a model by name. Any name will do: one that is not in the table gets middling figures."""
    known = MODELS.get(with_tag(name))
    if known is not None:
        return known
    return Model(name, 60, 5 * GB, 6 * GB, "llama", "8.0B", "Q4_K_M", 32_768, 4096, 1_500, known=False)
