"""The bar of what takes longer than two seconds."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


def bar() -> Progress:
    """Give a bar on standard error, with words beside it; nothing where that is no terminal. Use it as a context."""
    console = Console(stderr=True, highlight=False, markup=False)
    return Progress(
        BarColumn(30),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
