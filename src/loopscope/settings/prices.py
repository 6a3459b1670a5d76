"""What things cost, as the operator says it: nothing is assumed, so without a file no price is ever shown."""

import tomllib
from pathlib import Path

import msgspec

from loopscope.core.errors import InputError
from loopscope.core.files import read_small
from loopscope.core.format import number
from loopscope.core.text import plain
from loopscope.settings.places import user_dir

MAX_BYTES = 1 << 16


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``prices.toml`` in the operator's folder."""

    currency: str = ""
    """As it is shown: "EUR", "$"."""
    per_kwh: float | None = None
    """Of electricity."""
    per_gpu_hour: float | None = None
    """Of one card, rented."""


def prices_path() -> Path:
    """Where the file is looked for."""
    return user_dir() / "prices.toml"


def load_prices(path: Path | None = None) -> Prices:
    """Read the operator's prices; without a file there are none.

    Raises:
        InputError: the file is there and cannot be used; says why.
    """
    path = prices_path() if path is None else path
    try:
        prices = msgspec.convert(tomllib.loads(read_small(path, MAX_BYTES, "a list of prices").decode("utf-8")), Prices)
    except FileNotFoundError:
        return Prices()
    except (ValueError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{plain(str(path))} cannot be used: {plain(str(error), 120)}") from error
    for name in ("per_kwh", "per_gpu_hour"):
        value = getattr(prices, name)
        if value is not None and not 0 <= value <= 1e6:
            raise InputError(f"{plain(str(path))}: {name} from 0 to a million, not {number(value)}")
    return msgspec.structs.replace(prices, currency=plain(prices.currency, 8))
