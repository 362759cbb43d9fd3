"""Fonts: which installed family has a character, and the characters that none has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import LoadFlags

from .markup import spans

__all__ = ["SANS", "families", "family_with", "missing_letters"]

SANS = "DejaVu Sans"
"""The default family."""

_FORMULAS = "STIXGeneral"
"""The family that mathtext falls back on."""


def families(text: str, family: str = SANS) -> list[str]:
    """Return the families to set a text in: the given one, the default one, and others for letters that both lack."""
    return list(dict.fromkeys([family, SANS, *(family_with(letter, family) for letter in text)]))


def family_with(letter: str, family: str = SANS) -> str:
    """Return the family that a letter is set in; the default one, which shows a box, if no font has it."""
    return family if _has(family, letter) else SANS if _has(SANS, letter) else _other_family(letter) or SANS


def missing_letters(text: str, family: str = SANS) -> str | None:
    """Return a message that names the letters of a text that would be shown as boxes, or None.

    A line with a formula is set by mathtext, which uses no other installed fonts.
    """
    if text.isascii():
        return None
    lines: dict[bool, str] = {True: "", False: ""}
    for line in text.splitlines():
        lines[any(is_formula for _, is_formula in spans(line))] += line
    if lacking := [letter for letter in lines[False] if not _has(family_with(letter, family), letter)]:
        return f"no installed font has {_listed(lacking)}; use other letters, or install a font that has them"
    if lacking := [letter for letter in lines[True] if not _has(family, letter) and not _has(_FORMULAS, letter)]:
        return f"no font for formulas has {_listed(lacking)}; use them in a line without a formula"
    return None


def _listed(letters: Iterable[str]) -> str:
    """Return up to ten letters as quoted text, with the names of those that are not visible."""
    unique = list(dict.fromkeys(letters))
    names = [f"'{c}'" if c.isprintable() else unicodedata.name(c, f"U+{ord(c):04X}") for c in unique[:10]]
    return ", ".join(names) + (f" and {len(unique) - 10} more" if len(unique) > 10 else "")


@lru_cache(4096)
def _has(family: str, letter: str) -> bool:
    """Return whether a family draws a letter; some fonts list letters that they hold only as pictures."""
    try:
        face = get_font(findfont(FontProperties(family=[family]), fallback_to_default=False))
        index = face.get_char_index(ord(letter))
        if not index:
            return False
        face.set_size(12, 72)
        face.load_glyph(index, flags=LoadFlags.NO_HINTING)
        return letter.isspace() or not letter.isprintable() or len(face.get_path()[0]) > 0
    except (OSError, RuntimeError, ValueError):  # not installed, or a format that cannot be read
        return False


@lru_cache(4096)
def _other_family(letter: str) -> str | None:
    """Return an installed family that has a letter, the same one at each call, or None."""
    return next((family for family in _installed() if _has(family, letter)), None)


@lru_cache(1)
def _installed() -> list[str]:
    """Return the installed families, sans serifs first, and two of matplotlib's; its others hold boxes and symbols."""
    own = Path(matplotlib.get_data_path())
    names = {entry.name for entry in fontManager.ttflist if own not in Path(entry.fname).parents}
    return [*sorted(names, key=lambda name: ("Serif" in name or "Mono" in name, name)), "DejaVu Serif", _FORMULAS]
