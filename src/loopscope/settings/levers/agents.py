"""How many agents stream at the same time."""

from loopscope.core.errors import InputError
from loopscope.settings.levers.lever import Lever

MAX_AGENTS = 1024


class _Agents(Lever):
    name = "agents"
    place = 90
    key = "+/-"
    ask_key = "number_sign"
    ask_help = "enter a number of agents: type how many"
    sign = "±"
    default = "2"
    at_once = True
    is_load = True
    valid = f"a count from 1 to {MAX_AGENTS}"
    help = "how many agents stream at the same time"

    def parse(self, text: str) -> str:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_AGENTS:
            raise InputError(f"agents={text!r} is not known; valid: {self.valid}")
        return str(int(text))


LEVER = _Agents()
