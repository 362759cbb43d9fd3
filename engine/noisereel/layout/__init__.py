"""Layout: the place of everything in the frame."""

from .frame_layout import lay_out
from .plan import FrameText, Grid, InsetPlan, Line, PanelPlan

__all__ = ["FrameText", "Grid", "InsetPlan", "Line", "PanelPlan", "lay_out"]
