"""Moments and simple averages."""
