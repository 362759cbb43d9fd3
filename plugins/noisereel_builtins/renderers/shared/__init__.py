"""Parts that layers of several kinds of panels share."""
