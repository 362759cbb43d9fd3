"""The raster canvas: whole frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from noisereel.canvas.glyphs import Glyphs
from noisereel.canvas.raster import RasterCanvas
from noisereel.contracts.figure import Drawing, Figure, Panel, Slot, TimeBar
from noisereel.contracts.geometry import Rect, View
from noisereel.contracts.marks import Area, Arrows, Image, Mark, Mesh, Points, Polylines, Shades, Text, Trails
from noisereel.contracts.theme import THEMES, rgb
from noisereel.support.errors import PluginError

DARK = THEMES["dark"]
GROUND = rgb(DARK.color("background"))
SIZE = (160, 120)
TYPE = 72.0  # points; a sixth of it at this size of frame
BLUE, ROSE = DARK.color("blue"), DARK.color("rose")
RECT = Rect(20, 20, 120, 80)


def figure(*, rect=RECT, limits=((0, 120), (0, 80)), scale=1.0, **fields) -> Figure:
    """Return a figure with one panel, whose data coordinates are design pixels from its lower left corner."""
    backdrop = fields.pop("backdrop", ())
    return Figure(SIZE, DARK, (Panel(View(rect, *limits, scale), DARK, "plane", rect, backdrop),), **fields)


def flat(color=GROUND, channels=3):
    return np.broadcast_to(np.array(color, np.uint8), (SIZE[1], SIZE[0], channels)).copy()


def drawn(*marks, fig=None, words=(), progress=0.0, ground=GROUND):
    fig = fig or figure()
    background = "#{:02X}{:02X}{:02X}".format(*ground)
    fig = replace(fig, theme=replace(fig.theme, colors={**fig.theme.colors, "background": background}))
    return RasterCanvas(fig).draw(Drawing(fig, (marks,), words, progress))


def dots(*xy, **look):
    return Points(np.array(xy, float), look.pop("color", BLUE), **look)


def touched(frame):
    return (frame != GROUND).any(axis=2)


def box_of(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def all_kinds_of_marks():
    rng = np.random.default_rng(0)
    trails = rng.uniform([10, 10], [110, 70], (6, 20, 2))
    shades = Shades(rng.integers(0, 256, 20).astype(np.uint8), DARK.gradient())
    x = np.linspace(5, 115, 40)
    return (
        Image(rng.integers(0, 256, (9, 13), np.uint8), (60.0, 110.0, 40.0, 75.0)),
        Area(x, np.full(40, 5.0), 30 + 20 * np.sin(x / 9), ROSE, 0.4),
        Polylines((np.stack([x, 30 + 20 * np.sin(x / 9)], 1),), ROSE, dash="dashed"),
        Arrows(trails[0], trails[1] - trails[0], BLUE, alpha=0.7),
        Mesh(trails[0], np.arange(20).reshape(5, 4), shades.palette[:5], 0.7),
        Trails(trails, shades),
        Points(trails[-1], shades, 3.0, 0.6, edge="#FFFFFF"),
        Text((60.0, 40.0), r"noise $\sigma_t$", BLUE, TYPE, halo=ROSE),
    )


def test_a_frame_is_a_new_array_each_time():
    fig = figure()
    canvas = RasterCanvas(fig)
    first = canvas.draw(Drawing(fig, ((dots([60, 40]),),)))
    kept = first.copy()
    second = canvas.draw(Drawing(fig, ((),)))
    assert (second == GROUND).all()
    assert (first == kept).all()
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert first.flags.writeable


def test_the_same_drawing_gives_the_same_pixels_whatever_was_drawn_before():
    fig = figure()
    canvas = RasterCanvas(fig)
    drawing = Drawing(fig, (all_kinds_of_marks(),))
    first = canvas.draw(drawing)
    canvas.draw(Drawing(fig, ((dots(*np.random.default_rng(5).uniform(10, 70, (500, 2))),),)))
    assert (canvas.draw(drawing) == first).all()


def test_positions_are_data_coordinates():
    frame = drawn(dots([60.5, 40.5], size=3, alpha=1))
    assert box_of(touched(frame)) == (77, 56, 84, 63)
    assert frame[59, 80].tolist() == list(rgb(BLUE))


def test_discs_that_the_edge_would_cut_are_left_out():
    frame = drawn(dots([3, 40], [60, 79], [60, 40], size=4))
    assert box_of(touched(frame)) == (76, 56, 84, 64)


def test_a_ring_is_outside_its_disc_and_counts_at_the_edge():
    frame = drawn(dots([60, 40], [5, 40], size=4, alpha=1, edge="#FFFFFF"))
    assert box_of(touched(frame)) == (74, 54, 86, 66)
    assert frame[60, 80].tolist() == list(rgb(BLUE))
    assert frame[60, 75].tolist() == [255, 255, 255]


def test_positions_that_are_not_finite_are_not_drawn():
    bad = np.array([[np.nan, 40], [np.inf, 40], [60, -np.inf], [1e300, 40]])
    shades = Shades(np.arange(4, dtype=np.uint8), DARK.gradient())
    frame = drawn(
        Points(bad, shades),
        Trails(np.stack([bad, bad]), shades),
        Arrows(bad, np.ones((4, 2)), shades),
        Polylines((bad[:3],), BLUE),
        Area(np.arange(3.0), np.full(3, np.nan), np.ones(3), BLUE),
        Text((np.nan, 3.0), "nowhere", BLUE),
    )
    assert (frame == GROUND).all()


def test_nothing_to_draw_is_not_an_error():
    none = np.empty((0, 2))
    frame = drawn(
        Points(none, BLUE),
        Points(none, Shades(np.empty(0, np.uint8), DARK.gradient())),
        Trails(np.empty((1, 3, 2)), BLUE),
        Trails(np.zeros((3, 0, 2)), BLUE),
        Arrows(none, none, BLUE),
        Polylines((), BLUE),
        Polylines((none,), BLUE),
        Text((5.0, 5.0), "", BLUE),
    )
    assert (frame == GROUND).all()


def test_marks_stay_in_the_clip():
    wide = np.array([[-50, -50], [200, 150.0]])
    frame = drawn(
        Polylines((wide, wide * [1, -1]), BLUE, 9.0),
        Trails(wide[:, None], ROSE, 7.0),
        Area(wide[:, 0], wide[:, 1] - 90, wide[:, 1], ROSE),
        Image(np.full((3, 3), 255, np.uint8), (-40.0, 10.0, 60.0, 200.0)),
    )
    inside = np.zeros(touched(frame).shape, bool)
    inside[RECT.top : RECT.bottom, RECT.left : RECT.right] = True
    assert not touched(frame)[~inside].any()
    assert touched(frame)[inside].mean() > 0.3


def test_a_line_breaks_at_nan():
    line = np.array([[10, 40], [40, 40], [np.nan, np.nan], [80, 40], [110, 40]], float)
    columns = touched(drawn(Polylines((line,), BLUE, 3.0))).any(axis=0)
    assert columns[32:58].all()
    assert not columns[64:97].any()
    assert columns[102:128].all()


def test_a_line_covers_its_width():
    frame = drawn(Polylines((np.array([[0, 40.25], [120, 40.25]]),), "#FFFFFF", 2.5), ground=(0, 0, 0))
    assert frame[:, 80, 0].astype(float).sum() / 255 == pytest.approx(2.5, abs=0.03)


def test_dashes_leave_gaps_of_their_length():
    line = np.array([[0, 40.5], [120, 40.5]])
    row = touched(drawn(Polylines((line,), BLUE, 1.0, dash="dashed")))[59, 20:140]
    assert row.mean() == pytest.approx(0.6, abs=0.06)
    assert np.diff(row.astype(int)).clip(0).sum() == pytest.approx(12, abs=1)


def test_arrows_shorter_than_half_a_pixel_are_left_out():
    tail = np.array([[30, 40], [90, 40.0]])
    assert box_of(touched(drawn(Arrows(tail, np.array([[0.4, 0], [20, 0.0]]), BLUE))))[0] == 110


def test_trails_fade_towards_the_past():
    frame = drawn(Trails(np.array([[[10, 40.5]], [[60, 40.5]], [[110, 40.5]]]), "#FFFFFF", 3.0, 0.8), ground=(0, 0, 0))
    middle = frame[59, 35:125, 0].astype(float) / 255
    off = middle - 0.8 * (np.arange(35, 125) + 0.5 - 30) / 100
    assert np.abs(off).mean() < 0.03
    assert np.abs(off).max() < 0.08


def test_an_image_of_the_same_size_is_copied():
    pixels = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    frame = drawn(Image(pixels, (0.0, 120.0, 0.0, 80.0)))
    assert (frame[20:100, 20:140] == pixels).all()


@pytest.mark.parametrize("smooth", [True, False])
def test_a_moved_image_is_cut_where_it_leaves_the_panel(smooth):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 120), np.uint8)
    frame = drawn(Image(pixels, (-30.0, 90.0, 10.0, 90.0), smooth))
    assert (frame[20:90, 20:110, 0] == pixels[10:, 30:]).all()
    assert (frame[90:] == GROUND).all()
    assert (frame[:, 110:] == GROUND).all()


def test_large_pixels_are_rectangles_or_smooth():
    pixels = np.array([[0, 255], [255, 0]], np.uint8)
    sharp = drawn(Image(pixels, (0.0, 120.0, 0.0, 80.0), smooth=False))[20:100, 20:140, 0]
    assert (sharp == np.kron(pixels, np.ones((40, 60), np.uint8))).all()
    smooth = drawn(Image(pixels, (0.0, 120.0, 0.0, 80.0), smooth=True))[20:100, 20:140, 0].astype(int)
    assert np.abs(np.diff(smooth, axis=1)).max() <= 6
    assert smooth[0, 0] == 0


def test_a_zoomed_image_matches_the_whole_one():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    whole = drawn(Image(pixels, (0.0, 120.0, 0.0, 80.0)))
    part = drawn(Image(pixels, (-60.0, 60.0, 0.0, 80.0)))
    assert np.abs(part[20:100, 20:78].astype(int) - whole[20:100, 80:138]).max() <= 1


def test_an_image_may_be_partly_transparent():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 0], pixels[0, 0, 3] = 255, 51
    frame = drawn(Image(pixels, (0.0, 120.0, 0.0, 80.0), smooth=False), ground=(0, 0, 0))
    assert frame[30, 30].tolist() == [51, 0, 0]
    assert frame[90, 30].tolist() == [0, 0, 0]


def test_an_area_fills_the_space_between_its_curves():
    x = np.array([10.0, 60.0, 110.0])
    frame = drawn(Area(x, np.array([20.0, np.nan, 20.0]), np.full(3, 60.0), "#FFFFFF", 1.0))
    assert (frame == GROUND).all()
    frame = drawn(Area(x, np.full(3, 20.0), np.full(3, 60.0), "#FFFFFF", 1.0), ground=(0, 0, 0))
    assert box_of(frame[..., 0] > 0) == (30, 40, 130, 80)
    assert frame[60, 80].tolist() == [255, 255, 255]


def test_backdrop_marks_are_in_every_frame_and_behind():
    fig = figure(backdrop=(Area(np.array([0.0, 120.0]), np.zeros(2), np.full(2, 80.0), ROSE, 1.0),))
    canvas = RasterCanvas(fig)
    for marks in ((), (dots([60.5, 40.5], size=3, alpha=1),)):
        frame = canvas.draw(Drawing(fig, (marks,)))
        assert frame[30, 30].tolist() == list(rgb(ROSE))
        assert frame[59, 80].tolist() == list(rgb(BLUE if marks else ROSE))


@dataclass(frozen=True, slots=True, eq=False)
class Cross(Mark):
    """A mark of a plugin."""

    at: tuple[float, float]

    def lower(self, view):
        x, y = self.at
        arms = (np.array([[x - 9, y], [x + 9, y]]), np.array([[x, y - 9], [x, y + 9]]))
        yield Polylines(arms, BLUE)
        yield Ring(self.at)


@dataclass(frozen=True, slots=True, eq=False)
class Ring(Mark):
    """A mark that is lowered in turn."""

    at: tuple[float, float]

    def lower(self, view):
        yield dots(self.at, size=4, color=ROSE)


@dataclass(frozen=True, slots=True, eq=False)
class Endless(Mark):
    """A mark that lowers to itself."""

    def lower(self, view):
        yield self


def test_a_custom_mark_is_drawn_as_the_marks_it_lowers_to():
    arms = (np.array([[51, 40], [69, 40.0]]), np.array([[60, 31], [60, 49.0]]))
    expected = drawn(Polylines(arms, BLUE), dots([60, 40], size=4, color=ROSE))
    assert (drawn(Cross((60.0, 40.0))) == expected).all()


def test_a_mark_that_never_lowers_to_known_marks_is_an_error():
    with pytest.raises(PluginError, match=r"^Endless\.lower never yields marks that a canvas can draw$"):
        drawn(Endless())
    with pytest.raises(PluginError, match=r"^no canvas can draw Mark: define its lower\(view\)$"):
        drawn(Mark())


def title(**fields):
    return Slot("t = 1000", 20, 15, TYPE, "#FFFFFF", live=True, **fields)


def test_live_text_is_written_and_does_not_move():
    """Of two titles that differ in a digit, only that digit's pixels differ."""
    fig = figure(slots=(Slot("still", 0, 0, 12.0, BLUE), title()))
    ones, eights = (drawn(fig=fig, words=(f"t = {n} of 1000",)) for n in (111, 118))
    left, _, right, _ = box_of((ones != eights).any(axis=2))
    glyphs = Glyphs(DARK.font, fig.scale)
    before, digit = glyphs.line("t = 11", TYPE, False).advance, glyphs.line("8", TYPE, False).advance
    assert 20 + before - 1 < left < right < 20 + before + digit + 1
    assert touched(ones)[:, round(20 + before + digit) :].any()


