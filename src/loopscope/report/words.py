"""Numbers as people read them: three figures, a unit, a dash where nothing is known."""

NOTHING = "-"


def ms(value: float | None) -> str:
    """Milliseconds without the unit."""
    if value is None:
        return NOTHING
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rate(value: float | None) -> str:
    """Something a second."""
    if value is None:
        return NOTHING
    if value >= 99_950:
        return f"{value / 1e3:.0f}k"
    return f"{value / 1e3:.1f}k" if value >= 9_995 else f"{value:.0f}" if value >= 999.5 else f"{value:.1f}"


def share(value: float | None) -> str:
    """A share of one, in percent."""
    if value is None:
        return NOTHING
    return f"{value:.0%}" if value >= 0.0995 else f"{value:.1%}"


def count(value: float | None) -> str:
    """A count, thousands apart."""
    return NOTHING if value is None else f"{value:,.0f}".replace(",", " ")


def plural(number: int, word: str) -> str:
    """A count with its word."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


_TIMES = 10.0
"""From ten times as much on, percent cannot be read."""


def change(before: float | None, after: float | None) -> str:
    """By how much a figure moved, in percent of what it was, or how many times it is; empty when it cannot be said."""
    if before is None or after is None or before == 0:
        return ""
    if after / before >= _TIMES:
        return f"x{after / before:.0f}"
    moved = f"{(after - before) / before:+.0%}"
    return "0%" if moved in ("+0%", "-0%") else moved
