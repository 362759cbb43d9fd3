"""Layers that show images."""
