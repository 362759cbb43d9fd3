"""Arrays of numbers, in the scene or in a NumPy file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import AfterValidator

from noisereel.contracts.dataset import Data, Dataset, LoadContext

__all__ = ["Array"]


def _rows(value: Any) -> Any:
    """Convert nested lists of numbers to nested tuples; all rows must have the same length."""
    if not isinstance(value, list | tuple):
        return value
    frozen = _frozen(value)
    if _shape(frozen) is None:
        raise ValueError("must be numbers in lists of equal length, such as [[1, 0], [0, 1]]")
    return frozen


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of nested tuples of numbers; None if they are ragged, empty or contain anything else."""
    if not isinstance(value, tuple):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
        return () if is_number else None
    shapes = {_shape(item) for item in value}
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(value), *inner)


class Array(Dataset):
    """Numbers given as nested lists in the scene or as a ``.npy`` file: ``{array: [[1, 0], [0, 1]]}``.

    The first axis counts the samples: a list of pairs gives points in the plane, a list of numbers points on a line.
    With ``single``, the whole array is one sample; a matrix is then an image, dark at −1 and bright at 1.
    """

    primary: ClassVar[str | None] = "values"

    values: Annotated[tuple[Any, ...] | Path, AfterValidator(_rows)]
    """The numbers, or a file that contains them, relative to the scene's folder."""
    single: bool = False
    """Treat the whole array as one sample."""

    def load(self, ctx: LoadContext) -> Data:
        """Return the samples, shape (n, *event).

        Raises:
            OSError: The file cannot be opened.
            ValueError: The file does not contain an array of numbers.
        """
        values = (
            torch.tensor(self.values)
            if isinstance(self.values, tuple)
            else _read(ctx.folder / self.values.expanduser())
        )
        x0 = values.float()[None] if self.single else values.float()
        return Data(x0[:, None] if x0.ndim == 1 else x0)


def _read(file: Path) -> torch.Tensor:
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(f"{file}: not a NumPy file (.npy) of numbers") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" or array.ndim == 0:
        raise ValueError(f"{file}: must hold one array of numbers")
    return torch.from_numpy(array.astype(np.float32))
