"""Shared parts of several kinds of samplers."""
