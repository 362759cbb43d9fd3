"""Layout: nothing overlaps or leaves the frame, nothing is cut, and edges are shared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from noisereel.contracts.figure import Figure, Panel, Slot
from noisereel.contracts.geometry import Box, Rect
from noisereel.contracts.guides import Colorbar, Legend
from noisereel.contracts.theme import THEMES
from noisereel.layout import FrameText, Grid, Line, PanelPlan, lay_out
from noisereel.layout.axis import LABEL_GAP, LABEL_SIZE, x_ticks, y_ticks
from noisereel.layout.legend import KEY_SIZE, key_parts, key_scale, key_width
from noisereel.layout.tracks import share
from noisereel.support.errors import UsageError
from noisereel.support.typeset import measure

DARK = THEMES["dark"]
PLANE = Box((-2.0, 2.0), (-1.5, 1.5))
SIZES = [(1280, 720), (640, 480), (720, 720), (1080, 1920), (1920, 1080), (854, 480)]
ROLES = {"background", "ink", "muted", "faint", "blue", "violet", "rose", "amber"}


class Area(NamedTuple):
    """A rectangle in pixels that something covers."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        return across > 0.5 and min(self.bottom, other.bottom) - max(self.top, other.top) > 0.5


def slot_area(slot: Slot, scale: float) -> Area:
    text = measure(slot.text, slot.size, slot.bold)
    left = slot.x - (text.width * scale if slot.align == "right" else 0)
    up, down = text.ascent * scale, text.descent * scale
    return Area(slot.text, left, slot.baseline - up, left + text.width * scale, slot.baseline + down)


def rect_area(name: str, rect: Rect) -> Area:
    return Area(name, rect.left, rect.top, rect.right, rect.bottom)


def label_areas(panel: Panel) -> Iterator[Area]:
    """Yield the areas of a graph's tick labels."""
    view, (width, height) = panel.view, panel.view.size
    rect, scale = view.rect, view.scale
    half = 0.38 * LABEL_SIZE * 100 / 72 * scale
    ticks = y_ticks(view.y, height)
    for value, label in zip(ticks.values, ticks.labels, strict=True):
        y = rect.top + (view.y[1] - value) / (view.y[1] - view.y[0]) * rect.height
        right = rect.left - LABEL_GAP * scale
        yield Area(label, right - measure(label, LABEL_SIZE).width * scale, y - half, right, y + half)
    ticks = x_ticks(view.x, width)
    for value, label in zip(ticks.values, ticks.labels, strict=True):
        x = rect.left + (value - view.x[0]) / (view.x[1] - view.x[0]) * rect.width
        half_width = measure(label, LABEL_SIZE).width * scale / 2
        top = rect.bottom + LABEL_GAP * scale
        yield Area(label, x - half_width, top, x + half_width, top + 2 * half)


def key_area(panel: Panel) -> Iterator[Area]:
    view, parts = panel.view, key_parts(panel.guides, DARK)
    if parts:
        width = key_width(parts) * key_scale(parts, panel.view.size[0]) * view.scale
        bottom = view.rect.top - 12 * view.scale
        top = bottom - 0.76 * KEY_SIZE * 100 / 72 * view.scale
        yield Area("key", view.rect.right - width, top, view.rect.right, bottom)


def covered_areas(figure: Figure) -> list[Area]:
    areas = [slot_area(slot, figure.scale) for slot in figure.slots]
    if figure.bar:
        areas.append(rect_area("bar", figure.bar.rect))
    for number, panel in enumerate(figure.panels):
        areas.append(rect_area(f"panel {number}", panel.view.rect))
        areas += key_area(panel)
        if panel.space == "graph":
            areas += label_areas(panel)
    return areas


WORDS = st.sampled_from(
    ["", "Entropy", "DDPM   t = 1000", r"$\sqrt{1-\bar\alpha_t}$", "a title that is much too long for one small panel"]
)
GUIDES = st.sampled_from(
    [(), (Legend((("signal", "amber"), ("noise", "rose"))),), (Colorbar(DARK.gradient(), -1.0, 2.5, "bits"),)]
)
RANGES = st.tuples(st.floats(-100, 100), st.floats(0.01, 1000)).map(lambda r: (r[0], r[0] + r[1]))


