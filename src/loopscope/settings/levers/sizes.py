"""Sizes as levers of the sockets are given them: whole KiB, ``64k``, ``1m``."""

import re

KIB = 1024
_SIZE = re.compile(r"([0-9]{1,7})(k|m)(?:ib)?", re.IGNORECASE)


def written(size: int) -> str:
    """Return the canonical string of a number of bytes, which is a whole number of KiB."""
    return f"{size // KIB}k" if size % (KIB * KIB) else f"{size // (KIB * KIB)}m"


def parse_size(text: str, most: int) -> int:
    """Return the bytes of ``64k``, ``1m``; 0 for what is no size from 4 KiB to ``most``."""
    match = _SIZE.fullmatch(text)
    size = 0 if match is None else int(match[1]) * (KIB if match[2].lower() == "k" else KIB * KIB)
    return size if 4 * KIB <= size <= most else 0
