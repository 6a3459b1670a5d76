"""A made-up SPM vocabulary, and how often each of its pieces should come: enough to make output look like text."""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
"""Token types of the GGUF format."""

BOS, EOS = 1, 2
SPACE = "\u2581"
"""SPM writes a leading space as this character."""

_COMMON = """
the of and to a in is it that for on as with was at by be this from or an are not but have one all we can more
when will what out if time up they so no her his its than then now over some into only other new our two may
first also after back way even made used most long many how where much before right each between must through
under same while last might great still own found never too any day state work life being here both few since
house those always world line small every without again during point left next large place hand high year light
night wide water open round slow quick plain green river stone morning garden window paper letter summer winter
silver copper harbour bridge narrow gentle distant naïve café Größe Straße 東京 данные
"""
_SUFFIXES = ("s", "ed", "ing", "ly", "er", "est")
_MARKS = {",": 0.05, ".": 0.05, "\n": 0.01, ";": 0.005, "-": 0.005}
"""Marks, each with its share of the words."""
_BYTES = (0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98)
"""Bytes that may come up: pieces of é, € and an emoji, so that a server has to hold incomplete characters back."""
_ONSETS = ("b", "br", "d", "dr", "f", "g", "gl", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w")
_RIMES = ("a", "an", "ar", "e", "el", "en", "er", "i", "in", "ing", "o", "on", "or", "u", "un", "ai", "ou")
_NEVER = 1e-12


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces with their GGUF types and SPM scores; ``bias[i]`` is the logarithm of how often piece i should come."""

    pieces: list[str]
    types: list[int]
    scores: list[float]
    bias: list[float]


def _made_up(seed: int) -> Iterator[str]:
    """Words without end: two syllables, then three, in a seeded order."""
    rng = random.Random(seed)  # noqa: S311 - words, not secrets
    syllables = [onset + rime for onset in _ONSETS for rime in _RIMES]
    rng.shuffle(syllables)
    return itertools.chain.from_iterable(
        map("".join, itertools.product(syllables, repeat=length)) for length in itertools.count(2)
    )


def make_vocabulary(size: int, seed: int, byte_share: float, end_share: float) -> Vocabulary:
    """Build a vocabulary of exactly ``size`` pieces (at least 600).

    ``byte_share`` of the tokens are bytes (a server must join them into characters); ``end_share`` end the text.
    """
    weights: dict[str, float] = {}
    rank = itertools.count(1)

    def word(text: str) -> None:
        """A word that comes by Zipf's law, and all its beginnings, which SPM needs to build it from characters."""
        for end in range(1, len(text)):
            weights.setdefault(SPACE + text[:end], _NEVER)
            weights.setdefault(text[:end], _NEVER)
        weights[SPACE + text] = 1 / (next(rank) + 2.7)

    special = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL}
    byte_pieces = [f"<0x{value:02X}>" for value in range(256)]
    for code in range(0x20, 0x7F):
        weights.setdefault(chr(code), _NEVER)
    weights.setdefault(SPACE, _NEVER)
    for text in (*_SUFFIXES, *_MARKS):
        weights[text] = _NEVER
    room = size - len(special) - len(byte_pieces)
    for text in itertools.chain(_COMMON.split(), _made_up(seed)):
        if len(weights) + 2 * len(text) > room:
            break
        word(text)
    fillers = (f"{a}{b}" for a in "0123456789" for b in _made_up(seed + 1))
    while len(weights) < room:
        weights.setdefault(next(fillers), _NEVER)
    words = sum(weights.values())
    weights |= dict.fromkeys(_SUFFIXES, 0.005 * words) | {mark: share * words for mark, share in _MARKS.items()}
    total = sum(weights.values())
    pieces = [*special, *byte_pieces, *weights]
    shares = [_NEVER, _NEVER, max(_NEVER, end_share)]
    shares += [max(_NEVER, byte_share / len(_BYTES) if value in _BYTES else 0.0) for value in range(256)]
    rest = 1.0 - byte_share - end_share
    shares += [max(_NEVER, rest * weight / total) for weight in weights.values()]
    return Vocabulary(
        pieces,
        [*special.values(), *[BYTE] * 256, *[NORMAL] * len(weights)],
        # SPM joins the pair with the highest score first: longer pieces later, so that prefixes come before words.
        [0.0] * (len(special) + 256) + [-float(index) for index in range(len(weights))],
        [math.log(share) for share in shares],
    )
