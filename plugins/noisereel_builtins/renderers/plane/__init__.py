"""Layers on the axes of points in the plane."""
