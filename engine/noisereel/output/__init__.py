"""Output: draw a film, here or in worker processes, and encode it into files that appear together at the end."""
