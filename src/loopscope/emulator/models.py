"""The models that can be emulated: published single-stream rates and the figures that ``/api/tags`` and ``ps`` show."""

import hashlib
from dataclasses import dataclass, replace

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
    capabilities: tuple[str, ...] = ("completion",)

    def can(self, ability: str) -> bool:
        """Return whether the model has a capability."""
        return ability in self.capabilities

    @property
    def full_name(self) -> str:
        """The name with its tag, as ``/api/tags`` lists it."""
        return with_tag(self.name)

    @property
    def digest(self) -> str:
        """A made-up digest, the same in every run."""
        return hashlib.sha256(f"loopscope emulator {self.full_name}".encode()).hexdigest()


CAPABILITIES = ("completion", "tools", "thinking", "insert", "vision", "embedding")


def lookup_key(name: str) -> str:
    """Return what a server finds a model by: without the registry and its library, with the tag, in lower case."""
    short = name.lower().removeprefix("https://").removeprefix("http://").removeprefix("registry.ollama.ai/")
    return with_tag(short.removeprefix("library/"))


def with_tag(name: str) -> str:
    """Return a name its default tag: ``gemma3`` is ``gemma3:latest``."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


_TOOLS = ("completion", "tools")
_TABLE = (
    # The rates of gemma3, gemma3:270m, llama3.1:8b and qwen2.5:7b are published single-stream measurements of one
    # laptop card; the others are scaled from these by size and are round on purpose.
    Model("gemma3", 100, 3_338 * MB, 4_300 * MB, "gemma3", "4.3B", "Q4_K_M", 131_072, 2560, 2_400),
    Model("gemma3:4b", 100, 3_338 * MB, 4_300 * MB, "gemma3", "4.3B", "Q4_K_M", 131_072, 2560, 2_400),
    Model("gemma3:1b", 190, 815 * MB, 1_300 * MB, "gemma3", "999.89M", "Q4_K_M", 32_768, 1152, 6_000),
    Model("gemma3:270m", 304, 292 * MB, 620 * MB, "gemma3", "268.10M", "Q8_0", 32_768, 640, 12_000),
    Model("llama3.1:8b", 68, 4_920 * MB, 6_200 * MB, "llama", "8.0B", "Q4_K_M", 131_072, 4096, 1_500, True, _TOOLS),
    Model("llama3.2", 120, 2_019 * MB, 3_100 * MB, "llama", "3.2B", "Q4_K_M", 131_072, 3072, 3_000, True, _TOOLS),
    Model("llama3.2:1b", 200, 1_321 * MB, 2_000 * MB, "llama", "1.2B", "Q8_0", 131_072, 2048, 6_000, True, _TOOLS),
    Model("qwen2.5:7b", 76, 4_683 * MB, 5_600 * MB, "qwen2", "7.6B", "Q4_K_M", 32_768, 3584, 1_600, True, _TOOLS),
    Model("qwen2.5:0.5b", 280, 397 * MB, 800 * MB, "qwen2", "494.03M", "Q4_K_M", 32_768, 896, 10_000, True, _TOOLS),
    Model(
        "qwen3:4b",
        100,
        2_620 * MB,
        3_600 * MB,
        "qwen3",
        "4.0B",
        "Q4_K_M",
        40_960,
        2560,
        2_400,
        True,
        (*_TOOLS, "thinking"),
    ),
    Model("mistral", 70, 4_372 * MB, 5_500 * MB, "llama", "7.2B", "Q4_K_M", 32_768, 4096, 1_600, True, _TOOLS),
    Model("phi4", 38, 9_053 * MB, 10_800 * MB, "phi3", "14.7B", "Q4_K_M", 16_384, 5120, 800),
    Model(
        "nomic-embed-text",
        60,
        274 * MB,
        600 * MB,
        "nomic-bert",
        "137M",
        "F16",
        2_048,
        768,
        20_000,
        True,
        ("embedding",),
    ),
    # Random weights, made for tests of servers: what real releases answered for it is held by a contract test.
    Model("tiny", 1_000, 1_426_169, 8_870_951, "llama", "344K", "unknown", 8_192, 64, 40_000),
)
MODELS = {lookup_key(model.name): model for model in _TABLE}


def model_of(name: str, abilities: tuple[str, ...] = ()) -> Model:
    """Return a model by name; one that is not in the table gets middling figures. ``abilities`` it has besides."""
    model = MODELS.get(lookup_key(name))
    if model is None:
        model = Model(name, 60, 5 * GB, 6 * GB, "llama", "8.0B", "Q4_K_M", 32_768, 4096, 1_500, known=False)
    more = tuple(ability for ability in abilities if ability not in model.capabilities)
    return replace(model, capabilities=model.capabilities + more) if more else model
