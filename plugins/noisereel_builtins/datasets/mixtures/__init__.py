"""Gaussian mixtures, whose density is known."""
