"""A dialect that a test adds: Ollama's, in its own place."""

from dataclasses import replace

from loopscope.streams.dialects.ollama import DIALECT as _OLLAMA

DIALECT = replace(_OLLAMA, name="morse", path="/api/morse", ending="/api/morse", knows=lambda message: False)
