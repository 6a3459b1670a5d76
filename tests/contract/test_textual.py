"""What is used of Textual beyond what it promises: each name is here, and a release that drops one says so here first.

``pyproject.toml`` takes any Textual from 8.2.5 below 9, which may rename whatever begins with an underscore.
"""

import ast
import re
from pathlib import Path

import pytest
import textual
from textual.app import App
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

PACKAGES = [Path(__file__).parents[2] / "src/loopscope" / name for name in ("ui", "draw")]
SOURCES = [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]
PRIVATE = [
    (HeadlessDriver, "_get_terminal_size", "ui/terminal.py asks the right stream for the size of the terminal"),
    (Driver, "_app", "ui/film.py hands what is drawn to the film"),
    (LinuxDriver, "_enable_mouse_support", "ui/terminal.py has the mouse back after a stop by the shell"),
    (Screen, "_compositor", "tests/ui read what stands on the screen"),
    (App, "_exit", "tests/ui wait for the end of the app"),
    (App, "_notifications", "tests/ui count what was said in a corner of the screen"),
]
DEFINED = re.compile(r"(?:self\.|def |^    )(_[a-zA-Z]\w*)\b", re.MULTILINE)


def defined(root: Path) -> set[str]:
    """Private names that a package gives its own objects."""
    return {name for path in root.rglob("*.py") for name in DEFINED.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize(("holder", "name", "use"), PRIVATE, ids=[name for _, name, _ in PRIVATE])
def test_each_private_name_is_still_there(holder: type, name: str, use: str) -> None:
    """With where it is used, for whoever has to do without it."""
    held = [text for kind in holder.__mro__ if kind is not object for text in [Path(_file(kind)).read_text("utf-8")]]
    assert hasattr(holder, name) or any(f"self.{name}" in text for text in held), (
        f"Textual {textual.__version__} has no {holder.__name__}.{name} any more: {use}"
    )


def test_no_other_is_used() -> None:
    """What we write and only Textual defines is in the list above."""
    ours: set[str] = set()
    used: dict[str, str] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                ours.add(node.name)
            elif isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
                if isinstance(node.ctx, ast.Store):
                    ours.add(node.attr)
                used.setdefault(node.attr, f"{path.name}:{node.lineno}")
            elif isinstance(node, ast.ImportFrom) and re.match(r"textual\.(\w+\.)*_", node.module or ""):
                used[str(node.module)] = f"{path.name}:{node.lineno}"
    theirs = defined(Path(textual.__file__).parent)
    known = {name for _, name, _ in PRIVATE}
    found = {name: place for name, place in used.items() if "." in name or (name in theirs and name not in ours)}
    assert {name: place for name, place in found.items() if name not in known} == {}
    # What overrides a method of theirs is ours by definition and theirs by name.
    assert "_get_terminal_size" in ours


def _file(kind: type) -> str:
    return str(__import__(kind.__module__, fromlist=["x"]).__file__)
