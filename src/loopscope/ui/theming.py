"""Themes: one TOML file each, read, checked, and made ready for Textual. A broken file is one sentence, never a crash.

The keys of a file are the fields of ``textual.theme.Theme``; its table ``[variables]`` holds our own names
(:data:`OWN`) and, if wanted, Textual's. The file's stem is the theme's name.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.design import ColorSystem
from textual.theme import BUILTIN_THEMES, Theme

from loopscope.core.errors import InputError
from loopscope.core.text import plain
from loopscope.settings.places import themes_dirs

DEFAULT = "dark"
SIXTEEN = "terminal"
"""The theme for terminals with 16 colours: it names the terminal's own instead of being rounded to them."""

OWN: Mapping[str, str] = {
    "text": "foreground",
    "value": "foreground",
    "label": "secondary",
    "missing": "secondary",
    "title": "foreground",
    "frame": "secondary",
    "axis": "secondary",
    "key": "accent",
    "header": "panel",
    "header-text": "foreground",
    "header-strong": "foreground",
    "header-label": "secondary",
    "footer": "panel",
    "footer-text": "foreground",
    "footer-key": "accent",
    "badge-text": "background",
    "embedded": "warning",
    "paused": "accent",
    "recording": "error",
    "problem": "error",
    "finding": "warning",
    "rate": "primary",
    "bound": "foreground",
    "elu": "success",
    "trough": "secondary",
    "spark": "primary",
    "delay": "accent",
    "delay-slow": "warning",
    "lag": "success",
    "lag-slow": "warning",
    "gap-ok": "primary",
    "gap-slow": "warning",
    "stall": "error",
    "floor": "foreground",
    "power": "warning",
    "power-dim": "secondary",
    "mark": "accent",
    "busy": "warning",
    "stack-cpu": "success",
    "stack-gc": "accent",
    "stack-blocked": "error",
    "stack-core": "warning",
    "better": "success",
    "worse": "error",
    "same": "secondary",
    "lever-moved": "accent",
    "cursor": "panel",
    "cursor-mark": "accent",
    "replay": "accent",
    "state-streaming": "success",
    "state-waiting": "warning",
    "state-pausing": "secondary",
    "state-retrying": "error",
    "series-1": "primary",
    "series-2": "success",
    "series-3": "warning",
    "series-4": "accent",
    "series-5": "error",
    "series-6": "secondary",
    "series-7": "foreground",
    "series-8": "primary",
}
"""Our own names, each with the field of a theme that stands in where a theme does not set it."""

_COLOURS = (
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
)
_FLAGS = ("dark", "ansi")
_NUMBERS = ("luminosity_spread", "text_alpha")


@dataclass(slots=True)
class Book:
    """The themes that were found, in the order of the key that cycles them, and what was wrong with other files."""

    themes: dict[str, Theme] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """Every name, the default first."""
        return sorted(self.themes, key=lambda name: (name != DEFAULT, name))

    def check(self, name: str) -> str:
        """Give the name back if it is a theme's.

        Raises:
            InputError: it is not; the text lists those that are, and why its file could not be read if there is one.
        """
        if name in self.themes or name in BUILTIN_THEMES:
            return name
        why = next((f" ({text})" for text in self.broken if f"{name}.toml" in text), "")
        raise InputError(
            f"there is no theme {plain(name, 60)!r}{why}; themes: {', '.join(self.names()) or 'none found'}"
        )

    def after(self, name: str) -> str:
        """Give the theme that the key sets next."""
        names = self.names() or [name]
        return names[(names.index(name) + 1) % len(names)] if name in names else names[0]


def load(folders: Iterable[Path] | None = None) -> Book:
    """Read every theme of the given folders (default: those that ship, then the user's); a later one replaces."""
    book = Book()
    for folder in themes_dirs() if folders is None else folders:
        try:
            files = sorted(folder.glob("*.toml"))
        except OSError as error:
            book.broken.append(f"themes folder {folder}: {error.strerror or error}")
            continue
        for path in files:
            try:
                book.themes[path.stem] = read(path)
            except InputError as error:
                book.broken.append(str(error))
    return book