@st.composite
def plans(draw: st.DrawFn, cell: tuple[int, int, int, int]) -> PanelPlan:
    space = draw(st.sampled_from(["plane", "volume", "graph", "image"]))
    if space == "image":
        extent = Box((0.0, draw(st.integers(8, 600))), (0.0, draw(st.integers(8, 600))))
    else:
        extent = Box(draw(RANGES), draw(RANGES))
    names = {"x_label": draw(WORDS), "y_label": draw(WORDS) if space == "graph" else ""}
    return PanelPlan(
        space, extent, cell, title=Line(draw(WORDS)), caption=Line(draw(WORDS)), guides=draw(GUIDES), **names
    )


@st.composite
def figures(draw: st.DrawFn) -> tuple[list[PanelPlan], Figure]:
    rows, columns = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (1, 5), (3, 4), (2, 3)]))
    panels = [draw(plans((row, column, 1, 1))) for row in range(rows) for column in range(columns)]
    if (rows, columns) == (2, 2) and draw(st.booleans()):
        panels = [draw(plans((0, 0, 2, 1))), *(plan for plan in panels if plan.cell[1] == 1)]
    size = draw(st.sampled_from(SIZES if len(panels) <= 4 else SIZES[:1] + SIZES[4:5]))
    bar = draw(st.sampled_from([None, ("t = 1000", "T = 1000"), ("t = 1000", "")]))
    text = FrameText(Line(draw(WORDS)), Line(draw(WORDS)), Line(draw(WORDS)), bar)
    return panels, lay_out(size, DARK, panels, Grid((1.0,) * columns, (1.0,) * rows), text=text)


@settings(deadline=None, max_examples=30)
@given(figures())
def test_nothing_overlaps_or_leaves_the_frame(case: tuple[list[PanelPlan], Figure]) -> None:
    _, figure = case
    width, height = figure.size
    areas = covered_areas(figure)
    for area in areas:
        assert area.left >= 0 and area.top >= 0 and area.right <= width and area.bottom <= height, area
    for a, b in combinations(areas, 2):
        assert not a.meets(b), (a, b)


@settings(deadline=None, max_examples=30)
@given(figures())
def test_particles_stay_clear_of_text_the_bar_and_other_panels(case: tuple[list[PanelPlan], Figure]) -> None:
    _, figure = case
    for number, panel in enumerate(figure.panels):
        if panel.space != "plane":
            continue
        clip = rect_area("clip", panel.clip)
        assert clip.left >= 0 and clip.top >= 0 and clip.right <= figure.size[0] and clip.bottom <= figure.size[1]
        rect = panel.view.rect
        assert (
            clip.left <= rect.left and clip.top <= rect.top and clip.right >= rect.right and clip.bottom >= rect.bottom
        )
        for area in covered_areas(figure):
            assert area.name == f"panel {number}" or not clip.meets(area), area


@settings(deadline=None, max_examples=30)
@given(figures())
def test_limits_cut_nothing_and_planes_and_pictures_keep_their_shape(case: tuple[list[PanelPlan], Figure]) -> None:
    panels, figure = case
    for plan, panel in zip(panels, figure.panels, strict=True):
        view = panel.view
        assert view.x[0] <= plan.x[0] and view.x[1] >= plan.x[1] and view.y[0] <= plan.y[0] and view.y[1] >= plan.y[1]
        per_x, per_y = view.rect.width / (view.x[1] - view.x[0]), view.rect.height / (view.y[1] - view.y[0])
        if panel.space in ("plane", "volume"):
            assert per_x == pytest.approx(per_y, rel=1e-9)
        else:
            assert (view.x, view.y) == (plan.x, plan.y)
        if panel.space == "image" and min(view.rect.width, view.rect.height) > 1:
            # One scale, rounded down to whole pixels, gives both sides; the minimum is one pixel.
            a_pixel_more = (view.rect.width + 1) / plan.x[1], (view.rect.height + 1) / plan.y[1]
            assert max(per_x, per_y) < min(a_pixel_more) + 1e-5


@pytest.mark.parametrize(
    ("size", "scale"),
    [((1280, 720), 1), ((960, 720), 1), ((2560, 720), 1), ((720, 1280), 1), ((360, 640), 0.5), ((720, 720), 0.75**0.5)],
)
def test_type_scales_with_the_smaller_side_of_the_frame(size: tuple[int, int], scale: float) -> None:
    assert lay_out(size, DARK, [PanelPlan("plane", PLANE)]).scale == pytest.approx(scale)


