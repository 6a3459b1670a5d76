"""What of a library's exception may be told.

Parsers of HTTP quote the bytes that they stumble over, which may be a part of an answer, and URLs may hold a key. So
only sentences are told that are known to quote nothing, and the system's own words.
"""

import errno
import importlib
import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

try:  # now: once no descriptor is left, nothing can be imported any more
    resource: Any = importlib.import_module("resource")
except ImportError:  # Windows
    resource = None

_QUOTES_NOTHING = re.compile(
    r"Server disconnected(?: without sending a response)?"
    r"|peer closed connection without sending complete message body"
    r" \((?:incomplete chunked read|received \d+ bytes, expected \d+)\)"
    r"|Not enough data to satisfy (?:transfer|content) length header"
    r"|Response payload is not completed"
    r"|Connection lost|Connection closed"
    r"|Timeout on reading data from socket"
)
_NUMBERED = re.compile(r"\[Errno (\d{1,5})\]")
_NO_FILES = (errno.EMFILE, errno.ENFILE)
_MOST_CAUSES = 20


def detail_of(error: BaseException) -> str:
    """Return what may be told of an exception; its type's name where nothing else may."""
    system = _system_error(error)
    if system is not None:
        return system_words(system)
    several = _NUMBERED.findall(str(error)) if isinstance(error, OSError) else []
    if several:  # one for each address of the name
        number = next((int(one) for one in several if int(one) in _NO_FILES), int(several[-1]))
        return system_words(OSError(number, os.strerror(number)))
    known = _QUOTES_NOTHING.search(str(error))
    return known[0] if known else type(error).__name__


def system_words(error: OSError) -> str:
    """Return the system's own words, and what to do where that is known."""
    if error.errno in _NO_FILES:
        return f"too many open files{_limit()}: raise the limit, or run fewer agents"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = getattr(error, "verify_message", "")
        reason = f" ({message})" if message else ""
        return f"its certificate is not trusted here{reason}: name the file of your CA in SSL_CERT_FILE"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or type(error).__name__})"
    if isinstance(error, socket.gaierror):
        return "the name of the host is not known"
    if error.errno == errno.ECONNREFUSED:
        return "nothing answers (connection refused)"
    if error.errno == errno.ECONNRESET:
        return "connection reset by the server"
    return error.strerror if error.errno and error.strerror else type(error).__name__


def _limit() -> str:
    return "" if resource is None else f" (ulimit -n is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]})"


def _system_error(error: BaseException) -> OSError | None:
    """Return the error of the system that this one comes from: the most telling, where there are several."""
    found = [cause for cause in _causes(error) if isinstance(cause, OSError) and (cause.errno or _tells(cause))]
    return next((cause for cause in found if cause.errno in _NO_FILES), found[-1] if found else None)


def _tells(error: OSError) -> bool:
    return isinstance(error, ssl.SSLError | socket.gaierror)


def _causes(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], 0
    while waiting and seen < _MOST_CAUSES:
        seen += 1
        one = waiting.pop()
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        # httpcore raises "from None", and keeps what it comes from as the context.
        inner = one.__cause__ or one.__context__
        waiting += [cause for cause in (inner, getattr(one, "os_error", None)) if cause is not None]
