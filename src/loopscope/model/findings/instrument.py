"""Rules about what stands around the streams: the instrument itself, and the card's memory."""

from loopscope.core.format import share, size
from loopscope.model.findings.rule import FINE, WARN, Answer, NotEnough, Rule, found
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits


def _observer(snapshot: Snapshot, limits: Limits) -> Answer:
    observer = snapshot.observer
    probes, screen = snapshot.recent.observer, observer.screen_share
    if probes is None and screen is None and not observer.dropped:
        return NotEnough("the CPU of the probes")
    lost = observer.dropped_at_s is not None and snapshot.t_s - observer.dropped_at_s <= snapshot.window_s
    heavy = (probes or 0.0) >= limits["probe_share"]
    busy = (screen or 0.0) >= limits["screen_share"]
    if not (lost or heavy or busy):
        return FINE
    parts = []
    if lost:
        parts.append(f"has dropped {observer.dropped} samples, so that figures here are too small")
    if heavy:
        parts.append(f"takes {share(probes)} of a core in the measured process")
    if busy:
        parts.append(f"takes {share(screen)} of a core for the screen")
    return found(
        f"The instrument itself {' and '.join(parts)}.",
        [
            ("probe_share", probes, f"probes {share(probes)} of a core"),
            ("screen_share", screen, f"screen's process {share(screen)}"),
            ("dropped", observer.dropped, f"{observer.dropped} samples dropped since the start"),
        ],
        "fewer chunks a second; for the screen, a smaller terminal or loopscope record",
    )


def _vram(snapshot: Snapshot, limits: Limits) -> Answer:
    cards = snapshot.power.cards
    if not cards:
        return NotEnough("the memory of a card")
    if snapshot.embedded:
        return NotEnough("a server that uses the card: the embedded pair does not")
    card = min(cards, key=lambda one: one.total - one.used)
    free = card.total - card.used
    if free >= limits["vram_free_bytes"]:
        return FINE
    return found(
        f"{card.name or 'The card'} has {size(free)} of {size(card.total)} left: what no longer fits runs"
        " on the CPU, or is thrown out and loaded again.",
        [
            ("vram_free_bytes", free, f"{size(free)} free"),
            ("vram_used_bytes", card.used, f"{size(card.used)} used"),
            ("vram_total_bytes", card.total, f"of {size(card.total)}"),
        ],
        "a smaller model or context, or both agents on one server",
    )


PLACE = 40
RULES = (
    Rule("observer", WARN, ("probe_share", "screen_share"), _observer, follows=("core-stolen",)),
    Rule("vram", WARN, ("vram_free_bytes",), _vram),
)
