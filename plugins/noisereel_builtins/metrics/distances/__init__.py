"""Distances between particles and data."""
