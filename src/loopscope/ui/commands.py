"""The command palette: every action of the table by name, and every agent."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from loopscope.ui.actions import ACTIONS, can
from loopscope.ui.controllers import Operated

_LEFT_OUT = {"palette", "interrupt", "up", "down", "page-up", "page-down", "back"}


class Commands(Provider):
    """``levers: other event loop``, ``view: next theme``, ``agent: agent-3`` ..."""

    def _all(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        app = cast("Operated", self.app)
        for act in ACTIONS:
            if act.id not in _LEFT_OUT and can(act, app.view):
                yield f"{act.group}: {act.title}", act.help, partial(act.run, app.controllers)
        for name in app.book.names():
            yield f"theme: {name}", "colours of the whole screen", partial(app.controllers.navigation.set_theme, name)
        for agent in app.view.agents():
            title = f"agent: {agent.name}  {agent.endpoint}"
            yield title, "open its detail", partial(app.controllers.navigation.open_agent, agent.agent)

    async def discover(self) -> Hits:
        """Yield everything, while nothing is typed."""
        for title, help_text, command in self._all():
            yield DiscoveryHit(Content(title), command, text=title, help=help_text)

    async def search(self, query: str) -> Hits:
        """Yield what matches."""
        matcher = self.matcher(query)
        for title, help_text, command in self._all():
            score, offsets = matcher.fuzzy_search.match(query, title)
            if score > 0:
                # Not matcher.highlight: it reads the title as markup, and an agent's name is not ours.
                shown = Content(title)
                for offset in offsets:
                    shown = shown.stylize(matcher.match_style, offset, offset + 1)
                yield Hit(score, shown, command, text=title, help=help_text)
