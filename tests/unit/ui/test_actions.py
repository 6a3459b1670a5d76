"""The table of actions."""

from loopscope.draw.ink import text_of
from loopscope.session.source import Abilities
from loopscope.settings.levers import LEVERS
from loopscope.ui import actions, footer
from loopscope.ui.actions import ACTIONS
from loopscope.ui.view import View

LIVE, REPLAY = (
    View(started=True, abilities=Abilities(levers=True)),
    View(started=True, abilities=Abilities(playback=True)),
)


def test_every_action_exists_and_is_told() -> None:
    """Each row has an id of its own, a tooltip, and a key that no other row has."""
    assert len({act.id for act in ACTIONS}) == len(ACTIONS)
    keys = [key for act in ACTIONS for key in act.keys.split(",")]
    assert len(set(keys)) == len(keys)
    for act in ACTIONS:
        assert act.title and act.help and act.group in actions.GROUPS
    assert all(binding.id and binding.tooltip for binding in actions.bindings())


def test_every_lever_has_its_key() -> None:
    """The keys of the table are those that the levers themselves name."""
    keys = {act.id: act.keys for act in ACTIONS}
    for name, lever in LEVERS.items():
        if name != "agents":
            assert keys[name] == lever.key


def test_the_footer_keeps_what_matters_most() -> None:
    """Narrow, the levers, help and quit stay; in a replay there are no levers."""
    narrow = text_of(footer.draw(LIVE, 80, 1))
    assert all(word in narrow for word in ("throttle", "loop", "batch", "decoder", "agents", "quit"))
    assert "sort" not in narrow and "sort" in text_of(footer.draw(LIVE, 240, 1))
    assert "throttle" not in text_of(footer.draw(REPLAY, 200, 1))
    assert "play" in text_of(footer.draw(REPLAY, 200, 1))


def test_the_footer_is_made_of_buttons() -> None:
    """A click on a word gives its action; a click beside gives none."""
    text = text_of(footer.draw(LIVE, 160, 1))
    for act in ACTIONS:
        if act.show and act.board != "detail" and act.id != "back":
            found = footer.action_at(LIVE, text.index(f" {act.show}") + 1, 160) if f" {act.show}" in text else act
            assert found is act
    assert footer.action_at(LIVE, 159, 160) is None
