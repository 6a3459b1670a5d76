"""What the head of a response says before its stream: an error with what to do, a redirect, compression."""

import json

from loopscope.core import api_key
from loopscope.core.text import plain, shown_url
from loopscope.rig.clients.base import Exchange, StreamFailure
from loopscope.streams.inflate import CODINGS, Inflater, coding_of

ERROR_BODY_BYTES = 8192


async def check(exchange: Exchange) -> Inflater | None:
    """Look at a response that has begun; give what undoes its compression, if it is compressed.

    Raises:
        StreamFailure: no stream of ours follows.
    """
    if exchange.status >= 300:
        raise await _refusal(exchange)
    return inflater_for(exchange.status, exchange.header("content-encoding"))


def inflater_for(status: int, header: str) -> Inflater | None:
    """Give what undoes the coding that a ``content-encoding`` names; ``None``: nothing must be undone.

    Raises:
        StreamFailure: it cannot be undone here.
    """
    coding = coding_of(header)
    if not coding:
        return None
    if coding not in CODINGS:
        raise StreamFailure(
            "garbage",
            f"the answer is compressed (content-encoding: {plain(coding, 40)}) although that was refused",
            status,
            "a proxy on the way does it: ask the server itself, or turn it off there",
        )
    return Inflater()


async def _refusal(exchange: Exchange) -> StreamFailure:
    if exchange.status < 400:
        return redirect(exchange.status, exchange.header("location"))
    body = b""
    async for piece in exchange.pieces():
        body += piece
        if len(body) > ERROR_BODY_BYTES:
            break
    return refusal(exchange.status, body[:ERROR_BODY_BYTES].decode("utf-8", "replace"))


def redirect(status: int, location: str) -> StreamFailure:
    """Return what is told of a redirect: prompts are sent where the operator said, and nowhere else."""
    shown = shown_url(location)
    advice = ""
    if shown:
        advice = "give that as the server" if "://" in shown else "give the server's URL with that path"
    return StreamFailure("http", f"HTTP {status}, redirects to {shown or 'nowhere'}", status, advice)


def refusal(status: int, text: str) -> StreamFailure:
    """Return what is told of an error response, ``text`` being its body or its beginning."""
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # not the usual shape: the text itself is the best there is
    return StreamFailure("http", f"HTTP {status}: {plain(str(text).strip(), 120)}", status, _advice(status))


def _advice(status: int) -> str:
    if status not in (401, 403):
        return ""
    if api_key.api_key():
        return f"it does not take the key of {api_key.KEY}"
    return f"if it wants a key, {api_key.HOW}" if status == 403 else f"it wants a key: {api_key.HOW}"
