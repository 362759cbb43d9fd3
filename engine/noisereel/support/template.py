"""Templates: text with live values, such as ``t = {t:.1f}``; names and format specs only, nothing that runs code.

Formulas between dollar signs are typeset only once: they cannot contain live values, and their braces belong to the
formula, as in ``$x_{t-1}$ at t = {t}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from string import Formatter

from .errors import suggest
from .markup import plain, spans, with_formulas
from .numbers import number_text

__all__ = ["CONSTANT", "LIVE", "Template", "formula_fault"]

LIVE = ("t", "step", "alpha", "sigma", "log_snr", "calls")
"""Names whose values change from frame to frame; a run's metrics are available, too."""

CONSTANT = ("T", "run", "particles")
"""Names whose values stay the same throughout a film."""

WHOLE = ("step", "calls", "particles", "trained")
"""Names whose values are whole numbers."""

FIGURE_SPACE = "\u2007"
"""A space as wide as a digit."""

_SPEC = re.compile(r"([^{}]?[<>=^])?[-+ ]?z?#?0?\d{0,2}[_,]?(\.\d{1,2})?[bdeEfFgGosxX%]?")
_NAME = re.compile(r"[A-Za-z_]\w*(-[A-Za-z]\w*)*")  # a metric may be written as it is registered, with hyphens
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    spec: str


class Template:
    """A text with fields such as ``{t}`` or ``{entropy:.2f}``; outside formulas ``{{`` and ``}}`` are literal braces.

    Args:
        text: The text as written.
        markup: Whether the text is to be drawn: formulas are kept, and all other dollar signs, also those of values,
            are escaped.

    Attributes:
        text: The text as written.

    Raises:
        ValueError: The text is not a valid template; the message gives the reason.
    """

    def __init__(self, text: str, *, markup: bool = True) -> None:
        self.text = text
        self._parts = tuple(_split(text) if markup else _fields(text))
        self._shown = _marked if markup else _show

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of their first use."""
        return tuple(dict.fromkeys(part.name for part in self._parts if isinstance(part, _Field)))

    @property
    def live(self) -> bool:
        """Whether the text changes during a film."""
        return not set(self.names) <= set(CONSTANT)

    def fault(self, numbers: Sequence[str] = ()) -> str | None:
        """Return the reason why it cannot be used for a run, or None.

        Args:
            numbers: Names of the run's values besides `LIVE` and `CONSTANT`: those of its metrics.
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
        """Return the text with these values filled in.

        Raises:
            ValueError: A format spec does not fit its value.
        """
        return "".join(part if isinstance(part, str) else self._shown(part, values[part.name]) for part in self._parts)

    def pad(self, rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
        """Return the text for each row of values, with every field padded to a constant width so that nothing jitters.

        Numbers start at the same position, with room for a sign if any of them has one, and are padded with figure
        spaces; those without a spec share their number of decimals.

        Args:
            rows: The values at each moment that will be shown.

        Raises:
            ValueError: A format spec does not fit its value.
        """
        columns = [
            [part] * len(rows) if isinstance(part, str) else _column(part, [row[part.name] for row in rows])
            for part in self._parts
        ]
        return tuple("".join(pieces) for pieces in zip(*columns, strict=True)) if columns else ("",) * len(rows)


MAX_TEXT = 2_000
"""Characters of a text that is surely short enough for a line."""


def formula_fault(text: str) -> str | None:
    """Return the reason why a text or the formulas in it cannot be typeset, or None."""
    if "$" not in text and len(text) <= MAX_TEXT:
        return None
    from .typeset import fault  # imports matplotlib, which most scenes do not need

    return next((message for line in with_formulas(text).splitlines() if (message := fault(line))), None)


def _split(text: str) -> Iterator[str | _Field]:
    """Yield literal text, fields and formulas in order."""
    for part, is_formula in spans(text):
        if is_formula:
            yield _formula(part)
        else:
            yield from (with_formulas(piece) if isinstance(piece, str) else piece for piece in _fields(part))


def _fields(text: str) -> Iterator[str | _Field]:
    try:
        pieces = [*Formatter().parse(text)]
    except ValueError as error:
        raise ValueError("unmatched brace; write '{{' or '}}' for a literal brace") from error
    for literal, name, spec, conversion in pieces:
        if literal:
            yield literal
        if name is not None:
            yield _field(name, spec or "", conversion)


def _formula(text: str) -> str:
    """Return the formula, unless it contains a number format: then a live value was intended."""
    if field := re.search(r"\{[A-Za-z_][\w-]*:" + _SPEC.pattern + r"\}", text):
        raise ValueError(
            f"'{field[0]}' is inside a formula, which cannot contain live values; close the formula before it"
        )
    return text


def _field(name: str, spec: str, conversion: str | None) -> _Field:
    written = f"{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}"
    if not _NAME.fullmatch(name) or conversion:
        raise ValueError(
            f"'{{{written}}}' is not a live value such as {{t:.1f}}; write '{{{{' and '}}}}' for literal braces"
        )
    if not _SPEC.fullmatch(spec):
        raise ValueError(f"'{spec}' in '{{{written}}}' is not a number format such as '.2f'")
    return _Field(name.replace("-", "_"), spec)


def _column(field: _Field, values: Sequence[object]) -> list[str]:
    """Format one field at all moments, padded to one width."""
    decimals = None if field.spec else _common_decimals(values)
    texts = [_marked(field, value, decimals) for value in values]
    if any(text.startswith("−") for text in texts):
        texts = [text if text.startswith("−") else FIGURE_SPACE + text for text in texts]
    width = max(map(len, texts), default=0)
    return [text.ljust(width, FIGURE_SPACE) for text in texts]


def _marked(field: _Field, value: object, decimals: int | None = None) -> str:
    return plain(_show(field, value, decimals))


def _show(field: _Field, value: object, decimals: int | None = None) -> str:
    if not isinstance(value, Real):
        return _fit(field, value)
    number = float(value)
    if math.isnan(number):
        return "n/a"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    if field.spec:
        return _fit(field, value)
    return _automatic(number) if decimals is None else number_text(number, f".{decimals}f")


def _fit(field: _Field, value: object) -> str:
    try:
        return number_text(value, field.spec) if isinstance(value, Real) else format(value, field.spec)
    except ValueError as error:
        raise ValueError(f"the format '{field.spec}' does not fit {field.name}, such as {value!r}") from error


def _automatic(number: float) -> str:
    """Format whole numbers without decimals, others with three significant digits."""
    if number == round(number) and abs(number) < 1e15:
        return number_text(round(number))
    if 1e-4 <= abs(number) < 1e6:
        text = number_text(number, f".{_decimals(number)}f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{number:.2e}".partition("e")
    return f"{number_text(float(mantissa), '.2f')}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _decimals(number: float) -> int:
    """Return the number of decimals that show three significant digits."""
    return max(0, 2 - math.floor(math.log10(abs(number))))


def _common_decimals(values: Sequence[object]) -> int | None:
    """Return one number of decimals for all values of a film: three digits of the largest, fewer if that is enough."""
    numbers = [float(value) for value in values if isinstance(value, Real) and math.isfinite(value)]
    largest = max(map(abs, numbers), default=0.0)
    if not 1e-4 <= largest < 1e15:
        return None if largest else 0
    most = _decimals(largest)
    for decimals in range(most):
        if all(math.isclose(round(number, decimals), number, abs_tol=10.0**-most / 2) for number in numbers):
            return decimals
    return most
