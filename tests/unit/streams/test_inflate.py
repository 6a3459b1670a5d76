"""Compressed bodies: whole however they are cut, bounded however small they are."""

import gzip
import zlib

import pytest

from loopscope.streams.inflate import InflateError, Inflater, coding_of


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"one\ntwo\n"), zlib.compress(b"one\ntwo\n")], ids=["gzip", "deflate"]
)
def test_it_is_whole_however_it_is_cut(packed: bytes) -> None:
    """Byte by byte, and in one piece."""
    inflater = Inflater()
    assert b"".join(part for at in range(len(packed)) for part in inflater.feed(packed[at : at + 1])) == b"one\ntwo\n"
    assert b"".join(Inflater().feed(packed)) == b"one\ntwo\n"


def test_a_flushed_stream_comes_as_it_is_sent() -> None:
    """What a proxy has flushed is there at once."""
    packer, inflater = zlib.compressobj(wbits=31), Inflater()
    for text in (b"first\n", b"second\n"):
        assert b"".join(inflater.feed(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))) == text


def test_zeros_come_in_bounded_pieces() -> None:
    """64 MiB of them are 64 KiB on the wire; who takes them stops when it has enough."""
    pieces = Inflater().feed(gzip.compress(bytes(64 << 20)))
    assert max(len(next(pieces)) for _ in range(10)) <= 256 << 10


def test_damage_is_told() -> None:
    """One error, without a byte of it."""
    with pytest.raises(InflateError, match="damaged"):
        list(Inflater().feed(b"no compression at all"))


def test_identity_is_no_coding() -> None:
    """Nor is an empty header."""
    assert (coding_of("identity"), coding_of(""), coding_of(" GZIP ")) == ("", "", "gzip")
