"""What of a server's own words may stand in a record."""

import json

import pytest

from loopscope.rig.quoting import LEFT_OUT, harmless

PROMPT = "Résumé of the patient:\nroom nine, since the second of May"
BODY = json.dumps({"model": "a-model-with-a-long-name:70b", "prompt": PROMPT}).encode()
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": PROMPT}]}).encode()


@pytest.mark.parametrize("body", [BODY, CHAT, b"{}", b"no JSON", b"[1]", b'{"prompt": 5, "messages": [{}]}', b""])
@pytest.mark.parametrize(
    "words",
    [
        "HTTP 404: model 'a-model-with-a-long-name:70b' not found, try pulling it first",
        "HTTP 400: the request exceeds the available context size (4096 tokens), try increasing it",
        "the server says: unexpected token at 5",
        "no connection: Connection refused",
        "no connection: [Errno 111] Connect call failed ('127.0.0.1', 9)",
        "no connection: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
        "the stream ended after 3 chunks without its final message",
        "",
    ],
)
def test_what_an_operator_needs_stays(words: str, body: bytes) -> None:
    """Sentences of servers that repeat nothing."""
    assert harmless(words, body) == words


@pytest.mark.parametrize("body", [BODY, CHAT])
@pytest.mark.parametrize(
    "quoted",
    [
        PROMPT,
        f"invalid: {PROMPT[23:]!r}",
        "bad prompt (room nine, since the second)",
        PROMPT.replace("\n", "·"),
        json.dumps(PROMPT),
        '{"anything": "at all"}',
        '[{"loc": ["body"]}]',
        "[ 'anything at all' ]",
        "[1, 2]",
    ],
)
def test_a_prompt_that_is_sent_back_is_left_out(quoted: str, body: bytes) -> None:
    """Whole, in part, with its line ends made plain, as JSON; and JSON of a shape that nobody knows."""
    assert harmless(f"HTTP 500: {quoted}", body) == f"HTTP 500: {LEFT_OUT}"


@pytest.mark.parametrize(
    "words",
    [
        "HTTP 401: Authorization: Bearer hunter22",
        "HTTP 401: 'proxy-authorization': 'Basic hunter22=='",
        "HTTP 401: Incorrect API key provided: hunter22",
        "HTTP 401: Incorrect API key sk-hunter22",
        "HTTP 401: api_key=hunter22&x=1",
        "no valid URL: https://me:hunter22@host/v1",
        "no valid URL: https://host/v1?key=hunter22 is none",
        "cut: illegal chunk header: bytearray(b'hunter22 is what the model said')",
        'cut: bad status line b"hunter22"',
    ],
)
def test_credentials_and_bytes_off_the_wire_are_left_out(words: str) -> None:
    """What a proxy has put in, and what a parser of HTTP stumbled over."""
    told = harmless(words, BODY)
    assert "hunter22" not in told
    assert told.startswith(words[:8])


def test_it_takes_bounded_time() -> None:
    """A long error about a long prompt: what is looked at is bounded, and nothing backtracks."""
    prompt = "a " * 500_000
    body = json.dumps({"prompt": prompt}).encode()
    assert harmless("HTTP 500: " + "b=" * 100_000, body) == "HTTP 500: " + "b=" * 195
    assert harmless("HTTP 500: " + "a " * 100, body) == f"HTTP 500: {LEFT_OUT}"
    assert len(harmless("://" * 300, b"")) <= 400
