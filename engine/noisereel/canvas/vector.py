"""Vector canvas: marks as matplotlib artists, for SVG and PDF and as the reference for the raster canvas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure as Page
from matplotlib.image import AxesImage
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text as TextArtist
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform, TransformedBbox

from ..contracts.figure import Drawing, Figure, Panel
from ..contracts.geometry import Floats, Rect, View
from ..contracts.marks import Area, Arrows, Color, Image, Mark, Mesh, Points, Polylines, Shades, Text, Trails
from ..contracts.theme import Theme, rgb
from ..support.typeset import DPI, font, measure
from .axes import POINT, build, fill, rendering, write
from .halo import RINGS, STRENGTH
from .shapes import DASHES, RING, SHORTEST_ARROW, anchored, arrow_shapes, faces_of, lowered
from .splat import fits

__all__ = ["draw_vector", "save"]

_SEAM = 0.6
"""Width in design pixels of the outline in its own colour that closes the seams of a face."""


def draw_vector(drawing: Drawing, color: str | None = None) -> Page:
    """Draw one frame as a matplotlib figure.

    Args:
        drawing: Content of the frame.
        color: Background; if None, the theme's, or none for a transparent figure.
    """
    figure = drawing.figure
    page = build(figure, color)
    with rendering():
        for axes, panel, marks in zip(page.axes, figure.panels, drawing.marks, strict=False):
            _panel(page, axes, panel, (*panel.backdrop, *marks), figure)
        live = [slot for slot in figure.slots if slot.live]
        for slot, words in zip(live, drawing.words, strict=True):
            write(page, figure, slot, words)
        if figure.bar:
            fill(page, figure, figure.bar.rect, figure.bar.color, drawing.progress)
    return page


def save(
    drawing: Drawing,
    path: FilePath,
    format: Literal["svg", "pdf", "png"] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Draw one frame into a file; the same drawing gives the same bytes.

    Args:
        drawing: Content of the frame.
        path: Path of the file.
        format: Format of the file; chosen by its suffix if None.
        metadata: Text to embed, by names that the format allows.
    """
    kind = format or path.suffix[1:]
    dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}.get(kind, {})
    page, content = draw_vector(drawing), BytesIO()  # matplotlib's own writing hides that a disk is full
    with rendering():
        page.savefig(content, format=kind, facecolor=page.get_facecolor(), metadata={**dates, **(metadata or {})})
    path.write_bytes(content.getvalue())


def _panel(page: Page, axes: Axes, panel: Panel, marks: Sequence[Mark], figure: Figure) -> None:
    view, theme = panel.view, figure.theme
    clip = TransformedBbox(_box(panel.clip, figure.size), page.transFigure)
    simple = (part for mark in marks for part in lowered(mark, view))
    artists = (artist for mark in simple for artist in _artists(mark, axes, panel, theme))
    for layer, artist in enumerate(artists):
        axes.add_artist(artist)
        artist.set(zorder=3 + layer, clip_path=None, clip_box=clip, snap=False)


def _box(rect: Rect, size: tuple[int, int]) -> Bbox:
    """Return a rectangle of the frame in shares of it, y upwards."""
    width, height = size
    return Bbox([[rect.left / width, 1 - rect.bottom / height], [rect.right / width, 1 - rect.top / height]])


def _artists(mark: Mark, axes: Axes, panel: Panel, theme: Theme) -> Iterator[Artist]:
    """Yield the artists of a mark, back to front."""
    view = panel.view
    match mark:
        case Points():
            yield from _points(mark, axes, panel)
        case Trails():
            yield _trails(mark, axes)
        case Polylines():
            yield from _polylines(mark, axes)
        case Arrows():
            yield from _arrows(mark, axes, view)
        case Image():
            yield _image(mark, axes, view)
        case Area():
            yield from _area(mark, axes)
        case Mesh():
            yield _mesh(mark, axes)
        case Text() if np.isfinite(mark.xy).all():
            if mark.halo:
                yield from _halo(mark, mark.halo, axes, view, theme)
            yield _text(mark, axes, view, theme)


