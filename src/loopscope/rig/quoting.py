"""What of a server's own words may stand in a record.

Servers explain themselves ("model 'm' not found"), which an operator needs. Some repeat the request, too, or a header
that a proxy has added. A trace travels, and neither prompts nor credentials travel with it.
"""

import json
import re

from loopscope.core.api_key import api_key

LEFT_OUT = "its words repeat the request and are left out"
_RUN = 20
"""So many characters of a prompt in a row are a quotation: shorter runs are ordinary words ("the context window")."""
_STEP = 8
_LEAST = 6
_MOST = 400
"""Characters that are looked at: a record holds at most 200."""
_HIDDEN = "[left out]"
_SECRETS = re.compile(
    r"\b(?:proxy-)?authorization\b\W{0,4}(?:(?:bearer|basic|digest)\s+)?[^\s,;\"']+"
    r"|\b(?:x[-_])?(?:api[-_ ]?key|(?:(?:access|auth|refresh)[-_ ]?)?token|password|passwd|secret)\b"
    r"[^=:]{0,20}[=:]\W{0,3}[^\s,;&\"']+"
    r"|\b(?:bearer|basic)\s+[^\s,;\"']{6,}"
    r"|\bsk-[\w*-]{4,}",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")
_BYTES = re.compile(r"(?:bytearray\()?\bb['\"].*", re.DOTALL)
"""Parsers of HTTP quote the bytes that they stumble over: a part of an answer, where chunks are out of step."""
_JSON = re.compile(r"""\s*(?:\{|\[\s*[\[{"'\d\]-])""")
"""Not "[SSL: CERTIFICATE_VERIFY_FAILED]", nor "[Errno 111]", as systems begin."""
_QUERY = re.compile(r"(://[^\s?#\"']*)[?#][^\s\"']*")


def harmless(words: str, body: bytes) -> str:
    """Give words about a failed request without credentials, and without what they quote of the request's ``body``
    (JSON). What stands before the first colon is ours. A server's JSON of no known shape is left out whole: it may hold
    anything."""
    words = words[:_MOST]
    if (key := api_key()) and len(key) >= _LEAST:
        words = words.replace(key, _HIDDEN)
    ours, colon, quoted = words.partition(": ")
    if not colon:
        ours, quoted = "", words
    if _JSON.match(quoted) or _repeats(quoted, body):
        return f"{ours}: {LEFT_OUT}" if ours else LEFT_OUT
    words = _QUERY.sub(r"\1", _CREDENTIALS.sub("", _BYTES.sub(_HIDDEN, words)))
    return _SECRETS.sub(_HIDDEN, words)


def _repeats(text: str, body: bytes) -> bool:
    prompts = [prompt for prompt in _prompts(body) if len(prompt) >= _LEAST]
    if any(prompt in text for prompt in prompts):
        return True
    # As it is, and as it stands in JSON: a server may send back the very bytes.
    held = [form for prompt in prompts for form in (prompt, json.dumps(prompt)[1:-1])]
    for piece in re.split(r"[·\r\n]", text):
        for at in range(0, max(1, len(piece) - _RUN + 1), _STEP):
            run = piece[at : at + _RUN]
            if len(run.strip()) >= _RUN // 2 and len(run) == _RUN and any(run in form for form in held):
                return True
    return False


def _prompts(body: bytes) -> list[str]:
    try:
        asked = json.loads(body)
        held = [asked.get("prompt"), *(message.get("content") for message in asked.get("messages", ()))]
    except (ValueError, AttributeError, RecursionError):
        return []
    return [prompt for prompt in held if isinstance(prompt, str)]
