"""Two real llama.cpp servers with a small made-up model: real input where there is no Ollama, no GPU and no network.

Needs the extra ``[real]``: ``xllamacpp`` (llama.cpp with its HTTP server) and ``gguf`` (writes the model file).
"""
