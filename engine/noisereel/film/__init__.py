"""Films: the visits that frames show, and the drawing of each frame."""
