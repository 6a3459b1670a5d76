"""loopscope: ``top`` for streaming LLM agents."""

__version__ = "0.1.0"
