"""Drawing: against ``FuncAnimation.save`` on the same scene."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from common import Row, compare
from scenes import FIELD, MANDRILL, ROLL, draw_all, field, film_of, picture, roll

FEW = 12
"""Frames that the slow side draws at once; times are per frame on both sides."""


def rows() -> Iterator[Row]:
    """Time a swiss roll in two sizes and colourings, an image and a vector field."""
    colorings = (("hue", "one colour per point", ("25×", "15×")), ("blue", "one colour", ("28×", "16×")))
    for color, name, targets in colorings:
        for size, target in zip(((640, 480), (1280, 720)), targets, strict=True):
            yield _roll(color, name, size, target)
    yield _mandrill()
    yield _field()


def _roll(color: str, name: str, size: tuple[int, int], target: str) -> Row:
    film = film_of(ROLL.replace("COLOR", color), size)
    trajectory = film.runs["run"].trajectory
    hue = trajectory.hue if color == "hue" else None
    theirs = roll(lambda i: trajectory.series("x", i * 15), hue, size, FEW)
    a, b = compare(lambda: draw_all(film), theirs.save_somewhere)
    what = f"swiss roll, 10,000 points, live title, {name}, {size[0]}×{size[1]}"
    return Row(what, a / len(film.frames), b / FEW, target, "per frame")


def _mandrill() -> Row:
    film = film_of(MANDRILL)
    trajectory = film.runs["run"].trajectory
    indices = [frame.indices["run"] for frame in film.frames]
    theirs = picture(lambda i: trajectory.series("x", indices[i * 15])[0], (640, 640), FEW)
    a, b = compare(lambda: draw_all(film), theirs.save_somewhere)
    return Row("mandrill 512×512, against imshow", a / len(film.frames), b / FEW, "18×", "per frame")


def _field() -> Row:
    film = film_of(FIELD)
    trajectory = film.runs["run"].trajectory
    grid = np.stack(np.meshgrid(*[np.linspace(-2.8, 2.8, 27)] * 2), -1).reshape(-1, 2)
    spin = np.stack([-grid[:, 1], grid[:, 0]], -1)
    trail = [np.stack([trajectory.series("x", max(0, i * 4 - k)) for k in range(9, -1, -1)]) for i in range(FEW)]
    theirs = field(grid, lambda i: spin * (1 + i / FEW), lambda i: trail[i], (640, 640), FEW)
    a, b = compare(lambda: draw_all(film), theirs.save_somewhere)
    return Row("field 27×27 and 250 trails of 10", a / len(film.frames), b / FEW, "6×", "per frame")
