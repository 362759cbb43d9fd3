"""Layout: where everything stands in the frame."""

from __future__ import annotations

from .plan import Grid, Inset, PanelPlan
from .sheet import lay_out

__all__ = ["Grid", "Inset", "PanelPlan", "lay_out"]
