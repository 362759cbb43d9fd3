"""Layers of graphs: values over time, or any x against any y."""
