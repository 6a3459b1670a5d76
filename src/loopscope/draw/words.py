"""Numbers as people read them: at most five characters, a dash where there is none, so that columns stand still."""

NONE = "–"
"""What stands where a figure is not known. Never a zero."""


def ms(value: float | None) -> str:
    """Milliseconds, three digits or so, at most five characters: ``0.34``, ``12.1``, ``212``, ``123s``."""
    if value is None or value != value:
        return NONE
    size = abs(value)
    if size < 9.995:
        return f"{value:.2f}"
    if size < 99.95:
        return f"{value:.1f}"
    if size < 99_999.5:
        return f"{value:.0f}"
    return f"{value / 1000:.0f}s"


def rate(value: float | None) -> str:
    """Something per second, at most five characters: ``98.4``, ``1612``, ``12.9k``, ``1.3M``."""
    if value is None or value != value:
        return NONE
    if value < 99.95:
        return f"{value:.1f}"
    if value < 9_999.5:
        return f"{value:.0f}"
    if value < 99_950:
        return f"{value / 1e3:.1f}k"
    if value < 999_500:
        return f"{value / 1e3:.0f}k"
    return f"{value / 1e6:.1f}M"


def share(value: float | None) -> str:
    """Share of one as percent: ``0.8 %``, ``38 %``."""
    if value is None or value != value:
        return NONE
    percent = 100 * value
    return f"{percent:.1f} %" if abs(percent) < 9.95 else f"{percent:.0f} %"


def count(value: int) -> str:
    """Whole number, at most five characters: ``4210``, ``12.9k``."""
    return str(value) if value < 100_000 else rate(float(value))


def clock(seconds: float) -> str:
    """Seconds as ``1:23`` or ``1:02:03``."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def size(n_bytes: float | None) -> str:
    """Bytes in the binary unit that keeps the number short: ``812 B``, ``12.4 KiB``."""
    if n_bytes is None or n_bytes != n_bytes:
        return NONE
    if n_bytes < 1024:
        return f"{n_bytes:.0f} B"
    if n_bytes < 1024 * 1024:
        return f"{n_bytes / 1024:.1f} KiB"
    return f"{n_bytes / 1024 / 1024:.1f} MiB"


def plural(n: int, word: str) -> str:
    """``1 agent``, ``2 agents``."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
