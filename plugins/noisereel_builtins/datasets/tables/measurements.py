"""Classical tables of measurements."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ...optional_deps import need

__all__ = ["Measurements"]


class Measurements(Dataset):
    """Measurements of 150 irises, 178 wines or 569 tumours, from scikit-learn; the label is the species or class.

    The numbers are as published, each column in its own unit; ``{standardised: {of: measurements, each: axis}}`` makes
    them comparable. Hue follows the label.
    """

    primary: ClassVar[str | None] = "of"

    of: Literal["iris", "wine", "breast-cancer"] = "iris"
    """The table."""
    columns: tuple[str, ...] | None = None
    """Names of the columns to use as coordinates; the last two if omitted."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the table, shape (n, columns).

        Raises:
            ValueError: scikit-learn is not installed, or a column does not exist.
        """
        datasets: Any = need("sklearn.datasets", "measurements", "scikit-learn")
        table = getattr(datasets, f"load_{self.of.replace('-', '_')}")()
        names = [str(name) for name in table.feature_names]
        chosen = self.columns or tuple(names[-2:])
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise ValueError(f"{self.of} has no column '{unknown[0]}'; known: {', '.join(names)}")
        x0 = torch.from_numpy(table.data[:, [names.index(name) for name in chosen]])
        labels = torch.from_numpy(table.target).long()
        return Data(x0, labels, labels / max(1, int(labels.max())))
