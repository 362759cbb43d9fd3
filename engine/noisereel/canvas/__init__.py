"""Canvases: marks drawn as pixels or as matplotlib artists."""
