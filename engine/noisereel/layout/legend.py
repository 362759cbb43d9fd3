"""Keys: legends and colour bars as a line of coloured words at the upper right of a panel, instead of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.guides import Guide, Legend
from ..contracts.theme import Theme
from ..support.numbers import number_text
from ..support.typeset import measure

__all__ = ["KEY_SIZE", "Ramp", "Word", "key_parts", "key_scale", "key_width"]

KEY_SIZE = 11.0
"""Type size of legends in points."""

KEY_SHARE = 0.75
"""Largest share of a panel's width that its key may take."""

_RAMP_WIDTH = 72.0
_NEAR, _FAR = 7.0, 16.0


@dataclass(frozen=True, slots=True)
class Word:
    """A coloured word of a key; its width and the space after it are in design pixels."""

    text: str
    color: str
    width: float
    space: float = _FAR


@dataclass(frozen=True, slots=True, eq=False)
class Ramp:
    """A strip with all colours of a palette."""

    palette: NDArray[np.uint8]
    width: float = _RAMP_WIDTH
    space: float = _NEAR


Part = Word | Ramp


def key_parts(guides: Sequence[Guide], theme: Theme) -> list[Part]:
    """Return the parts of a panel's key, from left to right."""
    return [part for guide in guides for part in _parts(guide, theme)]


def key_width(parts: Sequence[Part]) -> float:
    """Return the width of a key in design pixels; 0 if it has no parts."""
    return sum(part.width + part.space for part in parts) - parts[-1].space if parts else 0.0


def key_scale(parts: Sequence[Part], room: float) -> float:
    """Return the factor that shrinks a key to its largest share of a panel's width, ``room`` design pixels."""
    return min(1.0, KEY_SHARE * room / key_width(parts)) if parts else 1.0


def _parts(guide: Guide, theme: Theme) -> list[Part]:
    if isinstance(guide, Legend):
        return [_word(label, theme.color(color), _FAR, theme.font) for label, color in guide.entries]
    ink = theme.color("muted")
    low, high = (number_text(value, ".3g") for value in (guide.low, guide.high))
    label = [_word(guide.label, ink, _FAR / 2, theme.font)] if guide.label else []
    ramp = Ramp(guide.palette)
    return [*label, _word(low, ink, _NEAR, theme.font), ramp, _word(high, ink, _FAR, theme.font)]


def _word(text: str, color: str, space: float, family: str) -> Word:
    return Word(text, color, measure(text, KEY_SIZE, family=family).width, space)
