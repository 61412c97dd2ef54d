"""Studies: questions whose answer needs more than one run."""
