"""Points in the shape of curves, pictures and words."""