def test_a_single_plane_fills_the_frame_between_title_and_bar() -> None:
    figure = lay_out(
        (1280, 720),
        DARK,
        [PanelPlan("plane", PLANE)],
        text=FrameText(title=Line("A swiss roll"), bar=("t = 95", "T = 1000")),
    )
    (panel,) = figure.panels
    assert panel.view.rect == Rect(58, 85, 1164, 551)
    assert panel.clip == Rect(0, 70, 1280, 580)
    assert figure.bar is not None and figure.bar.rect == Rect(58, 681, 1164, 4)
    assert [(s.text, s.x, s.baseline, s.live) for s in figure.slots] == [
        ("A swiss roll", 58, 61, False),
        ("t = 95", 58, 670, True),
        ("T = 1000", 1222, 670, False),
    ]


def test_without_text_and_bar_particles_may_use_the_whole_frame() -> None:
    figure = lay_out((640, 480), DARK, [PanelPlan("plane", PLANE)])
    assert figure.panels[0].clip == Rect(0, 0, 640, 480)
    assert figure.slots == () and figure.bar is None


def test_slots_come_in_the_documented_order() -> None:
    panels = [
        PanelPlan("plane", PLANE, (0, 0, 1, 1), title=Line("left", True), caption=Line("a")),
        PanelPlan("graph", PLANE, (0, 1, 1, 1), title=Line("right"), caption=Line("b", True), x_label="x", y_label="y"),
        PanelPlan("plane", PLANE, (0, 2, 1, 1)),
    ]
    text = FrameText(Line("title", True), Line("subtitle"), Line("c"), ("t = 9", "T = 9"))
    figure = lay_out((1280, 720), DARK, panels, Grid((1, 1, 1)), text)
    assert [slot.text for slot in figure.slots] == [
        *("title", "subtitle", "left", "right", "a", "b", "y", "x", "c", "t = 9", "T = 9"),
    ]
    assert [slot.text for slot in figure.slots if slot.live] == ["title", "left", "b", "t = 9"]


def test_captions_of_a_row_share_a_baseline_below_all_labels() -> None:
    panels = [
        PanelPlan("plane", PLANE, (0, 0, 1, 1), caption=Line("a cloud")),
        PanelPlan("graph", PLANE, (0, 1, 1, 1), caption=Line("$H$ in bits"), x_label="x"),
    ]
    figure = lay_out((1280, 720), DARK, panels, Grid((1, 1)), text=FrameText(caption=Line("both")))
    a, b, label, both = figure.slots
    assert (a.text, b.text, label.text, both.text) == ("a cloud", "$H$ in bits", "x", "both")
    assert a.baseline == b.baseline > label.baseline
    assert both.baseline > b.baseline
    assert [a.x, b.x] == [panel.view.rect.left for panel in figure.panels]
    # Stray particles end above the text.
    assert figure.panels[0].clip.bottom <= a.baseline - measure(a.text, a.size).ascent


def test_data_areas_in_a_column_share_their_edges_and_titles() -> None:
    panels = [
        PanelPlan("graph", Box((0, 1), (0, 1)), (0, 0, 1, 1), title=Line("one")),
        PanelPlan("graph", Box((0, 1), (0, 90_000)), (1, 0, 1, 1), title=Line("two")),
    ]
    figure = lay_out((1280, 720), DARK, panels, Grid((1,), (1, 1)))
    one, two = (panel.view.rect for panel in figure.panels)
    assert (one.left, one.right) == (two.left, two.right)
    assert {slot.x for slot in figure.slots} == {one.left}
    assert min(area.left for area in label_areas(figure.panels[1])) == pytest.approx(58, abs=1)


def test_panels_that_cannot_use_their_height_are_centred_together() -> None:
    panels = [PanelPlan("plane", Box((-1, 1), (-1, 1)), (0, i, 1, 1), title=Line(f"t = {i}")) for i in range(5)]
    figure = lay_out((1280, 720), DARK, panels, Grid((1,) * 5), text=FrameText(title=Line("Five"), bar=("t", "T")))
    rects = [panel.view.rect for panel in figure.panels]
    assert all(abs(rect.width - rect.height) <= 1 for rect in rects)
    titles = [slot for slot in figure.slots if slot.text.startswith("t = ")]
    assert {slot.baseline for slot in titles} == {rects[0].top - 12}
    gaps = {right.left - left.right for left, right in pairwise(rects)}
    assert gaps <= {17, 18, 19}


def test_pictures_get_whole_pixels_where_that_costs_little() -> None:
    def rect(size: tuple[int, int], pixels: int) -> Rect:
        box = Box((0, pixels), (0, pixels))
        return lay_out(size, DARK, [PanelPlan("image", box)]).panels[0].view.rect

    assert (rect((1280, 720), 512).width, rect((1280, 720), 512).height) == (512, 512)
    assert rect((1280, 720), 28).width == 28 * 22
    assert rect((640, 480), 512).width == 428  # halves would be 256


