"""Titles with live values, such as ``t = {t:.1f}``: names and format specs only, nothing that runs code.

Formulas between dollar signs are typeset once, so nothing in them changes, and their braces are their own:
``$x_{t-1}$ at t = {t}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from string import Formatter

from .errors import suggest

__all__ = ["CONSTANT", "LIVE", "Template", "formula_fault"]

LIVE = ("t", "step", "alpha", "sigma", "log_snr", "calls")
"""Names that change from frame to frame; the metrics of a run come on top."""

CONSTANT = ("T", "run", "particles")
"""Names that stay the same throughout a film."""

WHOLE = ("step", "calls", "particles", "trained")
"""Names whose values are whole numbers."""

FIGURE_SPACE = "\u2007"
"""A space as wide as a digit."""

_SPEC = re.compile(r"([^{}]?[<>=^])?[-+ ]?z?#?0?\d{0,2}[_,]?(\.\d{1,2})?[bdeEfFgGosxX%]?")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    spec: str


class Template:
    """A text with fields such as ``{t}`` or ``{entropy:.2f}``; outside formulas ``{{`` and ``}}`` stand for braces.

    Attributes:
        text: As it was written.

    Raises:
        ValueError: The text is no such template; the message says why.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = tuple(_split(text))

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their first use."""
        return tuple(dict.fromkeys(part.name for part in self._parts if isinstance(part, _Field)))

    @property
    def live(self) -> bool:
        """Whether the text changes in the course of a film."""
        return not set(self.names) <= set(CONSTANT)

    def fault(self, numbers: Sequence[str] = ()) -> str | None:
        """Why it cannot tell of a run, or None.

        Args:
            numbers: What the run gives besides `LIVE` and `CONSTANT`: the numbers of its metrics.
        """
        known = [*LIVE, *CONSTANT, *numbers]
        for name in self.names:
            if name not in known:
                return f"unknown name '{{{name}}}'; {suggest(name, known)}"
        try:
            text = self.format(dict.fromkeys(known, 0.5) | dict.fromkeys(WHOLE, 1) | {"run": "name"})
        except ValueError as error:
            return str(error)
        return formula_fault(text)

    def format(self, values: Mapping[str, object]) -> str:
        """The text with these values filled in.

        Raises:
            ValueError: A format spec does not fit its value.
        """
        return "".join(part if isinstance(part, str) else _show(part, values[part.name]) for part in self._parts)

    def pad(self, rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
        """The text for each of a film's moments, every field kept at one width so that nothing jitters.

        Numbers begin where they always do, with room for a sign if one turns up, and are filled up with figure spaces;
        those without a spec share their number of decimals.

        Args:
            rows: The values of each moment that will be shown.

        Raises:
            ValueError: A format spec does not fit its value.
        """
        columns = [
            [part] * len(rows) if isinstance(part, str) else _column(part, [row[part.name] for row in rows])
            for part in self._parts
        ]
        return tuple("".join(pieces) for pieces in zip(*columns, strict=True)) if columns else ("",) * len(rows)


def formula_fault(text: str) -> str | None:
    """Why the formulas of a text cannot be set, or None."""
    if "$" not in text:
        return None
    from .typeset import fault  # brings matplotlib, which is not needed to read most scenes

    return next((message for line in text.splitlines() if (message := fault(line))), None)


def _split(text: str) -> Iterator[str | _Field]:
    """Words, fields and formulas in their order."""
    pieces = re.split(r"(?<!\\)\$", text)
    if len(pieces) % 2 == 0:  # an odd number of dollars makes no formula
        yield from _fields(text)
        return
    for i, piece in enumerate(pieces):
        if i % 2:
            yield _formula(piece)
        else:
            yield from _fields(piece)


def _fields(text: str) -> Iterator[str | _Field]:
    try:
        pieces = [*Formatter().parse(text)]
    except ValueError as error:
        raise ValueError("a brace stands alone; write '{{' or '}}' for a brace itself") from error
    for literal, name, spec, conversion in pieces:
        if literal:
            yield literal
        if name is not None:
            yield _field(name, spec or "", conversion)


def _formula(text: str) -> str:
    """The formula as it is; a number format shows that a live value was meant."""
    if meant := re.search(r"\{[A-Za-z_]\w*:" + _SPEC.pattern + r"\}", text):
        raise ValueError(f"'{meant[0]}' stands inside a formula, where nothing changes; close the formula before it")
    return f"${text}$"


def _field(name: str, spec: str, conversion: str | None) -> _Field:
    written = f"{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}"
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or conversion:
        raise ValueError(
            f"'{{{written}}}' is neither a live value such as {{t:.1f}} nor, with '{{{{' and '}}}}', a pair of braces"
        )
    if not _SPEC.fullmatch(spec):
        raise ValueError(f"'{spec}' in '{{{written}}}' is no number format; one is '.2f'")
    return _Field(name, spec)


def _column(field: _Field, values: Sequence[object]) -> list[str]:
    """One field at all moments, padded to one width."""
    decimals = None if field.spec else _common_decimals(values)
    shown = [_show(field, value, decimals) for value in values]
    if any(text.startswith("−") for text in shown):
        shown = [text if text.startswith("−") else FIGURE_SPACE + text for text in shown]
    width = max(map(len, shown), default=0)
    return [text.ljust(width, FIGURE_SPACE) for text in shown]


def _show(field: _Field, value: object, decimals: int | None = None) -> str:
    if not isinstance(value, Real):
        return _fit(field, value)
    number = float(value)
    if math.isnan(number):
        return "n/a"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    if field.spec:
        return _fit(field, _whole(field, value)).replace("-", "−")
    return (_readable(number) if decimals is None else f"{number:z.{decimals}f}").replace("-", "−")


def _fit(field: _Field, value: object) -> str:
    try:
        return format(value, field.spec)
    except ValueError as error:
        raise ValueError(f"the format '{field.spec}' does not fit {field.name}, such as {value!r}") from error


def _whole(field: _Field, value: Real) -> Real | int:
    """Times are real numbers, but ``{t:03d}`` should work where they are whole."""
    return round(float(value)) if field.spec[-1] in "bdoxX" else value


def _readable(number: float) -> str:
    """Whole numbers without decimals, others with three significant digits."""
    if number == round(number) and abs(number) < 1e15:
        return str(round(number))
    if 1e-4 <= abs(number) < 1e6:
        text = f"{number:.{_decimals(number)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{number:.2e}".partition("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _decimals(number: float) -> int:
    """How many decimals show three significant digits."""
    return max(0, 2 - math.floor(math.log10(abs(number))))


def _common_decimals(values: Sequence[object]) -> int | None:
    """Decimals that suit all values of a film: three digits of the largest, fewer if no value needs them."""
    numbers = [float(value) for value in values if isinstance(value, Real) and math.isfinite(value)]
    largest = max(map(abs, numbers), default=0.0)
    if not 1e-4 <= largest < 1e15:
        return None if largest else 0
    most = _decimals(largest)
    for decimals in range(most):
        if all(math.isclose(round(number, decimals), number, abs_tol=10.0**-most / 2) for number in numbers):
            return decimals
    return most
