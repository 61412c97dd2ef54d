"""Read scenarios: YAML with places, settings, and the check against signatures."""
