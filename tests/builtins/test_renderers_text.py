"""The built-in layer of words: exact marks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from recording import DARK, Spread, drawn, record, run_info

from noisereel_builtins.renderers.text import Text

REC = record(np.arange(5.0).reshape(5, 1, 1) * 3, metrics=(Spread(),))


@pytest.mark.parametrize(
    ("at", "place", "anchor"),
    [
        ((0, 1), (-2, 1), ("left", "top")),
        ((1, 0), (2, -1), ("right", "bottom")),
        ((0.5, 0.5), (0, 0), ("center", "center")),
        ((0.25, 0.75), (-1, 0.5), ("left", "top")),
    ],
)
def test_shares_of_the_panel(at, place, anchor):
    (mark,) = drawn(Text(words="here", at=at), REC, 0)
    assert (mark.xy, mark.anchor) == (place, anchor)
    assert (mark.text, mark.color, mark.halo) == ("here", DARK.color("ink"), DARK.color("background"))


def test_a_place_in_the_data_is_the_middle_of_the_words():
    (mark,) = drawn(Text(words="mode", at=(1.5, 9.0), within="data", color="rose", bold=True), REC, 0)
    assert (mark.xy, mark.anchor, mark.color, mark.bold) == ((1.5, 9.0), ("center", "center"), DARK.color("rose"), True)
    (mark,) = drawn(Text(words="mode", at=(1.5, 9.0), within="data", align="left"), REC, 0)
    assert mark.anchor == ("left", "center")


def test_live_values_keep_their_places():
    words = [drawn(Text(words="{t} of {T}: {spread} m"), REC, step)[0].text for step in range(5)]
    assert words == ["0 of 4: 0\u2007 m", "1 of 4: 3\u2007 m", "2 of 4: 6\u2007 m", "3 of 4: 9\u2007 m", "4 of 4: 12 m"]


@pytest.mark.parametrize(("y", "middle"), [(1.0, -1.0), (0.5, 0.0), (0.0, 1.0)])
def test_lines_stand_below_one_another_around_the_place(y, middle):
    marks = drawn(Text(words="one\ntwo\nthree", at=(0.0, y), size=10), REC, 0)
    assert [mark.text for mark in marks] == ["one", "two", "three"]
    # 10 points are 13.9 pixels at 100 dpi.
    assert_allclose([mark.offset[1] for mark in marks], 1.4 * 10 * 100 / 72 * (np.array([1, 0, -1]) + middle))


def test_braces_of_formulas():
    (mark,) = drawn(Text(words=r"$\frac{1}{2}x_{t-1}$"), REC, 0)
    assert mark.text == r"$\frac{1}{2}x_{t-1}$"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("t = {tt}", "unknown name '{tt}'; did you mean 't'?"),
        ("{spread}", None),
        ("{run:.2f}", "the format '.2f' does not fit run, such as 'name'"),
        ("{t:.2f} in {run}", None),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_is_simulated(words, said):
    assert Text(words=words).check(run_info(64, 64, value_names=("spread",))) == said


def test_words_that_are_no_template():
    with pytest.raises(ValidationError, match="a brace stands alone"):
        Text(words="x_{t")
