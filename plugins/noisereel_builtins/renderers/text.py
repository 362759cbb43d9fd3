"""Text: labels and formulas over a panel."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from noisereel.contracts import marks
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.support.fonts import missing_letters
from noisereel.support.markup import doubtful_formula
from noisereel.support.template import Template

from .shared.memo import once
from .shared.paint import Ink

__all__ = ["Text"]

LEADING = 1.4
"""Distance between lines, in type sizes."""
PIXELS = 100 / 72
"""Design pixels in a point."""

Across = Literal["left", "center", "right"]
Up = Literal["bottom", "center", "top"]
ACROSS: tuple[Across, ...] = ("left", "center", "right")
UP: tuple[Up, ...] = ("bottom", "center", "top")


def _valid_template(value: str) -> str:
    Template(value)
    return value


class Text(Renderer):
    """Text over a panel of any kind, with live values as in titles, and formulas between dollar signs.

    A soft edge in the background colour keeps it readable over other marks.
    """

    space: ClassVar[Space] = "any"
    primary: ClassVar[str | None] = "words"

    words: Annotated[str, AfterValidator(_valid_template)] = Field(min_length=1)
    """The text, such as "{t:.0f} steps of $q(x_t|x_{t-1})$"; may have several lines."""
    at: tuple[float, float] = (0.0, 1.0)
    """Position [x, y]: fractions of the panel from its lower left corner, or data coordinates."""
    within: Literal["panel", "data"] = "panel"
    """Coordinates of `at`."""
    align: Across | None = None
    """Part of the text placed there; if omitted, left, center or right by thirds of the panel, center for data."""
    color: Ink = "ink"
    size: float = Field(default=13.0, gt=0, le=200)
    """Type size in points at 720 lines."""
    bold: bool = False
    """Bold type."""

    def lint(self) -> Iterable[str]:
        warnings = doubtful_formula(self.words), missing_letters(self.words)
        return [*super().lint(), *(warning for warning in warnings if warning is not None)]

    def check(self, run: RunInfo) -> str | None:
        return Template(self.words).fault(run.value_names)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        lines = self._text_at(run, moment.index).split("\n")
        (x, y), (across, up), view = self.at, self._anchor, ctx.view
        if self.within == "panel":
            x, y = view.x[0] + x * (view.x[1] - view.x[0]), view.y[0] + y * (view.y[1] - view.y[0])
        above = {"bottom": len(lines) - 1, "center": (len(lines) - 1) / 2, "top": 0}[up]
        for i, line in enumerate(lines):
            offset = 0.0, LEADING * PIXELS * self.size * (above - i)
            color, halo = ctx.theme.color(self.color), ctx.theme.color("background")
            yield marks.Text((x, y), line, color, self.size, self.bold, (across, up), offset, halo)

    @property
    def _anchor(self) -> tuple[Across, Up]:
        """Part of the text placed at the position."""
        right, up = map(_third, self.at) if self.within == "panel" else (1, 1)
        return self.align or ACROSS[right], UP[up]

    def _text_at(self, run: RunView, index: int) -> str:
        """Return the text at a visit, padded to the same width at all visits shown."""
        template = Template(self.words)

        def padded() -> dict[int, str]:
            rows = [run.live_values(visit, template.names) for visit in run.shown]
            return dict(zip(run.shown, template.pad(rows), strict=True))

        text = once(run, (self, "words"), padded).get(index)
        return template.format(run.live_values(index, template.names)) if text is None else text


def _third(fraction: float) -> int:
    """Return the third of the panel that a position falls in: 0, 1 or 2."""
    return 0 if fraction < 1 / 3 else 2 if fraction > 2 / 3 else 1
