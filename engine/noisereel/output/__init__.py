"""Output: drawing films, here or in worker processes, and encoding them into files that appear together at the end."""