def test_digits_and_figure_spaces_are_equally_wide():
    glyphs = Glyphs(DARK.font, 1.0)
    assert len({glyphs.line(c, 21.0, True).advance for c in "0123456789\u2007"}) == 1
    assert glyphs.line("t =\u2007\u20075", 21.0, True).advance == glyphs.line("t =999", 21.0, True).advance


def test_text_has_as_much_ink_as_in_matplotlib():
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.ft2font import LoadFlags

    from noisereel.support.typeset import font

    face = get_font(findfont(font(12.0)))
    face.set_size(12.0, 100)
    for text in ("Schedule 10,000", "jumpy (σ²)", "To AV"):
        face.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
        face.draw_glyphs_to_bitmap()
        line = Glyphs(DARK.font, 1.0).line(text, 12.0, False)
        assert line.advance == pytest.approx(face.get_width_height()[0] / 64, abs=1)
        assert line.mask.sum() == pytest.approx(face.get_image().sum() / 255, rel=0.02)


def test_formulas_share_the_baseline_of_the_text():
    glyphs = Glyphs(DARK.font, 1.0)
    line, word = glyphs.line(r"a $x$ costs 5 \$", 24.0, False), glyphs.line("a ", 24.0, False)
    begin, end = word.advance, word.advance + glyphs.line("$x$", 24.0, False).advance
    formula = line.mask[:, round(begin) : round(end)] > 0.5
    assert abs(np.flatnonzero(formula.any(axis=1))[-1] + 1 - line.ascent) <= 1
    assert line.advance > word.advance + glyphs.line(" costs 5 $", 24.0, False).advance


