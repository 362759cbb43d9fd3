"""Support: errors, keyed noise, files, text, threads, memory; independent of diffusion except for the noise."""
