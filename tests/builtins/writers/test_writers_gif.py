"""GIFs, opened again with Pillow: frames, delays, loop, colours, transparency."""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from noisereel.contracts.geometry import Pixels
from noisereel.contracts.theme import THEMES, rgb
from noisereel.contracts.writer import Frame, WriterContext
from noisereel.scene.specs import FilmSettings
from noisereel_builtins.writers.gif import Gif
from noisereel_builtins.writers.palette import Indexer, Palette

W, H = 90, 61  # odd on purpose


def write(path: Path, frames: Sequence[Pixels], durations: Sequence[Fraction], **spec: object) -> None:
    height, width, channels = frames[0].shape
    with Gif().open(WriterContext(path, (width, height), Fraction(25), alpha=channels == 4, **spec)) as sink:
        for i, (pixels, duration) in enumerate(zip(frames, durations, strict=True)):
            sink.write(Frame(i, duration, pixels))


def read(path: Path, mode: str = "RGB") -> tuple[list[Pixels], list[int]]:
    """Return the decoded frames, and the delay of each in hundredths of a second."""
    frames, delays = [], []
    with Image.open(path) as image:
        for i in range(image.n_frames):
            image.seek(i)
            frames.append(np.asarray(image.convert(mode)))
            delays.append(round(image.info["duration"] / 10))
    return frames, delays


