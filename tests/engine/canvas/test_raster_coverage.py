"""Exact coverage, stamps and splatting against float64 references."""

from __future__ import annotations

import numpy as np
import pytest

from noisereel.canvas.coverage import disc_coverage, line_kernel, strip_coverage
from noisereel.canvas.splat import Splatter, fits
from noisereel.canvas.stamps import ExactDisc, depth, disc_table, line_table
from noisereel.canvas.trails import spots
from noisereel.contracts.geometry import Rect

FRAME = Rect(0, 0, 96, 80)
BLUE, ROSE = np.array([90, 176, 242], np.float32), np.array([226, 96, 126], np.float32)


def sampled_coverage(x, y, radius, side=400):
    """Return a disc's share of the pixel with lower corner (x, y), by counting the points of a fine grid."""
    at = (np.arange(side) + 0.5) / side
    return (np.hypot(x + at[:, None], y + at) < radius).mean()


def painted(centres, radius, alpha, colors, ground):
    """Paint discs one after the other in float64."""
    out = np.broadcast_to(np.asarray(ground, float), (FRAME.height, FRAME.width, 3)).copy()
    x, y = np.arange(FRAME.width + 1), np.arange(FRAME.height + 1)
    for (cx, cy), color in zip(np.asarray(centres, float), colors, strict=True):
        share = alpha * disc_coverage(x - cx, y - cy, radius)[..., None]
        out += share * (color - out)
    return out


def splatted(stamp, centres, color, ground=(15, 19, 24), clip=FRAME, weights=None):
    pixels = np.broadcast_to(np.array(ground, np.uint8), (FRAME.height, FRAME.width, 3)).copy()
    Splatter().splat(pixels, clip, stamp, np.asarray(centres, np.float32), color, weights)
    return pixels


def scattered(n, seed=0):
    return np.random.default_rng(seed).uniform([10, 10], [86, 70], (n, 2)).astype(np.float32)


@pytest.mark.parametrize("radius", [0.2, 0.5, 1.13, 1.7, 5.0, 30.0])
@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.37, 0.81), (0.5, 0.5)])
def test_coverage_of_all_pixels_is_the_area(radius, centre):
    edges = np.arange(-40, 42)
    covered = disc_coverage(edges - centre[0], edges - centre[1], radius)
    assert covered.sum() == pytest.approx(np.pi * radius**2, rel=1e-12)
    assert covered.min() > -1e-11
    assert covered.max() < 1 + 1e-11


@pytest.mark.parametrize("corner", [(0.2, -1.9), (-0.5, -0.5), (1.1, 0.8), (-1.7, 0.3), (-2.0, -0.4)])
def test_coverage_of_one_pixel(corner):
    x, y = corner
    (covered,) = disc_coverage(np.array([x, x + 1]), np.array([y, y + 1]), 1.7).ravel()
    assert covered == pytest.approx(sampled_coverage(x, y, 1.7), abs=2e-3)


@pytest.mark.parametrize("radius", [0.3, 1.1, 1.7, 3.0, 12.0])
def test_table_holds_the_area_at_every_position(radius):
    table = disc_table(radius, 0.5)
    covered = (1 - np.exp(-table.table.astype(float))) / 0.5
    np.testing.assert_allclose(covered.sum(axis=1), np.pi * radius**2, rtol=1e-5)


def test_table_equals_discs_computed_at_its_positions():
    table = disc_table(1.7, 0.5)
    fine = np.array([[3, 60], [17, 0], [63, 31]])
    centres = (20 + 1.7 + (fine + 0.5) / table.phases).astype(np.float32)
    shown = splatted(table, centres, BLUE)
    np.testing.assert_allclose(shown, painted(centres, 1.7, 0.5, [BLUE] * 3, (15, 19, 24)), atol=0.51)


def test_one_colour_equals_painting_one_after_the_other():
    centres = scattered(400)
    exact = painted(centres, 1.7, 0.5, [BLUE] * 400, (15, 19, 24))
    assert np.abs(splatted(ExactDisc(1.7, 0.5), centres, BLUE) - exact).max() < 0.51
    looked_up = np.abs(splatted(disc_table(1.7, 0.5), centres, BLUE) - exact)
    assert looked_up.mean() < 0.3
    assert looked_up.max() < 2.5  # half a 64th of a pixel off at the edge


def test_one_colour_per_disc_is_exact_without_overlap():
    x, y = np.meshgrid(np.arange(8, 90, 6.3), np.arange(8, 72, 5.7))
    centres = np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)
    colors = np.random.default_rng(1).integers(0, 256, (len(centres), 3)).astype(np.float32)
    shown = splatted(ExactDisc(1.7, 0.6), centres, colors)
    assert np.abs(shown - painted(centres, 1.7, 0.6, colors, (15, 19, 24))).max() < 0.51


def test_one_colour_per_disc_is_close_to_painting_in_order_with_overlap():
    centres = scattered(300, seed=2)
    colors = np.where(np.arange(300)[:, None] % 2, BLUE, ROSE)
    shown = splatted(disc_table(1.7, 0.3), centres, colors)
    off = np.abs(shown - painted(centres, 1.7, 0.3, colors, (15, 19, 24)))
    assert off.mean() < 0.6
    assert np.quantile(off, 0.999) < 12


def test_equal_colours_per_disc_match_one_colour():
    centres, table = scattered(200), disc_table(1.7, 0.5)
    per_disc = splatted(table, centres, np.tile(BLUE, (200, 1)))
    assert np.abs(per_disc.astype(int) - splatted(table, centres, BLUE)).max() <= 1


