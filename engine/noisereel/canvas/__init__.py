"""Canvases: draw marks, as pixels or as matplotlib artists."""
