"""Samplers that step along the posterior q(x_s | x_t, x_0)."""
