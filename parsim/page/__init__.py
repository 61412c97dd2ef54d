"""A run as a page: its data, the file that opens from disk, and what draws it in a browser (`static/`)."""