def _points(mark: Points, axes: Axes, panel: Panel) -> Iterator[Artist]:
    """Yield discs with their rings behind them, without those that would be cut, like the raster canvas."""
    view, ring = panel.view, RING if mark.edge else 0.0
    whole = fits(view.pixels(mark.xy), panel.clip, (mark.size + ring) * view.scale)
    xy, colors = mark.xy[whole], _per_item(mark.color, len(mark.xy))[whole]
    if mark.edge:
        yield _discs(axes, xy, _per_item(mark.edge, len(xy)), mark.size + ring, mark.alpha)
    yield _discs(axes, xy, colors, mark.size, mark.alpha)


def _discs(axes: Axes, xy: Floats, colors: Floats, radius: float, alpha: float) -> Artist:
    """Return discs with one colour per disc: with one for all, Agg would move each to a whole pixel."""
    return PathCollection(
        [Path.unit_circle()],
        sizes=[(radius * POINT) ** 2],
        facecolors=_with_alpha(colors, alpha),
        linewidths=0,
        offsets=xy,
        offset_transform=axes.transData,
        transform=IdentityTransform(),
    )


def _trails(mark: Trails, axes: Axes) -> Artist:
    """Return one straight piece per step and particle, with the opacity of its middle."""
    steps, n = max(len(mark.xy) - 1, 0), mark.xy.shape[1]
    pieces = np.stack([mark.xy[:steps], mark.xy[1:]], axis=2).reshape(-1, 2, 2)
    fade = mark.alpha * (np.arange(steps) + 0.5) / max(steps, 1)
    colors = _with_alpha(np.tile(_per_item(mark.color, n), (steps, 1)), np.repeat(fade, n))
    whole = np.isfinite(pieces).all(axis=(1, 2))
    return LineCollection(
        list(pieces[whole]),
        colors=colors[whole],
        linewidths=mark.width * POINT,
        capstyle="butt",
        transform=axes.transData,
    )


def _polylines(mark: Polylines, axes: Axes) -> Iterator[Artist]:
    """Yield lines; those of one colour as one path, which covers crossings only once."""
    dashes = [part * POINT for part in DASHES[mark.dash]]
    style: dict[str, Any] = {
        "linewidth": mark.width * POINT,
        "linestyle": (0, dashes or None),
        "capstyle": "butt" if dashes else "round",
        "joinstyle": "round",
    }
    colors = _with_alpha(_per_item(mark.color, len(mark.lines)), mark.alpha)
    drawn = [(Path(line), color) for line, color in zip(mark.lines, colors, strict=True) if len(line)]
    if isinstance(mark.color, str) and drawn:
        drawn = [(Path.make_compound_path(*(path for path, _ in drawn)), colors[0])]
    for path, color in drawn:
        yield PathPatch(path, fill=False, edgecolor=color, transform=axes.transData, **style)


def _arrows(mark: Arrows, axes: Axes, view: View) -> Iterator[Artist]:
    """Yield outlines of arrows; those of one colour as one path."""
    tail = view.pixels(mark.tail)
    vector = view.pixels(mark.tail + mark.vector) - tail
    shown = np.isfinite(tail + vector).all(axis=1) & (np.hypot(*vector.T) >= SHORTEST_ARROW)
    if not shown.any():
        return
    shapes = _data(arrow_shapes(tail[shown], vector[shown], mark.width * view.scale), view)
    colors = _with_alpha(_per_item(mark.color, len(tail))[shown], mark.alpha)
    if isinstance(mark.color, str):
        path = Path.make_compound_path(*(Path(shape, closed=True) for shape in _closed(shapes)))
        yield PathPatch(path, facecolor=colors[0], linewidth=0, transform=axes.transData)
    else:
        yield PolyCollection(list(shapes), facecolors=colors, linewidths=0, transform=axes.transData)


def _closed(shapes: Floats) -> Floats:
    """Return outlines with their first corner again at the end, shape (n, corners + 1, 2)."""
    return np.concatenate([shapes, shapes[:, :1]], axis=1)


def _data(pixels: Floats, view: View) -> Floats:
    """Return the data positions of frame positions: the inverse of `View.pixels`."""
    x = view.x[0] + (pixels[..., 0] - view.rect.left) * (view.x[1] - view.x[0]) / view.rect.width
    y = view.y[1] - (pixels[..., 1] - view.rect.top) * (view.y[1] - view.y[0]) / view.rect.height
    return np.stack([x, y], axis=-1)


