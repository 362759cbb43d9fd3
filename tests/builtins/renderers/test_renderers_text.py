"""The built-in text layer: exact marks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from recording import DARK, Spread, marks_of, run_info, run_view

from noisereel_builtins.renderers.text import Text

RUN = run_view(np.arange(5.0).reshape(5, 1, 1) * 3, metrics=(Spread(),))


@pytest.mark.parametrize(
    ("at", "position", "anchor"),
    [
        ((0, 1), (-2, 1), ("left", "top")),
        ((1, 0), (2, -1), ("right", "bottom")),
        ((0.5, 0.5), (0, 0), ("center", "center")),
        ((0.25, 0.75), (-1, 0.5), ("left", "top")),
    ],
)
def test_positions_in_the_panel(at, position, anchor):
    (mark,) = marks_of(Text(words="here", at=at), RUN, 0)
    assert (mark.xy, mark.anchor) == (position, anchor)
    assert (mark.text, mark.color, mark.halo) == ("here", DARK.color("ink"), DARK.color("background"))


def test_a_position_in_the_data_is_the_middle_of_the_text():
    (mark,) = marks_of(Text(words="mode", at=(1.5, 9.0), within="data", color="rose", bold=True), RUN, 0)
    assert (mark.xy, mark.anchor, mark.color, mark.bold) == ((1.5, 9.0), ("center", "center"), DARK.color("rose"), True)
    (mark,) = marks_of(Text(words="mode", at=(1.5, 9.0), within="data", align="left"), RUN, 0)
    assert mark.anchor == ("left", "center")


def test_live_values_keep_their_width():
    words = [marks_of(Text(words="{t} of {T}: {spread} m"), RUN, index)[0].text for index in range(5)]
    assert words == ["0 of 4: 0\u2007 m", "1 of 4: 3\u2007 m", "2 of 4: 6\u2007 m", "3 of 4: 9\u2007 m", "4 of 4: 12 m"]


@pytest.mark.parametrize(("y", "middle"), [(1.0, -1.0), (0.5, 0.0), (0.0, 1.0)])
def test_lines_are_stacked_around_the_position(y, middle):
    marks = marks_of(Text(words="one\ntwo\nthree", at=(0.0, y), size=10), RUN, 0)
    assert [mark.text for mark in marks] == ["one", "two", "three"]
    # 10 points are 13.9 pixels at 100 dpi.
    assert_allclose([mark.offset[1] for mark in marks], 1.4 * 10 * 100 / 72 * (np.array([1, 0, -1]) + middle))


def test_braces_of_formulas():
    (mark,) = marks_of(Text(words=r"$\frac{1}{2}x_{t-1}$"), RUN, 0)
    assert mark.text == r"$\frac{1}{2}x_{t-1}$"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("t = {tt}", "unknown name '{tt}'; did you mean 't'?"),
        ("{spread}", None),
        ("{run:.2f}", "the format '.2f' does not fit run, such as 'name'"),
        ("{t:.2f} in {run}", None),
    ],
)
def test_impossible_values_are_refused_before_anything_is_simulated(words, message):
    assert Text(words=words).check(run_info(64, 64, value_names=("spread",))) == message


def test_invalid_templates():
    with pytest.raises(ValidationError, match="unmatched brace"):
        Text(words="x_{t")
