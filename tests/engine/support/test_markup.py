"""Markup: which dollar signs belong to a formula, and values that are never read as markup."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from noisereel.support.markup import doubtful_formula, plain, spans, with_formulas
from noisereel.support.template import Template


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("$x_t$", ["$x_t$"]),
        ("at $x_t$, $t$", ["$x_t$", "$t$"]),
        ("$5 to $10", []),
        ("$5-$10, $x$", ["$x$"]),
        ("$5 to $10 as $x$ rises", ["$x$"]),
        ("costs $5", []),
        ("5$ or 10$", []),
        (r"\$5 and $\$x$", [r"$\$x$"]),
        ("$5\nor 10$", []),
        ("$$", []),
        ("US$ and A$", []),
    ],
)
def test_formulas_are_told_from_prices(text: str, formulas: list[str]) -> None:
    assert [part for part, is_formula in spans(text) if is_formula] == formulas
    escaped = with_formulas(text)
    assert with_formulas(escaped) == escaped
    assert [part for part, is_formula in spans(escaped) if is_formula] == formulas


@given(st.text())
def test_all_text_is_kept(text: str) -> None:
    assert "".join(part for part, _ in spans(text)) == text


NAMES = ["c$d", "$x$", "$5 and $6", r"a\$b", "$", "$$", r"$\frac$", "{t} $y_{t}$"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["{run}", "run {run} of $x_t$", "{run:>9}", "{run} {run}", "costs $5 {run}"])
def test_a_value_is_never_markup(name: str, text: str) -> None:
    """What is drawn is the formulas of the text itself, and the name as it is written."""
    written = text.replace("{run:>9}", f"{name:>9}").replace("{run}", name)
    values = {"run": name}
    for drawn in (Template(text).format(values), *Template(text).pad([values])):
        assert [part for part, is_formula in spans(drawn) if is_formula] == ["$x_t$"] * ("$x_t$" in text)
        assert drawn.replace(r"\$", "$").rstrip("\u2007") == written


def test_file_names_have_no_markup() -> None:
    assert Template("cost$5/{t}$ {t}$.png", markup=False).format({"t": 3}) == "cost$5/3$ 3$.png"


def test_prices_around_words_are_doubtful() -> None:
    assert doubtful_formula("$5 and 10$ off") == r"'$5 and 10$' is set as a formula; write '\$' for a dollar sign"
    for text in ("$x$", "$5x + 3$", "$2 \\times 3$", "$5 to $10", plain("$5 and 10$")):
        assert doubtful_formula(text) is None
