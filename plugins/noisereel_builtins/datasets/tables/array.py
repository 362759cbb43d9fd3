"""Arrays of numbers, in the scene or in a NumPy file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import AfterValidator

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.files import regular_file
from noisereel.support.memory import require_memory

__all__ = ["Array"]

_BYTES = {True: 8, False: 24}  # each number at the peak: in float32, or in float64 and in float32 while it is checked


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
            torch.tensor(self.values, dtype=torch.float64)
            if isinstance(self.values, tuple)
            else _read(ctx.folder / self.values.expanduser())
        )
        x0 = values[None] if self.single else values
        return Data(x0[:, None] if x0.ndim == 1 else x0)


def _read(file: Path) -> torch.Tensor:
    """Return the numbers in a file: in float32 if that is exact, else in float64.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It does not contain an array of numbers, or they do not fit in memory.
    """
    try:
        array = np.load(regular_file(file), mmap_mode="r", allow_pickle=False)  # the header alone, until it is copied
    except (ValueError, EOFError) as error:
        if str(error).startswith(str(file)):
            raise
        raise ValueError(f"{file}: not a NumPy file (.npy) of numbers") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" or array.ndim == 0:
        raise ValueError(f"{file}: must hold one array of numbers")
    exact = np.can_cast(array.dtype, np.float32)
    try:
        require_memory("numbers", array.size, _BYTES[exact])
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return torch.from_numpy(array.astype(np.float32 if exact else np.float64))
