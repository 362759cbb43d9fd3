"""Metrics of the run itself: calls, loss, path length."""
