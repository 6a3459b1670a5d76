"""What of a library's exception may be told."""

import errno
import os
import socket
import ssl

import pytest

from loopscope.core.failure_words import detail_of


def chained(*errors: BaseException, hidden: bool = False) -> BaseException:
    """Raise each from the one before it, as libraries do; give the last."""
    last = errors[0]
    for error in errors[1:]:
        if hidden:
            error.__context__, error.__suppress_context__ = last, True
        else:
            error.__cause__ = last
        last = error
    return last


NO_FILES = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")
CERTIFICATE = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NO_FILES, "too many open files (ulimit -n is"),
        (REFUSED, "nothing answers (connection refused)"),
        (CERTIFICATE, "name the file of your CA in SSL_CERT_FILE"),
        (socket.gaierror(-2, "Name or service not known"), "the name of the host is not known"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connection reset by the server"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_the_system_s_reason_is_found_under_what_libraries_raise(error: OSError, words: str, hidden: bool) -> None:
    """However deep, and also where it is raised "from None"."""
    deep = chained(error, OSError("All connection attempts failed"), ValueError("answer"), hidden=hidden)
    for raised in (error, deep):
        assert words in detail_of(raised)


def test_of_several_addresses_the_most_telling_reason_is_told() -> None:
    """One refused and one without a descriptor: the latter is the cause of both."""
    both = ExceptionGroup("several", [REFUSED, NO_FILES])
    assert "too many open files" in detail_of(chained(both, OSError("failed")))
    text = "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] Connect call failed ('1', 1)"
    assert detail_of(OSError(text)) == "nothing answers (connection refused)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Server disconnected without sending a response.", "Server disconnected without sending a response"),
        ("peer closed connection without sending complete message body (incomplete chunked read)", "peer closed"),
        ("illegal chunk header: bytearray(b'the answer is')", "ValueError"),
        ("400, message='Bad status line: the answer is', url='http://h/?key=the answer is'", "ValueError"),
        ("Server disconnected: the answer is", "Server disconnected"),
    ],
)
def test_only_sentences_that_quote_nothing_are_told(text: str, words: str) -> None:
    """Parsers quote the bytes that they stumble over, and URLs may hold a key."""
    told = detail_of(ValueError(text))
    assert told.startswith(words)
    assert "answer" not in told
