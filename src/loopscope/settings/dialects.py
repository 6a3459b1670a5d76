"""What agents may ask for: the names of the dialects, the family that a server must speak, and the path."""

from loopscope.streams.dialects import DIALECTS

FAMILY = {name: dialect.family for name, dialect in DIALECTS.items()}
"""``--api`` -> the family: what a server is found to speak (``ollama`` or ``openai``)."""

HELP = f"dialect: {', '.join(f'{name} is {one.path}' for name, one in DIALECTS.items())} (default: found out)"


def emulated(name: str) -> bool:
    """Say whether the emulator speaks a dialect; an unnamed one is found out, so it does."""
    return not name or DIALECTS[name].emulated


def own_client(name: str) -> bool:
    """Say whether the official client of Ollama speaks a dialect."""
    return DIALECTS[name].hear is not None
