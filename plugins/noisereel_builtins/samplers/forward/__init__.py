"""Samplers from data to noise."""
