"""Films: which visited state each frame shows, and what there is to draw at every moment."""
