"""What agents may ask for: the names of the dialects, the family that a server must speak, and the path."""

FAMILY = {
    "ollama": "ollama",
    "ollama-chat": "ollama",
    "openai": "openai",
    "openai-completions": "openai",
    "llamacpp": "openai",
}
"""``--api`` -> the family: what a server is found to speak (``ollama`` or ``openai``)."""

HELP = (
    "dialect: ollama is /api/generate, ollama-chat /api/chat, openai /v1/chat/completions, openai-completions"
    " /v1/completions, llamacpp its own /completion (default: found out)"
)
