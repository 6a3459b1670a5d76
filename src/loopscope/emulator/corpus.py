"""The text that every emulated model answers with: plausible words, one token each, as JSON fragments.

A token that gives no line is an empty fragment: half of a multi-byte character (a real server holds it back and joins
it with the next token) or a control token. So the number of tokens and the number of lines are both known exactly.
"""

import random
from functools import lru_cache
from itertools import accumulate

from loopscope.emulator.go_encoding import go_fragment

TOKENS = 2048
"""Length of the text in tokens; it repeats from there. Longer only costs memory, an answer rarely has more."""

_WORD_LIST = """
the of and to in is that it for on as with was at by this from or an be are which not have one all we can has
more when there will use each about how if other many then them these so some her would make like into time
look two write go see number way could people than first water been call who its now find long down day did
get come made may part over new sound take only little work know place year live back give most very after
thing our just name good sentence man think say great where help through much before line right too mean old
any same tell boy follow came want show also around form three small set put end does another well large must
big even such because turn here why ask went men read need land different home us move try kind hand picture
again change off play spell air away animal house point page letter mother answer found study still learn
should world high every near add food between own below country plant last school father keep tree never start
city earth eye light thought head under story saw left few while along might close something seem next hard
open example begin life always those both paper together got group often run important until children side
feet car mile night walk white sea began grow took river four carry state once book hear stop without second
later miss idea enough eat face watch far Indian really almost let above girl sometimes mountain cut young
talk soon list song being leave family
"""
_WORDS = _WORD_LIST.split()
_TAILS = ("ing", "ed", "ly", "ness", "ment", "able")

_TRICKY = ("<b>", " & ", " a < b", "\u2028", "\u2029", "\u0085", '"', "\\", "\t", "\x1b[31m", "\u202e", "\x00", "\x7f")
"""What readers stumble over: characters that Go escapes, line separators, controls, a direction override."""
_MULTIBYTE = ("é", "ß", "→", "漢", "字", "😀", "🦙")


class Text:
    """A sequence of tokens: ``texts[i]`` is what token i shows (empty: no line), ``fragments[i]`` its JSON.

    ``shared``: many requests say it, so lines made from it are worth keeping.
    """

    def __init__(self, texts: list[str], fragments: list[bytes] | None = None, *, shared: bool = False) -> None:
        self.texts = texts
        self.shared = shared
        self.fragments = [go_fragment(text) for text in texts] if fragments is None else fragments
        self._lines: list[int] | None = None
        """Lines before each place, once somebody has asked."""

    def lines(self, start: int, count: int) -> int:
        """Return how many of ``count`` tokens from ``start`` on give a line; the text repeats."""
        if self._lines is None:
            self._lines = [0, *accumulate(map(bool, self.fragments))]
        whole, part = divmod(start + count, len(self.fragments))
        return whole * self._lines[-1] + self._lines[part] - self._lines[start]

    def cut(self, start: int, count: int) -> "Text":
        """Return ``count`` tokens from ``start`` on, repeated as they are here, as a text of one's own."""
        size = len(self.texts)
        places = [n % size for n in range(start, start + count)]
        return Text([self.texts[n] for n in places], [self.fragments[n] for n in places])


def _sentence(rng: random.Random) -> list[str]:
    tokens: list[str] = []
    for place in range(rng.randint(5, 14)):
        word = rng.choice(_WORDS)
        tokens.append(" " + (word if place else word.capitalize()))
        if rng.random() < 0.08:
            tokens.append(rng.choice(_TAILS))  # a longer word is two tokens
        elif rng.random() < 0.07:
            tokens.append(",")
    tokens.append(rng.choice((".", ".", ".", "?", "!")))
    if rng.random() < 0.12:
        tokens.append("\n\n")
    return tokens


def _spice(rng: random.Random, token: str) -> list[str]:
    dice = rng.random()
    if dice < 0.06:
        return [token, rng.choice(_TRICKY)]
    if dice < 0.16:
        character = rng.choice(_MULTIBYTE)
        # One token a byte at worst: all but the last are held back, the last one lets the character out.
        return [token, *([""] * rng.randint(1, len(character.encode()) - 1)), character]
    return [token]


@lru_cache(maxsize=4)
def text_of(mode: str, seed: int = 0) -> Text:
    """Return the text of a mode: ``words`` (plain ASCII, every token a line) or ``tricky``."""
    rng = random.Random(f"{mode}/{seed}")  # noqa: S311 - no secret
    tokens: list[str] = []
    while len(tokens) < TOKENS:
        for token in _sentence(rng):
            tokens.extend(_spice(rng, token) if mode == "tricky" else [token])
    tokens = tokens[:TOKENS]
    tokens[-1] = "."  # never a half character at the seam
    return Text(tokens, shared=True)