@pytest.mark.parametrize(("align", "x"), [("left", 40), ("center", 80), ("right", 120)])
def test_slots_are_aligned(align, x):
    fig = figure(slots=(Slot("HHH", x, 60, TYPE, "#FFFFFF", align=align, live=True),))
    left, _, right, bottom = box_of(touched(drawn(fig=fig, words=("HHH",))))
    at = {"left": left, "center": (left + right) / 2, "right": right}[align]
    assert at == pytest.approx(x, abs=2)
    assert bottom == 60


@pytest.mark.parametrize(
    ("xy", "anchor"), [((119, 79), ("left", "bottom")), ((1, 1), ("right", "top")), ((500, -9), ("center", "center"))]
)
def test_text_is_kept_inside_its_panel(xy, anchor):
    frame = drawn(Text(xy, "1.66 bit", BLUE, TYPE, anchor=anchor))
    assert touched(frame)[RECT.top : RECT.bottom, RECT.left : RECT.right].sum() == touched(frame).sum()
    whole = drawn(Text((60, 40), "1.66 bit", BLUE, TYPE))
    assert touched(frame).sum() == touched(whole).sum()


def test_text_is_anchored_independently_of_its_letters():
    for anchor in (("left", "top"), ("left", "center"), ("left", "bottom")):
        plain, tailed = (touched(drawn(Text((20, 40), word, BLUE, TYPE, anchor=anchor))) for word in ("H", "Hg"))
        assert (plain[:, 40:47] == tailed[:, 40:47]).all()
    middle = box_of(touched(drawn(Text((20, 40), "H", BLUE, TYPE))))
    assert (middle[1] + middle[3]) / 2 == pytest.approx(60, abs=0.6)


