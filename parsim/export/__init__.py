"""Write a timeline as text, CSV, JSON or a trace."""