def film(theme: str, count: int, size: tuple[int, int] = (W, H), seed: int = 0) -> list[Pixels]:
    """Return frames like a film's: soft discs in the theme's gradient and grey text, over the background."""
    draw = np.random.default_rng(seed)
    colors = THEMES[theme]
    width, height = size
    frames = []
    for _ in range(count):
        pixels = np.broadcast_to(np.array(rgb(colors.color("background")), float), (height, width, 3)).copy()
        for color in colors.gradient()[draw.integers(0, 256, width * height // 90)]:  # 10,000 at 1280×720
            left, top = draw.integers(0, (width - 6, height - 6))
            y, x = np.mgrid[:6, :6] + 0.5
            distance = np.hypot(x - draw.uniform(2.5, 3.5), y - draw.uniform(2.5, 3.5))
            under = pixels[top : top + 6, left : left + 6]
            under += 0.5 * np.clip(2.2 - distance, 0, 1)[..., None] * (color - under)
        ink = draw.uniform(0, 1, (6, width, 1)) * (draw.uniform(0, 1, (6, width, 1)) > 0.7)
        pixels[:6] += ink * (np.array(rgb(colors.color("ink"))) - pixels[:6])
        frames.append(pixels.round().astype(np.uint8))
    return frames


def psnr(a: Pixels, b: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def flat_colors(count: int, size: int = 8) -> Pixels:
    """Return a board of different colours, each in a square of its own."""
    levels = np.arange(4, 256, 36)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = np.random.default_rng(1).permutation(cube)[:count].reshape(-1, 15, 3)
    return chosen.repeat(size, axis=0).repeat(size, axis=1).astype(np.uint8)


class TestColours:
    def test_up_to_255_different_colours_are_kept_exactly(self, tmp_path: Path) -> None:
        board = flat_colors(255)
        write(tmp_path / "a.gif", [board, board[::-1]], [Fraction(1)] * 2, sample=lambda n: [board])
        first, second = read(tmp_path / "a.gif")[0]
        np.testing.assert_array_equal(first, board)
        np.testing.assert_array_equal(second, board[::-1])

    @pytest.mark.parametrize("theme", ["dark", "light"])
    def test_films_are_kept_within_45_db_and_their_background_exactly(self, tmp_path: Path, theme: str) -> None:
        frames = film(theme, 12, (160, 120))
        counts = []
        sample = lambda n: counts.append(n) or frames[:: len(frames) // n]  # noqa: E731
        write(tmp_path / "a.gif", frames, [Fraction(1, 25)] * 12, sample=sample)
        background = np.array(rgb(THEMES[theme].color("background")))
        assert counts == [8]
        for before, after in zip(frames, read(tmp_path / "a.gif")[0], strict=True):
            assert psnr(before, after) >= 45
            empty = (before == background).all(axis=2)
            assert empty.mean() > 0.05 and (after[empty] == background).all()

    def test_greys_keep_64_steps(self, tmp_path: Path) -> None:
        ramp = np.repeat(np.arange(256, dtype=np.uint8).repeat(2)[None, :, None], 3, axis=2).repeat(4, axis=0)
        write(tmp_path / "a.gif", [ramp], [Fraction(1)])
        (after,), _ = read(tmp_path / "a.gif")
        assert len(np.unique(after)) == 64 and np.abs(after.astype(int) - ramp).max() <= 3

    def test_the_encoder_changes_no_colour(self, tmp_path: Path) -> None:
        frames = film("dark", 5)
        palette = Palette.of(frames, 255)
        write(tmp_path / "a.gif", frames, [Fraction(1, 25)] * 5, sample=lambda n: frames)
        for before, after in zip(frames, read(tmp_path / "a.gif")[0], strict=True):
            index = Indexer(palette).index(before)
            np.testing.assert_array_equal(after, palette.colors[index])

    def test_indices_are_nearly_the_nearest_colours(self) -> None:
        seen, unseen = film("dark", 8), film("dark", 2, seed=9)
        palette = Palette.of(seen, 255)
        for pixels in unseen:
            index = Indexer(palette).index(pixels)
            flat = pixels.reshape(-1, 1, 3).astype(float)
            best = ((flat - palette.colors) ** 2).sum(axis=2).min(axis=1)
            error = ((flat[:, 0] - palette.colors[index.reshape(-1)]) ** 2).sum(axis=1)
            assert error.mean() <= 1.35 * best.mean()  # the cost of bins of four levels per channel

    @given(
        arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([3, 4]))),
        st.integers(2, 255),
    )
    @settings(deadline=None, max_examples=50)
    def test_any_picture_has_a_palette(self, pixels: Pixels, size: int) -> None:
        palette = Palette.of([pixels], size)
        index = Indexer(palette).index(pixels)
        opaque = pixels[..., -1] >= 128 if pixels.shape[2] == 4 else np.ones(index.shape, bool)
        bins = len(np.unique(pixels[opaque][:, :3] // 4, axis=0))
        assert len(palette.colors) == max(1, min(size, bins))
        assert index.max() < len(palette.colors)
        if bins <= size:  # then a colour is off by at most the width of its bin
            assert np.abs(palette.colors[index].astype(int) - pixels[..., :3])[opaque].max(initial=0) <= 3

    @pytest.mark.parametrize("size", [(H, W), (7, 13), (1, 3)])
    def test_unchanged_pixels_are_indexed_like_changed_ones(self, size: tuple[int, int]) -> None:
        top, left = H // 2 - size[0] // 2, W // 2 - size[1] // 2
        crop = slice(top, top + size[0]), slice(left, left + size[1])
        frames = [frame[crop] for frame in (*film("dark", 3), film("light", 1)[0], *film("dark", 2))]
        frames.append(frames[-1].copy())
        frames[-1][-1, -1] ^= 128  # only the last pixel
        palette = Palette.of(frames, 255)
        running = Indexer(palette)
        for frame in frames:
            np.testing.assert_array_equal(running.index(frame), Indexer(palette).index(frame))

    def test_one_colour_is_enough(self, tmp_path: Path) -> None:
        plain = np.full((H, W, 3), (1, 200, 77), np.uint8)
        write(tmp_path / "a.gif", [plain], [Fraction(1)])
        np.testing.assert_array_equal(read(tmp_path / "a.gif")[0][0], plain)


class TestTime:
    def delays(self, tmp_path: Path, durations: Sequence[Fraction]) -> list[int]:
        draw = np.random.default_rng(0)
        frames = [np.full((16, 16, 3), draw.integers(0, 256, 3), np.uint8) for _ in durations]
        write(tmp_path / "a.gif", frames, durations)
        return read(tmp_path / "a.gif")[1]

    def test_whole_hundredths_are_exact(self, tmp_path: Path) -> None:
        durations = [Fraction(15, 25), *[Fraction(1, 25)] * 8, Fraction(31, 25)]
        assert self.delays(tmp_path, durations) == [60, *[4] * 8, 124]

    @pytest.mark.parametrize("fps", [Fraction(30), Fraction(24), Fraction(100, 3), Fraction(60), Fraction(7)])
    def test_rounding_never_adds_up(self, tmp_path: Path, fps: Fraction) -> None:
        delays = self.delays(tmp_path, [1 / fps] * 50)
        assert len(delays) == 50
        assert max(delays) - min(delays) <= 1
        assert np.abs(np.cumsum(delays) - 100 * np.arange(1, 51) / float(fps)).max() <= 0.5

    def test_frames_too_short_to_show_are_dropped(self, tmp_path: Path) -> None:
        delays = self.delays(tmp_path, [Fraction(1, 240)] * 240)
        assert set(delays) == {1} and sum(delays) == 100

    def test_a_film_of_one_short_frame_still_shows_it(self, tmp_path: Path) -> None:
        assert self.delays(tmp_path, [Fraction(1, 1000)]) == [1]

    def test_holds_longer_than_the_longest_delay(self, tmp_path: Path) -> None:
        frames = film("dark", 3)
        write(tmp_path / "a.gif", frames, [Fraction(1, 25), Fraction(3600), Fraction(1, 25)])
        shown, delays = read(tmp_path / "a.gif")
        assert sum(delays) == 360_008 and max(delays) <= 65_535
        for middle in shown[2:-1]:
            np.testing.assert_array_equal(middle, shown[1])

    @pytest.mark.parametrize(("loop", "expected"), [(True, 0), (False, None)])
    def test_loops_for_ever_or_plays_once(self, tmp_path: Path, loop: bool, expected: int | None) -> None:
        write(tmp_path / "a.gif", film("dark", 2), [Fraction(1)] * 2, loop=loop)
        with Image.open(tmp_path / "a.gif") as image:
            assert image.info.get("loop") == expected

    @pytest.mark.parametrize("fps", [Fraction(20), Fraction(25), Fraction(50), Fraction("33.3333"), Fraction("33.3")])
    def test_exact_rates_are_not_warned_of(self, fps: Fraction) -> None:
        assert Gif().rate_warning(fps) is None

    @pytest.mark.parametrize("fps", [0.3, 0.9, 1.1, 3, 7, 12, 15, 24, 29.97, 30, 45, 60, 120])
    def test_the_rates_in_a_warning_are_accepted(self, fps: float) -> None:
        warning = Gif().rate_warning(Fraction(str(fps)))
        assert warning is not None
        for rate in re.findall(r"[\d.]+", warning.partition("use ")[2]):
            settings = FilmSettings(fps=float(rate))
            assert Gif().rate_warning(settings.rate) is None

    def test_the_nearest_rates_are_advised(self) -> None:
        assert Gif().rate_warning(Fraction(12)) == "GIF cannot play 12 fps evenly: use 12.5 or 10"

    def test_other_rates_are(self) -> None:
        assert Gif().rate_warning(Fraction(30)) == "GIF cannot play 30 fps evenly: use 33.3 or 25"
        too_fast = "GIF cannot play faster than 50 fps, and this is 100: use 25, 33.3 or 50"
        assert Gif().rate_warning(Fraction(100)) == too_fast


def over(pixels: Pixels, ground: int | tuple[int, int, int]) -> NDArray[np.float64]:
    """Composite straight RGBA over a colour."""
    share = pixels[..., 3:] / 255
    return np.asarray(pixels[..., :3] * share + np.array(ground) * (1 - share))


class TestTransparency:
    def disc(self, x: float, y: float) -> NDArray[np.uint8]:
        """Return a frame with a single soft-edged disc."""
        rows, columns = np.mgrid[:H, :W]
        pixels = np.zeros((H, W, 4), np.uint8)
        pixels[..., :3] = (90, 176, 242)
        pixels[..., 3] = 255 * np.clip(12.5 - np.hypot(columns - x, rows - y), 0, 1)
        return pixels

    def test_frames_do_not_smear(self, tmp_path: Path) -> None:
        nothing = np.zeros((H, W, 4), np.uint8)
        opaque = np.full((H, W, 4), (20, 120, 20, 255), np.uint8)
        frames = [self.disc(15, 30), self.disc(40, 20), opaque, self.disc(70, 45), nothing, self.disc(70, 45)]
        write(tmp_path / "a.gif", frames, [Fraction(1, 10)] * 6, sample=lambda n: frames)
        for i, (before, after) in enumerate(zip(frames, read(tmp_path / "a.gif", "RGBA")[0], strict=True)):
            visible = before[..., 3] >= 16
            wrong = (after[..., 3] == 255) != visible
            assert wrong.sum() == (i == 2)  # one pixel of an opaque frame is transparent, so that decoders clear it
            right = visible & ~wrong
            np.testing.assert_allclose(after[right][:, :3], over(before, 255)[right], atol=2)

    @pytest.mark.parametrize("ground", [(15, 19, 24), (251, 250, 247)])
    def test_over_the_themes_background_it_equals_the_opaque_film(
        self, tmp_path: Path, ground: tuple[int, int, int]
    ) -> None:
        frame = self.disc(40.3, 30.2)
        write(tmp_path / "a.gif", [frame], [Fraction(1)], sample=lambda n: [frame], background=ground)
        (after,), _ = read(tmp_path / "a.gif", "RGBA")
        assert set(np.unique(after[..., 3])) == {0, 255}
        # Dropped pixels are at most 15/255 of the way to the disc's colour.
        assert np.abs(over(after, ground) - over(frame, ground)).max() <= 15 / 255 * 227 + 2

    def test_colours_of_transparent_pixels_are_not_in_the_palette(self) -> None:
        pixels = np.zeros((64, 64, 4), np.uint8)
        pixels[..., :3] = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
        pixels[:2, :, :] = (250, 128, 4, 255)
        assert Palette.of([pixels], 255).colors.tolist() == [[250, 128, 4]]

    def test_a_film_that_begins_empty(self, tmp_path: Path) -> None:
        frames = [np.zeros((H, W, 4), np.uint8), self.disc(40, 30)]
        write(tmp_path / "a.gif", frames, [Fraction(1)] * 2)
        first, second = read(tmp_path / "a.gif", "RGBA")[0]
        assert not first[..., 3].any()
        np.testing.assert_array_equal(second[..., 3] == 255, frames[1][..., 3] >= 16)


class TestFile:
    def test_unchanged_frames_cost_little(self, tmp_path: Path) -> None:
        frames = film("dark", 1) * 50
        write(tmp_path / "one.gif", frames[:1], [Fraction(1)])
        write(tmp_path / "many.gif", frames, [Fraction(1, 50)] * 50)
        assert (tmp_path / "many.gif").stat().st_size - (tmp_path / "one.gif").stat().st_size < 50 * 40

    def test_metadata_is_a_comment(self, tmp_path: Path) -> None:
        metadata = {"title": "x_t → ε", "scene": "dataset: swiss-roll\n" * 40}
        write(tmp_path / "a.gif", film("dark", 2), [Fraction(1)] * 2, metadata=metadata)
        with Image.open(tmp_path / "a.gif") as image:
            assert json.loads(image.info["comment"]) == metadata

    def test_frames_are_released(self, tmp_path: Path) -> None:
        alive = []
        with Gif().open(WriterContext(tmp_path / "a.gif", (W, H), Fraction(25))) as sink:
            for i in range(10):
                pixels = np.full((H, W, 3), i, np.uint8)
                alive.append(weakref.ref(pixels))
                sink.write(Frame(i, Fraction(1, 25), pixels))
                del pixels
        assert [ref() for ref in alive[:8]] == [None] * 8

    def test_views_of_larger_arrays_are_written_correctly(self, tmp_path: Path) -> None:
        large = film("dark", 1)[0]
        write(tmp_path / "view.gif", [large[5:40, 7:50]], [Fraction(1)])
        write(tmp_path / "copy.gif", [large[5:40, 7:50].copy()], [Fraction(1)])
        assert (tmp_path / "view.gif").read_bytes() == (tmp_path / "copy.gif").read_bytes()