def test_one_overlong_title_leaves_the_others_legible() -> None:
    def sizes(*titles: str) -> list[float]:
        panels = [PanelPlan("plane", PLANE, (0, i, 1, 1), title=Line(t), caption=Line(t)) for i, t in enumerate(titles)]
        slots = lay_out((1280, 720), DARK, panels, Grid((1,) * len(titles))).slots
        assert [slot.text for slot in slots] == [*titles] * 2
        return [slot.size for slot in slots]

    long, longer = "a title as wide as its panel, nearly", "a title that no panel so narrow could hold " * 2
    assert sizes("short", "short", "short") == [13.0] * 3 + [11.0] * 3
    a, b, c, *_ = sizes(long, "short", "short", "short")
    assert 9 <= a == b == c < 13
    a, b, c, d, *captions = sizes(longer, "short", "short", "short")
    assert a < 9 == b == c == d and captions[0] < 9 == captions[1] == captions[3]
    a, b, *_ = sizes(longer, longer + "still", longer, longer)
    assert a == b < 9


def test_text_too_long_for_its_room_is_set_smaller() -> None:
    words = "A title that goes on and on, " * 4
    panels = [PanelPlan("plane", PLANE, (0, i, 1, 1), title=Line(t)) for i, t in enumerate((words, "short"))]
    figure = lay_out(
        (640, 480), DARK, panels, Grid((1, 1)), text=FrameText(title=Line(words), subtitle=Line("as it is"))
    )
    title, subtitle, long, short = figure.slots
    assert measure(title.text, title.size, bold=True).width * figure.scale <= 640 - 2 * title.x
    assert subtitle.size == 12.5
    assert long.size < short.size == 9
    assert long.x + measure(words, long.size, bold=True).width * figure.scale <= figure.panels[1].view.rect.left


def test_title_and_key_that_do_not_fit_side_by_side_take_two_lines() -> None:
    key = (Legend((("signal", "amber"), ("noise", "rose"))),)

    def title(words: str) -> tuple[float, Rect]:
        panels = [PanelPlan("graph", PLANE, (0, i, 1, 1), title=Line(words), guides=key) for i in range(3)]
        figure = lay_out((1280, 720), DARK, panels, Grid((1, 1, 1)))
        return figure.slots[0].baseline, figure.panels[0].view.rect

    baseline, rect = title("Schedule")
    assert baseline == rect.top - 12
    baseline, rect = title("A longer name for the schedule")
    assert baseline == rect.top - 31


def test_constant_extents_get_a_width() -> None:
    view = lay_out((640, 480), DARK, [PanelPlan("graph", Box(None, (3.0, 3.0)))]).panels[0].view
    assert (view.x, view.y) == ((0.0, 1.0), (2.5, 3.5))


def test_too_many_panels_for_the_frame_are_refused() -> None:
    panels = [PanelPlan("graph", PLANE, (i // 8, i % 8, 1, 1), title=Line("t")) for i in range(64)]
    with pytest.raises(UsageError) as error:
        lay_out((320, 240), DARK, panels, Grid((1,) * 8, (1,) * 8))
    expected = (
        "320×240 pixels have no room for 8 × 8 panels (rows × columns): make the film larger or show fewer panels"
    )
    assert str(error.value) == expected


@given(
    st.lists(st.tuples(st.floats(0.1, 5), st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=6),
    st.floats(0, 10),
)
def test_tracks_share_a_length_in_proportion(demands: list[tuple[float, float, float]], gap: float) -> None:
    weights, before, after = zip(*demands, strict=True)
    tracks = share((10, 1010), weights, before, after, gap)
    assert tracks[0].start == 10 and tracks[-1].end == pytest.approx(1010)
    per_weight = [track.size / weight for track, weight in zip(tracks, weights, strict=True)]
    assert np.ptp(per_weight) < 1e-6 * max(per_weight)
    for left, right in pairwise(tracks):
        assert right.start - left.end == pytest.approx(gap)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_themes_have_every_role_and_read_well(theme: Any) -> None:
    assert set(theme.colors) == ROLES

    def luminance(role: str) -> float:
        parts = [int(theme.color(role)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    def contrast(role: str) -> float:
        pair = sorted([luminance(role), luminance("background")])
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    assert contrast("ink") > 7 and contrast("muted") > 4
    assert min(map(contrast, ("blue", "violet", "rose", "amber"))) > 3
    assert 1.1 < contrast("faint") < 2
