"""Samplers that inject noise: reverse SDE, Langevin."""
