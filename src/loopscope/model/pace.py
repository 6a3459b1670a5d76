"""Rates of tokens: what arrivals can carry, and what a server's own word stands in for."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from loopscope.stats.arrays import grown
from loopscope.stats.loghist import Floats

CLUMPED = 1.25
"""Chunks that arrive that many times faster than their server says it made them came in clumps: it is believed."""
_NO_FLOATS: Floats = np.empty(0)


class Col(IntEnum):
    """What rates of tokens are made of, for each agent."""

    CHUNKS = 0
    PACED = 1
    GAP_NS = 2
    EVAL_TOKENS = 3
    EVAL_NS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What finished requests say of each agent, by slot, as it is known now."""

    tokens_per_chunk: Floats = field(default_factory=lambda: _NO_FLOATS)
    """1 while none has told."""
    rate: Floats = field(default_factory=lambda: _NO_FLOATS)
    """Decode rate by its server's own word (tokens/s), over the session; nan: it never said."""
    silent: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """Agents whose stream has stopped: what they had does not go on."""

    def sized(self, agents: int) -> "Told":
        """Give it with room for so many agents."""
        return Told(
            grown(self.tokens_per_chunk, agents, fill=1.0)[:agents],
            grown(self.rate, agents, fill=np.nan)[:agents],
            grown(self.silent, agents)[:agents],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How each agent's decode rate is known: which arrivals carry one, and for which the server's word stands in.

    A whole answer in one read has no rate of its own. Where chunks clump on their way they seem to be faster than the
    server says it made them: then it is believed, too. What it cannot say is left out.
    """

    told: Told
    by_word: NDArray[np.bool_]
    by_session: NDArray[np.bool_]
    """By its word over the session: no request has ended within."""

    @staticmethod
    def of(cols: Floats, told: Told) -> "Pace":
        """Decide it from the sums of a stretch, (len(Col), agents)."""
        told = told.sized(cols.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            arrived = cols[Col.PACED] * told.tokens_per_chunk / cols[Col.GAP_NS] * 1e9
            said = cols[Col.EVAL_TOKENS] / cols[Col.EVAL_NS] * 1e9
        here = cols[Col.EVAL_NS] > 0
        said = np.where(here, said, told.rate)
        carried = (cols[Col.GAP_NS] > 0) & (cols[Col.PACED] > 0)
        by_word = ~np.isnan(said) & (~carried | (arrived > CLUMPED * said)) & (cols[Col.CHUNKS] > 0)
        return Pace(told, by_word, by_word & ~here)

    def tokens(self, cols: Floats) -> Floats:
        """Tokens of each agent; ``cols`` may have bins in front: (bins, len(Col), agents)."""
        found: Floats = np.where(self.told.silent, 0.0, cols[..., Col.CHUNKS, :] * self.told.tokens_per_chunk)
        return found

    def decoded(self, cols: Floats) -> tuple[Floats, Floats]:
        """Tokens that each agent streamed, and the time (ns) in which it did."""
        tokens = cols[..., Col.CHUNKS, :] * self.told.tokens_per_chunk
        with np.errstate(divide="ignore", invalid="ignore"):
            lasted = np.where(self.by_session, tokens / self.told.rate * 1e9, cols[..., Col.EVAL_NS, :])
        carried = cols[..., Col.PACED, :] * self.told.tokens_per_chunk
        part = np.where(self.by_word, np.where(self.by_session, tokens, cols[..., Col.EVAL_TOKENS, :]), carried)
        whole = np.where(self.by_word, lasted, cols[..., Col.GAP_NS, :])
        return np.where(self.told.silent, 0.0, part), np.where(self.told.silent, 0.0, whole)

    def rates(self, cols: Floats) -> list[float | None]:
        """Give the decode rate of each agent (tokens/s)."""
        part, whole = self.decoded(cols)
        return [
            tokens / lasted * 1e9 if lasted > 0 else None
            for tokens, lasted in zip(part.tolist(), whole.tolist(), strict=True)
        ]
