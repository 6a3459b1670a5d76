"""The idle floor of a rig, measured by itself or taken over from the rig before it."""

from dataclasses import dataclass

from loopscope.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Floor:
    """What an idle loop shows by itself. ``of`` is the rig that measured it, empty: this one did."""

    lag_ns: int | None = None
    elu: float | None = None
    of: str = ""

    @classmethod
    def read(cls, text: str) -> "Floor":
        """Read ``name`` or ``name:lag_ns:elu``; empty: nobody has measured. Raises InputError."""
        name, sign, figures = text.partition(":")
        if not sign:
            return cls(of=name)
        lag, _, elu = figures.partition(":")
        try:
            return cls(int(lag), float(elu) if elu else None, name)
        except ValueError as error:
            raise InputError(f"--floor {text!r} is no name:lag_ns:elu") from error