def _image(mark: Image, axes: Axes, view: View) -> Artist:
    """Return an image: averaged if it shrinks; if it grows, smooth or with pixels as rectangles."""
    frame_pixels = abs(mark.box[1] - mark.box[0]) / abs(view.x[1] - view.x[0]) * view.rect.width
    growth = frame_pixels / mark.pixels.shape[1]
    smooth = "bilinear" if growth >= 1 else "antialiased"
    image = AxesImage(axes, extent=mark.box, origin="upper", interpolation=smooth if mark.smooth else "none")
    image.set_data(mark.pixels if mark.pixels.ndim == 3 else np.repeat(mark.pixels[..., None], 3, axis=2))
    return image


def _area(mark: Area, axes: Axes) -> Iterator[Artist]:
    """Yield an outline for each run of finite values."""
    color = _with_alpha(_per_item(mark.color, 1), mark.alpha)[0]
    known = np.isfinite(np.stack([mark.x, mark.low, mark.high])).all(axis=0)
    for run in np.ma.clump_unmasked(np.ma.masked_array(mark.x, ~known)):  # type: ignore[no-untyped-call]
        high, low = np.column_stack([mark.x, mark.high])[run], np.column_stack([mark.x, mark.low])[run]
        yield PathPatch(Path(np.concatenate([high, low[::-1]])), facecolor=color, linewidth=0, transform=axes.transData)


def _mesh(mark: Mesh, axes: Axes) -> Artist:
    """Return faces with outlines in their own colour, so that no seams show."""
    faces, known = faces_of(mark)
    opaque = mark.color / 255 if isinstance(mark.color, np.ndarray) else _per_item(mark.color, len(mark.faces))
    colors = _with_alpha(opaque[known], mark.alpha)
    seam = _SEAM * POINT if mark.alpha == 1 else 0.0
    return PolyCollection(
        list(mark.vertices[faces]), facecolors=colors, edgecolors=colors, linewidths=seam, transform=axes.transData
    )


def _text(mark: Text, axes: Axes, view: View, theme: Theme) -> Artist:
    """Return text aligned at its anchor: other outputs may set it slightly wider or narrower than pixels."""
    width, *_ = size = _size(mark, view, theme)
    left, y = anchored(mark, view, _em(mark, view), size)
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[mark.anchor[0]]
    x, y = _data(np.array([left + share * width, y]), view)
    return TextArtist(
        float(x),
        float(y),
        mark.text,
        color=mark.color,
        ha=mark.anchor[0],
        va="baseline",
        fontproperties=font(mark.size, mark.bold, theme.font, mark.text),
        transform=axes.transData,
    )


def _em(mark: Text, view: View) -> float:
    return mark.size * DPI / 72 * view.scale


def _size(mark: Text, view: View, theme: Theme) -> tuple[float, float, float]:
    """Return a text's width, and a formula's height above and below the baseline, in frame pixels."""
    extent = measure(mark.text, mark.size, mark.bold, theme.font)
    tall = (extent.ascent, extent.descent) if is_math_text(mark.text) else (0.0, 0.0)
    return extent.width * view.scale, tall[0] * view.scale, tall[1] * view.scale


def _halo(mark: Text, color: str, axes: Axes, view: View, theme: Theme) -> Iterator[Artist]:
    """Yield the halo of a text as strokes along its outlines."""
    left, baseline = anchored(mark, view, _em(mark, view), _size(mark, view, theme))
    page, per_inch = axes.get_figure(root=True), DPI * view.scale
    assert page is not None
    at = left / per_inch, page.get_figheight() - baseline / per_inch
    outline = TextPath((0, 0), mark.text, prop=font(mark.size, mark.bold, theme.font, mark.text))
    place = Affine2D().scale(1 / 72).translate(*at) + page.dpi_scale_trans
    for ring in reversed(RINGS):
        style: dict[str, Any] = {"linewidth": 2 * ring * POINT, "joinstyle": "round", "capstyle": "round"}
        yield PathPatch(outline, fill=False, edgecolor=color, alpha=STRENGTH, transform=place, **style)


def _per_item(color: Color, n: int) -> Floats:
    """Return one colour per item, shape (n, 3), in [0, 1]."""
    if isinstance(color, Shades):
        return color.palette[color.index] / 255
    return np.tile(np.array(rgb(color)) / 255, (n, 1))


def _with_alpha(colors: Floats, alpha: float | Floats) -> Floats:
    return np.concatenate([colors, np.broadcast_to(np.reshape(alpha, (-1, 1)), (len(colors), 1))], axis=1)
