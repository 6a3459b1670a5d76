"""Log probabilities of tokens: made up, the same for the same token, in the order and the types of real ones."""

import zlib

from loopscope.emulator.corpus import text_of
from loopscope.emulator.go_encoding import go_string
from loopscope.emulator.script import Script

MOST = 20
"""Alternatives that a request may ask for."""


def token_logprobs(text: str, top: int) -> bytes:
    """Return the entry of one token as JSON, with ``top`` alternatives, likeliest first."""
    entry = _entry(text, -0.01 - _chance(text) * 3)
    if not top:
        return entry + b"}"
    others = text_of("words").texts
    start = zlib.crc32(text.encode("utf-8", "replace")) % (len(others) - top)
    rivals = b",".join(
        _entry(others[start + n], -0.5 - n * 0.25 - _chance(others[start + n]) / 8) + b"}" for n in range(top)
    )
    return entry + b',"top_logprobs":[' + rivals + b"]}"


def script_logprobs(script: Script) -> bytes:
    """Return the entries of all tokens of a script."""
    texts = script.text.texts
    shown = (texts[n % len(texts)] for n in range(script.start, script.start + script.spoken))
    return b",".join(token_logprobs(text, script.top_logprobs) for text in shown if text)


def _entry(text: str, value: float) -> bytes:
    octets = ",".join(str(byte) for byte in text.encode("utf-8", "replace"))
    return b'{"token":' + go_string(text) + f',"logprob":{value!r},"bytes":[{octets}]'.encode()


def _chance(text: str) -> float:
    """Return a number in [0, 1) that depends on the text alone."""
    return zlib.crc32(b"p" + text.encode("utf-8", "replace")) / 2**32