def test_order_does_not_matter():
    centres, order = scattered(3000), np.random.default_rng(3).permutation(3000)
    colors = np.random.default_rng(4).integers(0, 256, (3000, 3)).astype(np.float32)
    table = disc_table(1.7, 0.5)
    shuffled = splatted(table, centres[order], colors[order]).astype(int)
    assert np.abs(shuffled - splatted(table, centres, colors)).max() <= 1


def test_many_parts_are_as_good_as_one():
    """There are more dots than are processed at a time."""
    centres = scattered(2000)
    parts = np.zeros((FRAME.height, FRAME.width, 3), np.uint8)
    whole = painted(centres, 1.7, 0.02, [BLUE] * 2000, (0, 0, 0))
    Splatter().splat(parts, FRAME, disc_table(1.7, 0.02), centres, BLUE)
    assert np.abs(parts - whole).max() < 1.5


def test_opaque_is_opaque():
    shown = splatted(ExactDisc(4.0, 1.0), [[40.0, 40.0]] * 3, ROSE)
    assert shown[40, 40].tolist() == ROSE.astype(int).tolist()
    assert shown[20, 20].tolist() == [15, 19, 24]


@pytest.mark.parametrize("few", [True, False])
def test_a_tenth_of_a_pixel_is_a_tenth_of_a_pixel(few):
    """The centre of brightness follows the position: no dot snaps to whole pixels."""
    stamp = ExactDisc(1.7, 0.9) if few else disc_table(1.7, 0.9)
    places = []
    for step in range(21):
        light = splatted(stamp, [[40 + 0.1 * step, 30 + 0.07 * step]], np.full(3, 255, np.float32), (0, 0, 0))
        light = light[..., 0].astype(float)
        columns, rows = np.arange(FRAME.width) + 0.5, np.arange(FRAME.height) + 0.5
        places.append([(light.sum(axis=0) @ columns) / light.sum(), (light.sum(axis=1) @ rows) / light.sum()])
    moved = np.diff(places, axis=0)
    np.testing.assert_allclose(moved[:, 0], 0.1, atol=0.02)
    np.testing.assert_allclose(moved[:, 1], 0.07, atol=0.02)
    np.testing.assert_allclose(places[0], [40, 30], atol=0.02)


def test_only_whole_discs_fit():
    centres = np.array([[2, 5], [1.9, 5], [5, 8.1], [5, 8], [np.nan, 5], [5, np.inf], [5, 5]], np.float32)
    assert fits(centres, Rect(0, 0, 10, 10), 2.0).tolist() == [True, False, False, True, False, False, True]


def test_nothing_is_painted_outside_the_clip():
    clip = Rect(30, 20, 20, 30)
    shown = splatted(disc_table(6.0, 0.9), scattered(200), BLUE, clip=clip)
    shown[clip.top : clip.bottom, clip.left : clip.right] = (15, 19, 24)
    assert (shown == (15, 19, 24)).all()


@pytest.mark.parametrize("width", [0.6, 1.0, 1.5, 4.0])
def test_line_kernel_integrates_to_its_profile(width):
    edges = (width + 1) / 2 * np.linspace(0, 1, 9)
    profile = strip_coverage(edges, width)
    along = (np.arange(40_000) + 0.5) / 40_000 * edges[-1]
    for distance in (0.11, 0.43, 0.77):
        line = 2 * line_kernel(np.hypot(along, distance), edges, profile).mean() * edges[-1]
        assert line == pytest.approx(np.interp(distance, edges, profile), abs=5e-3)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2])
@pytest.mark.parametrize("pieces", [1, 7, 200])
def test_a_straight_trail_is_even_and_as_opaque_as_specified(angle, pieces):
    """It may have any direction, and consist of a few long or many short segments."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    centre, width, alpha = np.array([48.3, 40.1]), 1.5, 0.6
    xy = (centre + np.linspace(-30, 30, pieces + 1)[:, None] * direction).astype(np.float32)[:, None]
    line = spots(xy, FRAME, width + 1, 0.9)
    weights = (line.length * depth(alpha)).astype(np.float32)
    white = np.full(3, 255, np.float32)
    shown = splatted(line_table(width, alpha), line.centres, white, (0, 0, 0), weights=weights)[..., 0]
    y, x = np.mgrid[: FRAME.height, : FRAME.width] + 0.5
    along, across = (
        (x - centre[0]) * direction[0] + (y - centre[1]) * direction[1],
        (y - centre[1]) * direction[0] - (x - centre[0]) * direction[1],
    )
    touched = (np.abs(along) < 26) & (np.abs(across) < (width + 1) / 2)
    off = shown - 255 * alpha * strip_coverage(across, width)
    assert np.abs(off[touched]).mean() < 6
    assert shown[touched].mean() == pytest.approx(
        (255 * alpha * strip_coverage(across, width))[touched].mean(), rel=0.04
    )


def test_spots_represent_the_visible_line():
    """Off-screen lengths cost nothing, NaN breaks the line, and a particle at rest leaves no spots."""
    xy = np.array([[[-1e6, 40]], [[20, 40]], [[np.nan, 0]], [[30, 10]], [[30, 30]], [[30, 30]]], np.float32)
    line = spots(xy, FRAME, reach=2.0, spacing=0.9)
    assert line.length.sum() == pytest.approx(22 + 20, rel=1e-3)
    assert len(line.centres) < 60
    assert line.centres[:, 0].min() > -2
    assert line.age.max() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("width", [0.02, 0.3, 0.5, 0.7, 0.99])
def test_a_line_thinner_than_a_pixel_covers_its_share(width):
    table = line_table(width, 0.05).table.astype(np.float64)
    assert table.sum(axis=1) == pytest.approx(width, rel=0.05)
