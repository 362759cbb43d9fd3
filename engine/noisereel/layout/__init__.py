"""Layout: where everything stands in the frame."""

from __future__ import annotations

from .plan import Grid, PanelPlan
from .sheet import lay_out

__all__ = ["Grid", "PanelPlan", "lay_out"]
