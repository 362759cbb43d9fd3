"""Images, drawn or read from files."""
