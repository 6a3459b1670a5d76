"""The live screen. ``run`` is all that others need; Textual is imported only when it is called (0.2 s)."""

import sys
from typing import TYPE_CHECKING

from loopscope.core.errors import LoopscopeError

if TYPE_CHECKING:
    from loopscope.model.summary_types import Summary
    from loopscope.session.source import Source


def run(source: "Source", *, theme: str | None = None) -> "Summary | None":
    """Open the screen over a source that has not been started, until the operator leaves; returns its summary, ``None``
    where it never started.

    Raises:
        InputError: no such theme (nothing was started).
        LoopscopeError: whatever the source's start raised, once the terminal is as it was; or the screen broke.
        SystemExit: 128 + the number of SIGTERM or SIGHUP, after everything was ended.
    """
    from loopscope.ui import farewell, guard, terminal, theming
    from loopscope.ui.app import LoopscopeApp

    book = theming.load()
    if theme is not None:
        book.check(theme)
    app = LoopscopeApp(source, book, theme)
    ended_by: list[int] = []

    def finish() -> "Summary | None":
        # A start under way must come to its end first: what it has begun by then is ended by stop().
        if app.starter.ident is not None:
            app.starter.join()
        return source.stop() if app.running else None

    stop = terminal.Stopper(finish)

    def signalled(number: int) -> None:
        ended_by.append(number)
        app.signalled(128 + number)

    with guard.guarded(app.guard_died), terminal.signals(signalled), terminal.watched(stop):
        try:
            app.run()
        finally:
            summary = stop()
    if app.failure is not None:
        raise app.failure
    if ended_by:
        sys.exit(128 + ended_by[0])
    if app.return_code:
        raise LoopscopeError("the screen broke (the reason stands above); the session was ended in order")
    if app.view.seen and not app.view.replay:
        sys.stderr.write("".join(f"{line}\n" for line in farewell.lines(app.view.snapshot, source.recording)))
    return summary


def check_theme(name: str | None) -> None:
    """Refuse a theme that there is none of, also where no screen will be opened.

    Raises:
        InputError: no such theme; names those that there are.
    """
    if name is not None:
        from loopscope.ui import theming

        theming.load().check(name)


__all__ = ["check_theme", "run"]
