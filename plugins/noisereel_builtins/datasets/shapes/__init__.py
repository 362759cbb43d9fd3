"""Points along shapes: curves, pictures, words."""
