"""Entropies, divergences and likelihoods."""
