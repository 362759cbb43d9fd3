"""Layers of 2-D points in the plane."""