def read(path: Path) -> Theme:
    """Read and check one theme.

    Raises:
        InputError: the file cannot be read, or what in it is wrong.
    """
    where = f"theme {plain(path.name, 80)}"
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{where}: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{where}: nested too deep") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{where}: not TOML: {plain(str(error))}") from error
    return parse(path.stem, data, where)


def parse(name: str, data: Mapping[str, Any], where: str) -> Theme:
    """Make a theme of the table of its file.

    Raises:
        InputError: a key that a theme does not have, a value that is no colour, no ``primary``.
    """
    fields: dict[str, Any] = {}
    for key, value in data.items():
        if key == "variables":
            continue
        if key in _COLOURS:
            fields[key] = _colour(value, f"{where}: {key}")
        elif key in _FLAGS:
            if not isinstance(value, bool):
                raise InputError(f"{where}: {key} must be true or false, not {plain(repr(value), 40)}")
            fields[key] = value
        elif key in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise InputError(f"{where}: {key} must be a number from 0 to 1, not {plain(repr(value), 40)}")
            fields[key] = float(value)
        else:
            known = ", ".join((*_COLOURS, *_FLAGS, *_NUMBERS, "[variables]"))
            raise InputError(f"{where}: there is no key {plain(key, 40)!r}; keys: {known}")
    if "primary" not in fields:
        raise InputError(f"{where}: primary is missing")
    variables = data.get("variables", {})
    if not isinstance(variables, dict):
        raise InputError(f"{where}: variables must be a table, not {plain(repr(variables), 40)}")
    checked = {key: _variable(key, value, f"{where}: variables.{plain(key, 40)}") for key, value in variables.items()}
    return Theme(name=name, variables=checked, **fields)


def _colour(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where} must be a colour in quotes, not {plain(repr(value), 40)}")
    try:
        Color.parse(value)
    except ColorParseError as error:
        raise InputError(f"{where}: {plain(value, 40)!r} is no colour") from error
    return value


def _variable(key: str, value: object, where: str) -> str:
    if key in OWN:
        return _colour(value, where)
    if key not in _TEXTUAL:
        raise InputError(f"{where}: there is no such variable; ours: {', '.join(OWN)}; else those of Textual")
    if not isinstance(value, str):
        raise InputError(f"{where} must be a value in quotes, not {plain(repr(value), 40)}")
    if key.endswith("-style"):
        if not set(value.split()) <= _TEXT_STYLES:
            raise InputError(f"{where}: {plain(value, 40)!r} is no text style")
        return value
    # Textual's own may be blended: "ansi_blue 50%".
    colour, _, blend = value.partition(" ")
    if blend and re.fullmatch(r"[0-9]{1,3}%", blend) is None:
        raise InputError(f"{where}: {plain(value, 40)!r} is no colour")
    _colour(colour, where)
    return value


# What Textual's own sheets ask of a theme with the terminal's colours, and no theme but its own two sets.
_ANSI = {"ansi-background": "ansi_black", "ansi-foreground": "ansi_white"}
_TEXTUAL = frozenset({*ColorSystem("#000000").generate(), *_ANSI})
_TEXT_STYLES = {"none", "not", "bold", "dim", "italic", "underline", "strike", "reverse"}


def defaults(theme: Theme) -> dict[str, str]:
    """Our own names for a theme that does not set them: the field that stands in, or the next best that it has."""
    given = {
        "primary": theme.primary,
        "secondary": theme.secondary or theme.primary,
        "warning": theme.warning or theme.primary,
        "error": theme.error or theme.secondary or theme.primary,
        "success": theme.success or theme.secondary or theme.primary,
        "accent": theme.accent or theme.primary,
    }
    edges = ("#ffffff", "#101010") if theme.dark else ("#101010", "#ffffff")
    given["foreground"] = theme.foreground or edges[0]
    given["background"] = theme.background or edges[1]
    given["panel"] = theme.panel or theme.surface or given["background"]
    own = {name: theme.variables.get(name, given[stand_in]) for name, stand_in in OWN.items()}
    return {**_ANSI, **own} if theme.ansi else own
