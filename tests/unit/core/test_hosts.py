"""Which host a URL leads to."""

import pytest

from loopscope.core.hosts import elsewhere


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("http://127.0.0.1:11434", False),
        ("http://localhost:1", False),
        ("http://[::1]:8080", False),
        ("", False),
        ("http://10.0.0.7:11434", True),
        ("https://gpu.example:443", True),
        ("http://[", False),
    ],
)
def test_another_host_is_known_by_its_address(url: str, other: bool) -> None:
    """Loopback is here, everything else is elsewhere."""
    assert elsewhere(url) is other
