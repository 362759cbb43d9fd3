"""Built-in layers of pictures: exact marks."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from recording import DARK, marks_of, panel_ctx, run_view

from noisereel.contracts.geometry import Box
from noisereel.contracts.theme import rgb
from noisereel_builtins.renderers.image.difference import Difference
from noisereel_builtins.renderers.image.image import Image
from noisereel_builtins.renderers.image.image_grid import ImageGrid


class TestImage:
    def test_grey_levels(self):
        x = np.array([[[[-1.0, 1.0, 0.0, -3.0, 3.0, math.nan]]]])
        (mark,) = marks_of(Image(), run_view(x), 0)
        assert_array_equal(mark.pixels, [[0, 255, 128, 0, 255, 0]])
        assert mark.pixels.dtype == np.uint8
        assert mark.box == (0.0, 6.0, 0.0, 1.0)

    def test_every_byte_survives_conversion_to_floats_and_back(self):
        levels = np.arange(256, dtype=np.float32)
        (mark,) = marks_of(Image(), run_view((levels / 127.5 - 1).reshape(1, 1, 16, 16)), 0)
        assert_array_equal(mark.pixels.ravel(), levels)

    def test_index_picks_a_particle_and_colour_is_kept(self):
        x = np.stack([np.zeros((2, 2, 3)), np.ones((2, 2, 3))])[None]
        (mark,) = marks_of(Image(index=1), run_view(x), 0)
        assert_array_equal(mark.pixels, np.full((2, 2, 3), 255))

    def test_small_pictures_are_shown_as_squares_and_large_ones_smoothly(self):
        small, large = np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 512, 512))
        assert [marks_of(Image(), run_view(x), 0)[0].smooth for x in (small, large)] == [False, True]

    def test_the_trajectory_is_not_changed(self):
        x = np.full((1, 1, 2, 2), 0.5, np.float32)
        run = run_view(x)
        marks_of(Image(), run, 0)
        assert_array_equal(run.trajectory.series("x", 0), x[0])

    def test_extent_is_the_picture(self):
        assert Image().extent(run_view(np.zeros((1, 1, 3, 5)))) == Box((0.0, 5.0), (0.0, 3.0))


class TestImageGrid:
    X = np.linspace(-1, 1, 6).reshape(1, 6, 1, 1) * np.ones((1, 6, 2, 3))

    def test_row_by_row_from_the_upper_left_with_padding(self):
        images = marks_of(ImageGrid(columns=3, padding=1), run_view(self.X), 0)
        assert [image.box for image in images] == [
            (0, 3, 3, 5), (4, 7, 3, 5), (8, 11, 3, 5), (0, 3, 0, 2), (4, 7, 0, 2), (8, 11, 0, 2),
        ]  # fmt: skip
        assert [int(image.pixels[0, 0]) for image in images] == [0, 51, 102, 153, 204, 255]
        assert ImageGrid(columns=3, padding=1).extent(run_view(self.X)) == Box((0.0, 11.0), (0.0, 5.0))

    @pytest.mark.parametrize(
        ("fields", "particles", "shape"),
        [({}, 9, (3, 3)), ({}, 1000, (10, 10)), ({"columns": 4}, 9, (2, 4)), ({"rows": 1}, 7, (1, 7)), ({}, 1, (1, 1))],
    )
    def test_shape_suits_the_particles(self, fields, particles, shape):
        assert ImageGrid(**fields).shape(particles) == shape

    @pytest.mark.parametrize(("width", "room"), [(8, 1), (28, 2), (64, 5)])
    def test_padding_suits_the_pictures(self, width, room):
        box = ImageGrid(columns=3, rows=1).extent(run_view(np.zeros((1, 3, width, width))))
        assert box.x == (0, 3 * width + 2 * room)


class TestDifference:
    def test_colour_bar_shows_what_the_pixels_mean_over_the_background(self):
        bar = Difference(gain=4.0).guide(run_view(np.zeros((1, 1, 2, 2))), panel_ctx())
        assert (bar.low, bar.high) == (-0.25, 0.25)
        ends = [rgb(DARK.color(role)) for role in ("blue", "background", "amber")]
        assert_array_equal(bar.palette[[0, len(bar.palette) // 2, -1]], ends)

    def test_brighter_is_amber_darker_is_blue_and_equal_is_transparent(self):
        x = np.array([[[[0.5, -0.25, 0.0]]]])
        run = run_view(x, origin=np.array([0]), data=np.zeros((1, 1, 3)))
        (mark,) = marks_of(Difference(gain=2), run, 0)
        amber, blue = rgb(DARK.color("amber")), rgb(DARK.color("blue"))
        assert_array_equal(mark.pixels[0], [(*amber, 255), (*blue, 128), (*blue, 0)])

    def test_colours_are_averaged(self):
        x0 = np.zeros((2, 1, 1, 1, 3))
        run = run_view(np.array([[[[[1, 0, -0.25]]]]] * 2), x0=x0)
        (mark,) = marks_of(Difference(against="x0"), run, 0)
        assert mark.pixels[0, 0, 3] == 64
