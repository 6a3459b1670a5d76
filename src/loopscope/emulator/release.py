"""The releases of Ollama that can be emulated, and in what their wire differs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """One release. The defaults are those of 0.33, which runs every model in a llama.cpp server of its own."""

    version: str
    llama_server: bool = True
    """Durations come in whole microseconds and never 0; pictures, embeddings, formats and long prompts are refused in
    llama.cpp's words; a prompt that is too long is cut to half the window."""
    lists_capabilities: bool = True
    """``/api/tags`` tells capabilities, context and embedding length."""
    one_role: bool = True
    """Only the first delta of ``/v1/chat/completions`` carries the role."""
    names_missing_with_tag: bool = True
    """``/api/show`` names a model that it does not have with its tag."""


RELEASES = {
    "0.33": Release("0.33.0"),
    "0.24": Release(
        "0.24.0", llama_server=False, lists_capabilities=False, one_role=False, names_missing_with_tag=False
    ),
}
LATEST = "0.33"