def test_the_bar_ends_within_a_pixel():
    bar = TimeBar(Rect(20, 108, 101, 4), "#FFFFFF", "#000000")
    for progress in (0.0, 0.123, 0.5, 1.0):
        frame = drawn(fig=figure(bar=bar), progress=progress, ground=(0, 0, 0))
        assert frame[109, :, 0].astype(float).sum() / 255 == pytest.approx(101 * progress, abs=0.01)
        assert (frame[112:] == 0).all()
    assert (frame[108:112, 20:121] == 255).all()


def test_transparent_frames_over_black_and_white_are_the_opaque_ones():
    """Composited over a colour, a transparent frame equals the opaque one on that colour."""
    fields = {"slots": (title(),), "bar": TimeBar(Rect(20, 108, 101, 4), BLUE, ROSE)}
    marks, words, progress = all_kinds_of_marks(), ("t = 12",), 0.37
    clear = drawn(*marks, fig=figure(transparent=True, **fields), words=words, progress=progress)
    assert clear.shape == (120, 160, 4)
    assert clear[2, 2].tolist()[3] == 0
    share = clear[..., 3:] / 255
    for ground in (0, 255):
        opaque = drawn(*marks, fig=figure(**fields), words=words, progress=progress, ground=(ground,) * 3)
        composited = clear[..., :3] * share + ground * (1 - share)
        assert np.abs(composited - opaque).max() <= 1.5  # bytes are rounded for every mark


def test_a_transparent_disc_keeps_its_colour_to_the_edge():
    """There is no dark fringe: every visible pixel has the mark's colour."""
    clear = drawn(dots([60.3, 40.4], size=12, alpha=0.8), fig=figure(transparent=True))
    visible = clear[..., 3] > 40
    assert np.abs(clear[visible][:, :3].astype(int) - rgb(BLUE)).max() <= 4
    assert clear[60, 80, 3] == pytest.approx(0.8 * 255, abs=1)
    assert clear[..., 3].sum() / 255 / 0.8 == pytest.approx(np.pi * 144, rel=0.01)


def test_the_canvas_paints_its_own_backdrop():
    fig = figure(slots=(Slot("A title", 20, 14, TYPE, "#FFFFFF"),))
    frame = RasterCanvas(fig).draw(Drawing(fig, ((),)))
    assert frame[60, 80].tolist() == list(GROUND)
    assert touched(frame)[:20].any()
