"""The levers by name, and what may be said of all of them: one canonical string a value, whoever sets it.

A lever is one module of this package, see :class:`~loopscope.settings.levers.lever.Lever`; what a rig does with it is
the module of the same name in ``loopscope.rig.levers``.
"""

from collections.abc import Iterable, Mapping

from loopscope.core.errors import InputError
from loopscope.core.registry import Registry
from loopscope.settings.levers.lever import Lever

LEVERS: Registry[Lever] = Registry(__name__, "LEVER")


def canonical(name: str, text: str) -> str:
    """Check a lever's value and give its canonical string.

    Raises:
        InputError: no such lever, or no such value: names the valid ones.
    """
    lever = LEVERS.get(name)
    if lever is None:
        raise InputError(f"there is no lever {name!r}; levers: {', '.join(LEVERS)}")
    return lever.parse(text.strip())


def parse_assignment(text: str) -> tuple[str, str]:
    """Read ``lever=value`` as given to ``--at``: its lever and canonical value.

    Raises:
        InputError: not of that form, no such lever, or no such value.
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"{text!r} is not of the form lever=value; levers: {', '.join(LEVERS)}")
    return name.strip().lower(), canonical(name.strip().lower(), value)


def next_preset(name: str, value: str) -> str:
    """Give what the lever's key sets next."""
    presets = LEVERS[name].here()
    return presets[(presets.index(value) + 1) % len(presets)] if value in presets else presets[0]


def defaults() -> dict[str, str]:
    """Every lever at its default."""
    return {lever.name: lever.default for lever in LEVERS.values()}


def no_effect(name: str, levers: Mapping[str, str]) -> str:
    """Say that a lever does nothing now, and why; empty when it acts."""
    return LEVERS[name].no_effect(levers)


def refused(levers: Mapping[str, str], apis: Iterable[str] = (), urls: Iterable[str] = ()) -> str:
    """Say why these levers cannot be had together, with these dialects and servers; empty when they can."""
    apis, urls = tuple(apis), tuple(urls)
    return next((words for lever in LEVERS.values() if (words := lever.refused(levers, apis, urls))), "")


def is_load(name: str) -> bool:
    """Say whether a lever changes the load, not how it is carried; one that is not known does not."""
    return name in LEVERS and LEVERS[name].is_load


def where(values: Mapping[str, str]) -> str:
    """Say what a ceiling belongs to: "httpx on asyncio, orjson, batch read:50ms"."""
    client, loop = (values.get(name) or LEVERS[name].default for name in ("client", "loop"))
    return ", ".join([f"{client} on {loop}", *told(values, but=("client", "loop"))])


def told(values: Mapping[str, str], but: Iterable[str] = ()) -> list[str]:
    """Say what a ceiling belongs to, each part in words; what is not known or is as usual is left out."""
    parts = []
    for lever in of_ceiling():
        if lever.name in but:
            continue
        value = values.get(lever.name, "")
        if value and (lever.speaks_alone or value != lever.default):
            parts.append(value if lever.speaks_alone else f"{lever.name} {value}")
    return parts


def of_ceiling() -> list[Lever]:
    """Return the levers that a ceiling depends on, in the order in which it is told with them."""
    return sorted((lever for lever in LEVERS.values() if lever.ceiling_place), key=lambda lever: lever.ceiling_place)
