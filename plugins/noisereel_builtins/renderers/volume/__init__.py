"""Layers in 3-D, seen by a camera: points and surfaces."""
