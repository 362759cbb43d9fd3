"""Makers of the generated pages, each from what it describes."""
