"""Code shared by layers of several kinds of panels."""
