"""Listening."""

import socket

import pytest

from kit.emulators import emulator
from loopscope.core.errors import InputError


def test_port_that_is_taken_is_said_in_a_sentence() -> None:
    """It names the port and what to use instead, and nothing is left open."""
    with emulator() as one:
        words = f"port {one.port} on 127.0.0.1 is taken.*--port"
        with pytest.raises(InputError, match=words), emulator("--port", str(one.port)):
            pass


def test_address_that_is_not_ours_is_said_in_a_sentence() -> None:
    """No traceback for an address of another machine or a name that is none."""
    for host in ("192.0.2.1", "no such host", "\u00e4" * 80):
        with pytest.raises(InputError, match="cannot listen"), emulator("--host", host):
            pass


def test_url_is_one_that_a_client_can_use() -> None:
    """The wildcard address is shown as this machine, IPv6 in brackets."""
    with emulator("--host", "0.0.0.0") as one:
        assert one.url == f"http://127.0.0.1:{one.port}"
        assert one.ask("GET", "/", headers={"Host": "anything.example"}).status == 200
    if not socket.has_ipv6:
        return
    try:
        with emulator("--host", "::1") as one:
            assert one.url == f"http://[::1]:{one.port}"
    except InputError:
        pytest.skip("no IPv6 on this machine")


def test_end_closes_every_connection() -> None:
    """Streams under way end with the server."""
    with emulator() as one:
        link = one.link().post(options={"num_predict": 1_000_000})
        link.head()
        one.server.stop()
        assert b'"done":true' not in link.rest()
