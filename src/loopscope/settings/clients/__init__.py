"""The clients by name: what each needs, and what it cannot do.

See :class:`~loopscope.settings.clients.client.ClientKind`.
"""

from loopscope.core.registry import Registry
from loopscope.settings.clients.client import ClientKind

CLIENTS: Registry[ClientKind] = Registry(__name__, "CLIENT")


def clients_here() -> tuple[str, ...]:
    """Names of the clients that are installed."""
    return tuple(name for name, kind in CLIENTS.items() if kind.here)


def decodes_itself(name: str) -> str:
    """Say that a lever of decoding is without effect with this client, and why; empty when it acts."""
    return f"without effect: the {name} client decodes by itself" if CLIENTS[name].decodes else ""
