"""Numbers as people read them, written in one place: on screen, in findings, in reports and in errors.

Every function takes ``None`` and floats that are no number, and returns :data:`NONE` for them. No output has an
exponent, an infinity or a nan, and each has a bounded width, whatever a damaged file says. Groups of three digits stand
apart (``4 210``), and a unit stands apart from its number (``38 %``, ``1.3 M``, ``12.1 ms``).
"""

from collections.abc import Callable
from math import isfinite

NONE = "–"
"""The sign of a figure that is not known. Never a zero."""

_LARGEST = 1e15
"""Nothing that is measured is larger: beyond it the number says only that."""


def absent(reason: str = "") -> str:
    """Return the sign of absence, or the reason in words where there is room for one."""
    return f"not known: {reason}" if reason else NONE


def rate(value: float | None) -> str:
    """Return something a second, at most nine characters: ``0.34``, ``98.4``, ``4 210``, ``12.9 k``, ``1.3 M``."""
    return _signed(value, _rate)


def number(value: float | None) -> str:
    """Return a figure of any kind with three digits: ``0.0042``, ``0.34``, ``12``, ``12.3``, ``4 210``, ``1.3 M``."""
    return _signed(value, _number)


def count(value: float | None) -> str:
    """Return a whole number, to the digit below a million: ``4 210``, ``129 345``, ``1.3 M``."""
    return _signed(value, lambda size: _grouped(size) if size < 999_999.5 else _rate(size))


def share(value: float | None) -> str:
    """Return a share of one as percent: ``0.8 %``, ``38 %``."""
    return _percent(value, 9.95)


def tenths(value: float | None) -> str:
    """Return a share of one as percent to a tenth, for what is compared to a tenth: ``86.2 %``."""
    return _percent(value, 999.5)


def points(value: float | None) -> str:
    """Return a share of one in points of a hundred, without a unit: ``13.5``, ``-0.8``."""
    return NONE if value is None else _signed(_hundredfold(value), lambda size: _decimals(size, 999.5, 1))


def ms(value: float | None) -> str:
    """Return milliseconds under a heading that says so: ``0.34``, ``12.1``, ``2 982``; from 100 s on ``123 s``."""
    return _signed(value, lambda size: _digits(size) if size < 99_999.5 else f"{_rate(size / 1e3)} s")


def time(ms_: float | None) -> str:
    """Return a time given in milliseconds in the unit that keeps it short: ``340 us``, ``12.1 ms``, ``1.23 s``."""
    return _signed(ms_, _time)


def seconds(value: float | None) -> str:
    """Return a stretch of time given in seconds: ``0.4 s``, ``12.5 s``, ``300 s``, ``12 min``, ``3.4 h``."""
    return _signed(value, _seconds)


