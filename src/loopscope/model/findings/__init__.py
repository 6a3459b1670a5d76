"""Findings: rules over one snapshot, each with three answers (fine, found, not enough data); see docs/findings.md."""

from collections.abc import Iterable

from loopscope.core.errors import InputError
from loopscope.core.registry import Registry
from loopscope.model.findings.rule import ALLOW, NOTE, WARN, Answer, Fine, Found, NotEnough, Rule

RULES: Registry[Rule] = Registry(__name__, "RULES")
"""Every rule by its name: what the modules of this package declare as ``RULES``, in the order of their ``PLACE``."""

__all__ = ["ALLOW", "NOTE", "RULES", "WARN", "Answer", "Fine", "Found", "NotEnough", "Rule", "levels_from"]


def levels_from(orders: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give the level of every rule after these orders: ``("allow", "all")``, ``("warn", "backlog,errors")``.

    A later order wins, so that ``--allow all --warn errors`` leaves one.

    Raises:
        InputError: no such rule; lists the names.
    """
    levels = {rule.name: rule.level for rule in RULES.values()}
    for level, words in orders:
        for word in words.split(","):
            name = word.strip()
            if name != "all" and name not in RULES:
                raise InputError(f"there is no finding {name!r}; findings: all, {', '.join(RULES)}")
            levels.update(dict.fromkeys(RULES if name == "all" else (name,), level))
    return levels
