"""The options that every verb shares which runs a session: ``loopscope`` itself and ``loopscope record``."""

import argparse
from functools import partial
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.session.options import SessionOptions
from loopscope.settings import dialects, levers
from loopscope.settings import scenario as scenarios


def add_session_options(parser: argparse.ArgumentParser, *, scenario: bool = True) -> None:
    """Add the options of a session to a verb's parser; without ``scenario`` those that a scenario decides are left
    out.
    """
    parser.add_argument(
        "urls",
        nargs="*",
        metavar="URL",
        help="servers, used as given; agents are spread over them (default: two Ollama servers if they answer, else the"
        " embedded pair)",
    )
    what = parser.add_argument_group("what to stream")
    if scenario:
        what.add_argument(
            "--agents", metavar="N", default=levers.LEVERS["agents"].default, help="concurrent agents (2)"
        )
        what.add_argument(
            "--scenario",
            default=scenarios.DEFAULT,
            metavar="NAME|FILE",
            help=f"prompts and names of the agents: {', '.join(scenarios.names())}, or a TOML file",
        )
    else:
        parser.set_defaults(agents=levers.LEVERS["agents"].default, scenario=scenarios.DEFAULT)
    what.add_argument("--model", default="", metavar="NAME", help="model to ask for (default: one that is there)")
    what.add_argument("--tokens", type=int, default=0, metavar="N", help="tokens a request (default: the scenario's)")
    what.add_argument(
        "--rate",
        type=float,
        default=0.0,
        metavar="R",
        help="tokens/s of each stream of the embedded pair (default: its model's published rate)",
    )
    what.add_argument(
        "--api",
        choices=tuple(dialects.FAMILY),
        default="",
        metavar="NAME",
        help=dialects.HELP,
    )
    what.add_argument("--embedded", action="store_true", help="do not look for servers, start the embedded pair")
    # For the bench of planted causes; not something to be used while measuring, so the help does not offer it.
    parser.add_argument("--plant", action="append", default=[], help=argparse.SUPPRESS)
    pull = parser.add_argument_group("levers at the start (each can be pulled while it runs)")
    for lever in (lever for lever in levers.LEVERS.values() if not lever.is_load):
        pull.add_argument(
            f"--{lever.name}",
            default=lever.default,
            metavar="V",
            help=f"{lever.valid} (default: {lever.default}); {lever.help}".replace("%", "%%"),
        )
    add_finding_options(parser)


def add_finding_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which findings are looked for, to the parser of a verb that looks for any."""
    findings = parser.add_argument_group("findings (names and thresholds: docs/findings.md)")
    for level, does in (("warn", "show as a warning what is a note, or was allowed"), ("allow", "do not look for")):
        findings.add_argument(
            f"--{level}",
            action="append",
            dest="findings",
            type=partial(_order, level),
            default=[],
            metavar="NAME[,..]",
            help=f"{does} these findings, or all; the last word on a name counts",
        )
    findings.add_argument(
        "--threshold", action="append", default=[], metavar="NAME=VALUE", help="replace a threshold; may be given often"
    )


def _order(level: str, names: str) -> tuple[str, str]:
    return level, names


def options_from(args: argparse.Namespace, record: Path | None, *, overwrite: bool = False) -> SessionOptions:
    """Give the checked options of parsed arguments. Raises InputError."""
    values = {name: levers.canonical(name, str(getattr(args, name))) for name in levers.LEVERS}
    options = SessionOptions(
        urls=tuple(args.urls),
        api=args.api,
        model=args.model,
        tokens=args.tokens,
        rate=args.rate,
        embedded=args.embedded,
        scenario=args.scenario,
        levers=values,
        record=record,
        overwrite=overwrite,
        findings=tuple(args.findings),
        thresholds=tuple(args.threshold),
        plants=tuple(getattr(args, "plant", ())),
    )
    options.check()
    return options


def seconds(text: str) -> float:
    """Read a length of time for argparse: ``90``, ``90s``, ``1.5m``.

    Raises:
        argparse.ArgumentTypeError: it is none, or not above zero.
    """
    word, factor = text.strip().lower(), 1.0
    for unit, of_unit in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if word.endswith(unit):
            word, factor = word.removesuffix(unit), of_unit
            break
    try:
        value = float(word) * factor
    except ValueError:
        value = 0.0
    if not 0 < value <= 7 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; e.g. 10, 90s, 5m")
    return value


def parse_script(pairs: list[list[str]], total_s: float | None) -> list[tuple[float, str, str]]:
    """Read ``--at SECONDS LEVER=VALUE`` pairs into (seconds, lever, canonical value), in the order of time.

    Raises:
        InputError: no such time, lever or value, or a time after the end.
    """
    script = []
    for at, assignment in pairs:
        try:
            at_s = float(at.removesuffix("s"))
        except ValueError:
            at_s = -1.0
        if not 0 <= at_s < 7 * 86400:
            raise InputError(f"--at {at}: a number of seconds after the start, then lever=value")
        if total_s is not None and at_s >= total_s:
            raise InputError(f"--at {at}: the run ends after {total_s:g} s")
        script.append((at_s, *levers.parse_assignment(assignment)))
    return sorted(script, key=lambda step: step[0])
