"""Layers seen from a camera: points in space and surfaces."""
