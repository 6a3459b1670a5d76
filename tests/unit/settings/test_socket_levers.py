"""Read size and TCP options: one canonical form, and a sentence where they cannot be had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.errors import InputError
from loopscope.settings.levers import canonical, defaults, tcp
from loopscope.settings.levers.read import parse_read, read_refused
from loopscope.settings.levers.tcp import Tcp, parse_tcp


@pytest.mark.parametrize(
    ("lever", "text", "value"),
    [
        ("read", "AUTO", "auto"),
        ("read", "64k", "64k"),
        ("read", " 64KiB ", "64k"),
        ("read", "1024K", "1m"),
        ("read", "1m", "1m"),
        ("tcp", "Default", "default"),
        ("tcp", "rcvbuf:16K+nagle", "nagle+rcvbuf:16k"),
    ],
)
def test_values_have_one_canonical_form(lever: str, text: str, value: str) -> None:
    """Whatever way it is written, a value travels in one form, and that is its own."""
    assert canonical(lever, text) == value
    assert canonical(lever, value) == value


@pytest.mark.parametrize(
    ("lever", "text", "why"),
    [
        ("read", "2k", "valid: auto"),
        ("read", "2m", "valid"),
        ("read", "64", "valid"),
        ("read", "", "valid"),
        ("tcp", "", "valid: default"),
        ("tcp", "fast", "valid"),
        ("tcp", "nagle+nagle", "valid"),
        ("tcp", "rcvbuf", "valid"),
        ("tcp", "rcvbuf:1k", "valid"),
        ("tcp", "rcvbuf:8k+rcvbuf:9k", "valid"),
        ("tcp", "nagle:1", "valid"),
        ("tcp", "default+nagle", "valid"),
        ("tcp", "nagle+", "valid"),
        ("tcp", "nodelay", "by itself"),
    ],
)
def test_what_is_not_valid_says_what_is(lever: str, text: str, why: str) -> None:
    """One sentence, with the values that are valid."""
    with pytest.raises(InputError, match=why):
        canonical(lever, text)


def test_what_the_system_does_not_grant_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer that the system would silently cut down is refused with what it grants; so is an option it has not."""
    monkeypatch.setattr(tcp, "_granted", lambda size: 212_992)
    with pytest.raises(InputError, match="grants a receive buffer of 208 KiB at most"):
        canonical("tcp", "rcvbuf:1m")
    assert canonical("tcp", "rcvbuf:208k") == "rcvbuf:208k"
    monkeypatch.setattr(tcp, "quickack_here", lambda: False)
    with pytest.raises(InputError, match="only Linux"):
        canonical("tcp", "quickack")


@pytest.mark.parametrize(
    ("client", "loop", "read", "why"),
    [
        ("streams", "asyncio", "64k", ""),
        ("aiohttp", "asyncio", "1m", ""),
        ("httpx", "asyncio", "64k", ""),
        ("httpx", "uvloop", "128k", ""),
        ("ollama", "uvloop", "4k", ""),
        ("streams", "asyncio", "256k", "by itself"),
        ("httpx2", "uvloop", "64k", "by itself"),
        ("streams", "uvloop", "64k", "a buffer of its own of 256 000 bytes"),
        ("aiohttp", "uvloop", "4k", "a buffer of its own"),
        ("httpx", "uvloop", "256k", "256 000 bytes at most"),
    ],
)
def test_a_read_size_that_cannot_be_had_is_refused(client: str, loop: str, read: str, why: str) -> None:
    """Never set without effect: what the loop decides, and what the client does by itself."""
    levers = defaults() | {"client": client, "loop": loop, "read": read}
    words = read_refused(levers, ["http://127.0.0.1:1"])
    assert why in words if why else not words
    assert "TLS" in read_refused(levers, ["http://a", "https://b"])
    assert not read_refused(levers | {"read": "auto"}, ["https://b"])


@given(st.text(alphabet="nagle+quickrcvbuf:0123456789km. ", max_size=24))
def test_any_text_is_options_or_an_input_error(text: str) -> None:
    """No text makes the readers raise anything else; what is read is written so that it is read again."""
    for parse in (parse_read, parse_tcp):
        try:
            found = parse(text)
        except InputError:
            continue
        if isinstance(found, Tcp):
            assert parse_tcp(str(found)) == found
