"""The key that servers of one's own may want: from the environment or a command, never stored and never shown."""

import os
import shlex
import subprocess
from functools import cache

KEY, COMMAND = "LOOPSCOPE_API_KEY", "LOOPSCOPE_API_KEY_COMMAND"
"""Variables of the environment: the key itself; a command that prints it."""
HOW = f"put its key into the variable {KEY}, or a command that prints it into {COMMAND}"
_MOST_S = 20.0


@cache
def api_key() -> str:
    """Return the key, sent as ``Authorization: Bearer``; empty: there is none. Child processes inherit it."""
    key = os.environ.get(KEY, "").strip()
    command = os.environ.get(COMMAND, "").strip()
    if not key and command:
        try:
            done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=_MOST_S, check=True)
        except (OSError, ValueError, subprocess.SubprocessError):
            return ""
        key = done.stdout.strip()
        os.environ[KEY] = key
    return key if key.isascii() and key.isprintable() and " " not in key else ""


def authorization() -> dict[str, str]:
    """Return the header that carries the key; empty without one."""
    key = api_key()
    return {"authorization": f"Bearer {key}"} if key else {}