def clock(value: float | None) -> str:
    """Return seconds as ``1:23`` or ``1:02:03``; from 100 hours on in hours alone."""
    known = _float(value)
    if known is None:
        return NONE
    if known >= 360_000:
        return f"{_signed(known / 3600, _rate)} h"
    minutes, second = divmod(int(max(0.0, known)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def size(value: float | None) -> str:
    """Return bytes in the binary unit that keeps the number short: ``812 B``, ``12.4 KiB``, ``1.2 GiB``."""
    return _signed(value, _size)


def plural(n: float | None, word: str, words: str = "") -> str:
    """Return a count with its word: ``1 agent``, ``4 210 agents``, ``2 queries``."""
    return f"{count(n)} {word if n == 1 else words or f'{word}s'}"


def signed(value: float | None, say: Callable[[float], str] = number) -> str:
    """Return a difference with its sign; one that is not seen at this precision has none."""
    known = _float(value)
    if known is None:
        return NONE
    text = say(known)
    return f"+{text}" if known > 0 and text != say(0.0) and text.strip("0. %") else text


def change(before: float | None, after: float | None) -> str:
    """Return by how much a figure moved: ``+12 %``, ``-3 %``, ``x12`` from tenfold on; empty when it cannot be said."""
    old, new = _float(before), _float(after)
    if old is None or new is None or old <= 0 or new < 0:
        return ""
    times = min(new / old, 2 * _LARGEST)
    if times >= _TIMES:
        return f"x{_signed(times, _rate if times >= 999.5 else _grouped)}"
    moved = f"{100 * (times - 1):+.0f} %"
    return "0 %" if moved in ("+0 %", "-0 %") else moved


def interval(low: float | None, high: float | None, say: Callable[[float], str] = number) -> str:
    """Return an interval in words: ``1.2 to 3.4``; an end that is not known makes it ``at least`` or ``at most``."""
    lower, upper = _float(low), _float(high)
    if lower is None:
        return NONE if upper is None else f"at most {say(upper)}"
    return f"at least {say(lower)}" if upper is None else f"{say(lower)} to {say(upper)}"


_TIMES = 10.0
"""From ten times as much on, percent cannot be read."""


def _float(value: float | None) -> float | None:
    if value is None:
        return None
    try:
        known = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return known if isfinite(known) else None


def _signed(value: float | None, say: Callable[[float], str]) -> str:
    known = _float(value)
    if known is None:
        return NONE
    text = f">{say(_LARGEST)}" if abs(known) > _LARGEST else say(abs(known))
    if known >= 0 or not any(digit in text for digit in "123456789"):
        return text
    return f"{_TURNED[text[0]]}-{text[1:]}" if text[0] in _TURNED else f"-{text}"


_TURNED = {"<": ">", ">": "<"}
"""What bounds a size from one side bounds its negative from the other."""


def _hundredfold(value: float) -> float | None:
    known = _float(value)
    return None if known is None else max(-_LARGEST * 2, min(_LARGEST * 2, known)) * 100


def _percent(value: float | None, decimals_below: float) -> str:
    known = None if value is None else _hundredfold(value)
    return _signed(known, lambda size: f"{_decimals(size, decimals_below, 1)} %")


def _decimals(size: float, below: float, decimals: int) -> str:
    return f"{size:.{decimals}f}" if size < below else _grouped(size) if size < 99_999.5 else _rate(size)


def _grouped(size: float) -> str:
    return f"{size:,.0f}".replace(",", " ")


def _digits(size: float) -> str:
    """Two decimals, one, none: what stands below each other in a column of milliseconds."""
    if 0 < size < 0.005:
        return "<0.01"
    return f"{size:.2f}" if size < 9.995 else f"{size:.1f}" if size < 99.95 else _grouped(size)


def _rate(size: float) -> str:
    if 0 < size < 0.005:
        return "<0.01"
    if size < 9_999.5:
        small = f"{size:.1f}" if size >= 0.995 or size == 0 else f"{size:.2f}"
        return small if size < 99.95 else _grouped(size)
    for unit in ("k", "M", "G"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    return f"{_grouped(size / 1000)} T"


def _number(size: float) -> str:
    if size >= 99.95:
        return _rate(size).replace(".0 ", " ")
    if 0 < size < 0.000_001:
        return "<0.000001"
    for below, decimals in ((0.001, 6), (0.01, 5), (0.1, 4), (0.9995, 3), (9.995, 2)):
        if size < below:
            return f"{size:.{decimals}f}".rstrip("0").rstrip(".") or "0"
    return f"{size:.1f}".removesuffix(".0")


def _time(size_ms: float) -> str:
    if size_ms == 0:
        return "0 ms"
    if size_ms < 0.9995:
        us = size_ms * 1000
        return f"{us:.1f} us" if us < 9.95 else f"{us:.0f} us"
    if size_ms < 999.5:
        return f"{size_ms:.1f} ms" if size_ms < 99.95 else f"{size_ms:.0f} ms"
    return f"{size_ms / 1e3:.2f} s" if size_ms < 9_995 else _seconds(size_ms / 1e3)


def _seconds(size: float) -> str:
    if size < 599.5:
        return f"{size:.1f} s" if size < 99.95 else f"{size:.0f} s"
    return f"{size / 60:.0f} min" if size < 5_970 else f"{_rate(size / 3600)} h"


def _size(n_bytes: float) -> str:
    if n_bytes < 1023.5:
        return f"{n_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        n_bytes /= 1024
        if n_bytes < 1023.5:
            return f"{n_bytes:.1f} {unit}"
    return f"{_rate(n_bytes / 1024)} PiB"
