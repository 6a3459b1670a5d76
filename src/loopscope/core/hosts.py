"""Which host a URL leads to, as far as its text says."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit


@lru_cache(maxsize=1024)
def elsewhere(url: str) -> bool:
    """Say whether a URL leads to another host; an empty one does not."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if not host or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True
