"""Support: errors, keyed noise, files, text, threads, memory. Knows nothing of diffusion but the noise."""
