"""Layers on the axes of a graph: values over time, or any x against any y."""
