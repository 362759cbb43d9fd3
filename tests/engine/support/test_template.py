"""Templates: texts with live values, their formats, padding and errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from noisereel.support.template import FIGURE_SPACE, Template


@pytest.mark.parametrize(
    ("text", "values", "formatted"),
    [
        ("t = {t}", {"t": 25.0}, "t = 25"),
        ("{t}", {"t": 0.98}, "0.98"),
        ("{t}", {"t": 3.14159}, "3.14"),
        ("{t}", {"t": 12345.6}, "12346"),
        ("{t}", {"t": 0.00001234}, "1.23×10⁻⁵"),
        ("{t}", {"t": -9.21}, "−9.21"),
        ("{t}", {"t": -0.0001}, "−0.0001"),
        ("{t}", {"t": math.inf}, "∞"),
        ("{t:.2f}", {"t": -math.inf}, "−∞"),
        ("{t}", {"t": math.nan}, "n/a"),
        ("{t:.2f}", {"t": -0.5}, "−0.50"),
        ("{t:03d}", {"t": 7.0}, "007"),
        ("{step:03d}", {"step": 7}, "007"),
        ("{t}", {"t": np.float32(0.5)}, "0.5"),
        ("{run:>6}", {"run": "ddim"}, "  ddim"),
        ("{{{t}}}", {"t": 1}, "{1}"),
        ("$x_{t-1}$ at {t}", {"t": 1}, "$x_{t-1}$ at 1"),
        (r"$\frac{a_{t}}{b}$ {{and}} $x_{{t}}$", {}, r"$\frac{a_{t}}{b}$ {and} $x_{{t}}$"),
        (r"$\{t\}$ costs \$ {t}", {"t": 1}, r"$\{t\}$ costs \$ 1"),
        ("costs $5 at {t}", {"t": 1}, r"costs \$5 at 1"),
        (r"\$ {t} \$", {"t": 1}, r"\$ 1 \$"),
        ("", {}, ""),
    ],
)
def test_values_are_formatted(text: str, values: dict[str, object], formatted: str) -> None:
    assert Template(text).format(values) == formatted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{t.real}", "'{t.real}' is not a live value such as {t:.1f}; write '{{' and '}}' for literal braces"),
        ("{t[0]}", "'{t[0]}' is not a live value such as {t:.1f}; write '{{' and '}}' for literal braces"),
        ("{t!r}", "'{t!r}' is not a live value such as {t:.1f}; write '{{' and '}}' for literal braces"),
        ("{}", "'{}' is not a live value such as {t:.1f}; write '{{' and '}}' for literal braces"),
        ("{0}", "'{0}' is not a live value such as {t:.1f}; write '{{' and '}}' for literal braces"),
        ("{t:{w}}", "'{w}' in '{t:{w}}' is not a number format such as '.2f'"),
        ("{t:999999999}", "'999999999' in '{t:999999999}' is not a number format such as '.2f'"),
        ("{t:q}", "'q' in '{t:q}' is not a number format such as '.2f'"),
        ("a } b", "unmatched brace; write '{{' or '}}' for a literal brace"),
        ("a { b", "unmatched brace; write '{{' or '}}' for a literal brace"),
        (
            "$x = {t:.1f}$",
            "'{t:.1f}' is inside a formula, which cannot contain live values; close the formula before it",
        ),
        (
            "$a$ $b {t:g} c$",
            "'{t:g}' is inside a formula, which cannot contain live values; close the formula before it",
        ),
    ],
)
def test_invalid_templates_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        Template(text)
    assert str(error.value) == message


def test_a_format_that_does_not_fit_its_value_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        Template("{run:.2f}").format({"run": "ddim"})
    assert str(error.value) == "the format '.2f' does not fit run, such as 'ddim'"


def test_names_are_unique_and_in_order_and_constants_are_not_live() -> None:
    template = Template("{run}: {t} of {T}, {t:.1f}, {entropy}")
    assert template.names == ("run", "t", "T", "entropy")
    assert template.live
    assert not Template("{run} with {particles} until {T}").live
    assert not Template("plain").live


def test_padding_gives_every_field_a_constant_width() -> None:
    rows = [{"t": 0.0, "entropy": 9.916}, {"t": 50.0, "entropy": 10.0}, {"t": 100.0, "entropy": 9.9}]
    assert Template("t = {t}   H = {entropy} bit").pad(rows) == (
        f"t = 0{FIGURE_SPACE * 2}   H = 9.9{FIGURE_SPACE} bit",
        f"t = 50{FIGURE_SPACE}   H = 10.0 bit",
        f"t = 100   H = 9.9{FIGURE_SPACE} bit",
    )


def test_numbers_of_a_film_have_the_same_decimals_but_no_more_than_needed() -> None:
    shown = Template("{t}").pad([{"t": 1.0}, {"t": 0.98}, {"t": 0.5}, {"t": math.inf}])
    assert shown == ("1.00", "0.98", "0.50", "∞" + FIGURE_SPACE * 3)
    assert Template("{t}").pad([{"t": 0.0}, {"t": 0.0}]) == ("0", "0")


def test_numbers_without_a_sign_are_padded_for_one() -> None:
    assert Template("{v}").pad([{"v": 1}, {"v": -1}, {"v": 12}]) == (
        f"{FIGURE_SPACE}1{FIGURE_SPACE}",
        f"−1{FIGURE_SPACE}",
        f"{FIGURE_SPACE}12",
    )


def test_padding_a_text_without_fields_repeats_it() -> None:
    assert Template("still").pad([{}, {}]) == ("still", "still")
    assert Template("").pad([{}, {}]) == ("", "")


@given(st.text(alphabet="{}t:.1$ a!r[\\"))
def test_any_text_is_a_template_or_a_value_error(text: str) -> None:
    try:
        template = Template(text)
    except ValueError as error:
        assert str(error)
    else:
        assert set(template.names) <= set("tar1") | {n for n in template.names if n.isidentifier()}


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=8))
def test_padded_rows_have_one_length(values: list[float]) -> None:
    shown = Template("{v}").pad([{"v": value} for value in values])
    assert len({len(text) for text in shown}) == 1
    assert not any("-" in text for text in shown)
